//! What a party's LogoutRequest ends. Neither who carried it nor by which binding matters here.

use std::collections::BTreeMap;

use acquit_core::{
    LogoutId, SessionId, UserId,
    plan::{By, Scope},
};
use acquit_oidc::client::SingleLogout;
use acquit_saml::message::{Code, Expect, Status};
use acquit_store::{Hash, replay::Once, saml::SamlAsked};

use crate::{
    App,
    broker::saml::end as upstream,
    door::DoorError,
    flow::SamlLogout,
    logout::{Done, LogoutError, Order, log_out_once},
    random,
    saml::{incoming, party::Party, registry::Sp},
};

/// What stands for a request in the memory of those that were taken.
pub(crate) fn replay_key(entity_id: &str, asked: &SamlLogout) -> Hash {
    incoming::replay_key(entity_id, &asked.request)
}

/// What a request does to one of several people: each is a logout of its own.
fn key_for(sp: &Sp, asked: &SamlLogout, user: &UserId) -> Hash {
    random::hash(&format!("{user}:{}:{}{}", sp.entity_id().len(), sp.entity_id(), asked.request))
}

/// What a request ended.
pub(crate) struct Ended {
    /// What was done now, one for each person.
    pub(crate) done: Vec<Done>,
    /// The logouts that the answer is about: those, or the one that was there before.
    pub(crate) logouts: Vec<LogoutId>,
}

impl Ended {
    /// Whether an application is to be told that it named nobody. To its identity provider a service provider says that all is
    /// over which was named, whether or not it was there (Core section 3.7.3.2 has no other word for it).
    pub(in crate::saml) fn knows_nobody(&self, party: &Party) -> bool {
        self.logouts.is_empty() && matches!(party, Party::Application(_))
    }
}

/// Ends the sessions that a party's request names. None when it was answered before.
///
/// # Errors
/// [`DoorError`]; then nothing may be said to be done.
pub(in crate::saml) async fn end(
    app: &App,
    party: &Party,
    asked: &SamlLogout,
    ip: &str,
    browser: Option<&(SessionId, UserId)>,
) -> Result<Option<Ended>, DoorError> {
    match party {
        Party::Application(sp) => of_application(app, sp, asked, ip, browser).await,
        Party::Provider(idp) => upstream::end(app, idp, asked, ip, browser).await,
    }
}

/// Ends the sessions that an application's request names, by the same call as every door. Another application's name or
/// index finds nothing. The request is taken note of in the logout's own transaction: one that the store did not take may
/// come again, and one that comes twice at once is one logout. None when it was answered before.
///
/// # Errors
/// [`DoorError`]; then nothing may be said to be done.
async fn of_application(
    app: &App,
    sp: &Sp,
    asked: &SamlLogout,
    ip: &str,
    browser: Option<&(SessionId, UserId)>,
) -> Result<Option<Ended>, DoorError> {
    if app.store.knows_saml_message(&replay_key(sp.entity_id(), asked)).await? {
        return Ok(None);
    }
    let named = SamlAsked {
        entity_id: sp.entity_id().to_owned(),
        subject: asked.subject.clone(),
        form: asked.form.clone(),
        indexes: asked.indexes.clone(),
        identity_provider: app.entity_id(),
    };
    let found = app.store.saml_sessions(named).await?;
    let mut live: BTreeMap<UserId, Vec<SessionId>> = BTreeMap::new();
    for session in found.iter().filter(|session| session.ended.is_none()) {
        live.entry(session.user.clone()).or_default().push(session.session.clone());
    }
    // Asked again: what there is to say is what the receipts of then say, of every session that it names, or of the last.
    let mut before: Vec<LogoutId> = Vec::new();
    for logout in found.into_iter().filter_map(|session| session.ended) {
        if !before.contains(&logout) && (before.is_empty() || !asked.indexes.is_empty()) {
            before.push(logout);
        }
    }
    let until = Expect::new(&[], app.clock.now()).remember_until();
    let Some((last, _)) = live.last_key_value() else {
        // That it was there already is no matter: another logout ended what it names, and the answer is the same.
        app.store.remember_saml_message(&replay_key(sp.entity_id(), asked), until).await?;
        return Ok(Some(Ended { done: Vec::new(), logouts: before }));
    };
    let last = last.clone();
    let reach = sp.settings.single_logout;
    let mut done = Vec::new();
    for (user, sessions) in live {
        let here = browser.filter(|(_, owner)| *owner == user).map(|(session, _)| session.clone());
        // It is answered when the last one is out.
        let is_last = user == last;
        let key = if is_last { replay_key(sp.entity_id(), asked) } else { key_for(sp, asked, &user) };
        let (scope, named) = match (reach, sessions.as_slice()) {
            (SingleLogout::User, _) => (Scope::User(user), sessions),
            (_, [one]) => (Scope::Session(one.clone()), Vec::new()),
            _ => (Scope::Sessions(sessions), Vec::new()),
        };
        let order = Order {
            scope,
            by: By::Application,
            party: Some(sp.app().to_string()),
            reason: None,
            tell: reach.tell(),
            ip: Some(ip.to_owned()),
            browser: here,
            named,
        };
        match log_out_once(app, order, Some(Once::saml_message(key, until))).await {
            Ok(out) => done.push(out),
            Err(LogoutError::Replayed) if is_last => return Ok(None),
            // It did this much before the store failed it.
            Err(LogoutError::Replayed) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut logouts: Vec<LogoutId> = done.iter().map(|done| done.logout.clone()).collect();
    if !asked.indexes.is_empty() {
        logouts.extend(before);
    }
    Ok(Some(Ended { done, logouts }))
}

/// The status for whom nobody knows.
pub(in crate::saml) fn unknown_principal() -> Status {
    Status::new(Code::Requester, "UnknownPrincipal")
}
