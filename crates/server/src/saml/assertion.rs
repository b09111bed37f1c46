//! What an assertion says of a person to one application.

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_saml::{
    message::{Assertion, Attribute, AuthnStatement, MessageId, NameId},
    names::{AC_PASSWORD, ATTRNAME_URI},
};
use acquit_store::session::SessionView;

use super::registry::Sp;
use crate::{App, door::DoorError, flow::SamlPending, random, settings::saml::AttributeSource};

/// How long an assertion may be on its way.
pub(super) const LIFE: Duration = Duration::from_secs(5 * 60);

/// The assertion about the person of a session, under the name that this application has for them.
///
/// # Errors
/// [`DoorError::Internal`] without random bytes.
pub(super) fn of(
    app: &App,
    sp: &Sp,
    view: &SessionView,
    pending: &SamlPending,
    name_id: NameId,
    session_index: String,
    until: Timestamp,
) -> Result<Assertion, DoorError> {
    let now = app.clock.now();
    let longest = app.settings().lifetimes.session_max;
    let assertion = Assertion {
        id: MessageId::from_random(random::bytes()?).to_string(),
        issue_instant: now,
        issuer: app.entity_id(),
        name_id,
        in_response_to: pending.request.clone(),
        recipient: pending.acs.clone(),
        not_before: None,
        not_on_or_after: until,
        audience: sp.entity_id().to_owned(),
        authn: AuthnStatement {
            instant: view.session.authenticated_at,
            session_index: Some(session_index),
            session_not_on_or_after: Some(view.session.began_at.plus(longest)),
            context: AC_PASSWORD.to_owned(),
            authorities: Vec::new(),
        },
        attributes: attributes(sp, view),
    };
    Ok(assertion.valid_for(now, LIFE))
}

fn attributes(sp: &Sp, view: &SessionView) -> Vec<Attribute> {
    let user = &view.user;
    let values = |source: AttributeSource| match source {
        AttributeSource::Id => vec![user.id.to_string()],
        AttributeSource::Username => vec![user.username.clone()],
        AttributeSource::Email => user.email.iter().cloned().collect(),
        AttributeSource::Name => vec![user.name.clone().unwrap_or_else(|| user.username.clone())],
        AttributeSource::Groups => user.groups.clone(),
    };
    let all = sp.settings.attributes.iter().map(|(name, source)| (name, values(*source)));
    // An attribute without a value is left out (Core section 2.7.3.1.1 would have it mean something else).
    all.filter(|(_, values)| !values.is_empty()).map(|(name, values)| attribute(name, values)).collect()
}

fn attribute(name: &str, values: Vec<String>) -> Attribute {
    let mut attribute = Attribute::new(name, values);
    if name.starts_with("urn:") || name.contains("://") {
        attribute.format = Some(ATTRNAME_URI.to_owned());
    }
    attribute
}
