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
    let pseudonym = matches!(subject.form.format.as_deref(), Some(FORMAT_PERSISTENT | FORMAT_TRANSIENT));
    (!pseudonym).then(|| subject.value.clone())
}

/// Whether the person of a session is the one that a request names: by their username or address, where that is the kind of
/// name or none is given, or by the name that this application has or had for them.
pub(super) async fn is(app: &App, sp: &Sp, view: &SessionView, subject: &SamlSubject) -> Result<bool, StoreError> {
    let SamlSubject { value, form } = subject;
    let (user, us) = (&view.user, app.entity_id());
    let is_email = || user.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(value));
    let known = match form.format.as_deref() {
        None | Some(FORMAT_UNSPECIFIED) => user.username == *value || is_email(),
        Some(FORMAT_EMAIL) => is_email(),
        _ => false,
    };
    if known {
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
    Ok(app.store.saml_sessions(asked).await?.iter().any(|session| session.user == user.id))
}
