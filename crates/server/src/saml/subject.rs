//! The person whom a request for an assertion names (Core section 3.4.1): the answer is about that one or says that it cannot
//! be.

use acquit_core::participant::NameIdForm;
use acquit_saml::{
    message::NameId,
    names::{FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED},
};
use acquit_store::{StoreError, saml::SamlAsked, session::SessionView};

use super::registry::Sp;
use crate::{App, flow::SamlSubject};

/// What is kept of the name in a request.
pub(super) fn kept(name: NameId) -> SamlSubject {
    SamlSubject {
        value: name.value,
        form: NameIdForm {
            format: name.format,
            name_qualifier: name.name_qualifier,
            sp_name_qualifier: name.sp_name_qualifier,
        },
    }
}

/// What a person may know the name by, for the sign-in page; a pseudonym says nothing to them.
pub(super) fn hint(subject: &SamlSubject) -> Option<String> {
    (!is_pseudonym(subject)).then(|| subject.value.clone())
}

/// Whether the person of a session is the one that a request names: by their username or address, where that is the kind of
/// name or none is given, or by the name that this application has or had for them.
pub(super) async fn is(app: &App, sp: &Sp, view: &SessionView, subject: &SamlSubject) -> Result<bool, StoreError> {
    let SamlSubject { value, form } = subject;
    let (user, us) = (&view.user, app.entity_id());
    if is_known_as(app, sp, view, subject).await? {
        return Ok(true);
    }
    let persistent = NameIdForm { format: Some(FORMAT_PERSISTENT.to_owned()), ..NameIdForm::default() };
    if persistent.matches(form, &us, sp.entity_id())
        && app.store.persistent_name(&user.id, sp.entity_id()).await?.as_ref() == Some(value)
    {
        return Ok(true);
    }
    let asked = SamlAsked {
        entity_id: sp.entity_id().to_owned(),
        subject: value.clone(),
        form: form.clone(),
        indexes: Vec::new(),
        identity_provider: us,
    };
    // A pseudonym is one person's for good. A username or an address may have gone to another: there only the session counts
    // in which the application knows this person by it.
    let for_good = is_pseudonym(subject);
    let sessions = app.store.saml_sessions(asked).await?;
    Ok(sessions.iter().any(|known| known.user == user.id && (for_good || known.session == view.session.id)))
}

/// Whether the request names the person as everybody does: by what is theirs now, and by nobody else's word.
async fn is_known_as(app: &App, sp: &Sp, view: &SessionView, subject: &SamlSubject) -> Result<bool, StoreError> {
    let SamlSubject { value, form } = subject;
    let here = NameIdForm { format: form.format.clone(), ..NameIdForm::default() };
    if !here.matches(form, &app.entity_id(), sp.entity_id()) {
        return Ok(false);
    }
    let is_email = view.user.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(value));
    match form.format.as_deref() {
        None | Some(FORMAT_UNSPECIFIED) if view.user.username == *value => Ok(true),
        // A username may read like an address; then it is its owner's.
        None | Some(FORMAT_UNSPECIFIED) if is_email => Ok(app.store.user_by_username(value).await?.is_none()),
        Some(FORMAT_EMAIL) => Ok(is_email),
        _ => Ok(false),
    }
}

fn is_pseudonym(subject: &SamlSubject) -> bool {
    matches!(subject.form.format.as_deref(), Some(FORMAT_PERSISTENT | FORMAT_TRANSIENT))
}
