//! What our events are called in Okta's log: by Okta's own name where it has one for the very thing, else `acquit.*`.

use acquit_core::event::Kind;
use acquit_store::event::EventRecord;

/// The name of an event's type and the words for people.
#[must_use]
pub fn of(event: &EventRecord) -> (String, &'static str) {
    let (name, words) = match Kind::parse(&event.kind) {
        Some(Kind::SessionBegan | Kind::SignInFailed) => ("user.session.start", "User login"),
        Some(Kind::SessionReauthenticated) => ("user.authentication.verify", "User proved again who they are"),
        Some(Kind::SessionEnded) => ("user.session.end", "User logout"),
        Some(Kind::ParticipantJoined) => ("user.authentication.sso", "User single sign on to app"),
        Some(Kind::LogoutPlanned) if clears(event) => ("user.session.clear", "Administrator cleared a user's sessions"),
        Some(Kind::LogoutPlanned) => ("acquit.logout.start", "Logout was recorded with all its steps"),
        Some(Kind::StepAttempted) => ("acquit.logout.step", "Logout at one app"),
        Some(Kind::TokenReused) => ("app.oauth2.token.detect_reuse", "Code or refresh token was used twice"),
        Some(Kind::PasswordChanged) => ("user.account.update_password", "User password changed"),
        Some(Kind::UserDisabled) if event.detail.as_deref() == Some("deleted") => {
            ("user.lifecycle.delete.completed", "User was deleted")
        }
        Some(Kind::UserDisabled) => ("user.lifecycle.deactivate", "User was deactivated"),
        Some(Kind::KeyRotated) => ("acquit.key.rotate", "Signing key was made or retired"),
        Some(Kind::ClientChanged) => match event.detail.as_deref() {
            Some("registered") => ("application.lifecycle.create", "App registered itself"),
            Some("deleted") => ("application.lifecycle.delete", "App was deleted"),
            _ => ("application.lifecycle.update", "App changed its registration"),
        },
        Some(Kind::SsoSucceeded) => {
            ("user.authentication.auth_via_IDP", "User was vouched for by an identity provider")
        }
        Some(Kind::SsoFailed) => ("user.authentication.auth_via_IDP", "Sign-in at an identity provider failed"),
        Some(Kind::LogoutSettled) => ("acquit.logout.complete", "Nothing of a logout is pending any more"),
        Some(Kind::ConnectionActivated) => ("system.idp.lifecycle.activate", "Connection was activated"),
        Some(Kind::ConnectionDeactivated) => ("system.idp.lifecycle.deactivate", "Connection was deactivated"),
        Some(Kind::ConnectionDeleted) => ("system.idp.lifecycle.delete", "Connection was deleted"),
        // Written by a newer node.
        None => return (format!("acquit.{}", event.kind.replace('-', "_")), "Event of a newer version"),
    };
    (name.to_owned(), words)
}

/// Whether an administrator ended all of a user's sessions, which Okta has an event of its own for.
fn clears(event: &EventRecord) -> bool {
    event.facts.by.as_deref() == Some("administrator") && event.facts.scope.as_deref() == Some("user")
}
