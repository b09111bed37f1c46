//! The browser at the door: its session, if it has one, and what binds its forms to it.

use acquit_core::session::Life;
use acquit_store::{StoreError, session::SessionView};
use axum::http::{HeaderMap, HeaderValue};

use crate::{
    App,
    broker::person::address,
    cookies::Name,
    door::DoorError,
    provenance,
    random::{self, NoRandomness},
};

/// What is known of the browser that sent a request.
pub struct Browser {
    /// The live session, if it has one.
    pub session: Option<SessionView>,
    /// A session that has ended, whose cookie the browser still carries. It is kept for frames that wait for this browser
    /// and for recognising a repeated sign-out, for nothing else.
    pub former: Option<SessionView>,
    /// A session that this node refuses although the store has it alive: its logout is under way, or the store did not
    /// take it. Nobody is signed in by it, and nobody may be told that it is over before
    /// [`finish`](crate::logout::finish) says so.
    pub leaving: Option<SessionView>,
    binding: Option<String>,
    fresh: Option<String>,
}

impl Browser {
    /// Looks up who is at the door. A live session counts as used.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer: then nobody is taken for signed in.
    pub async fn look_up(app: &App, headers: &HeaderMap) -> Result<Self, StoreError> {
        let handle = app.cookies.read(headers, Name::Session);
        let mut browser = Self { session: None, former: None, leaving: None, binding: None, fresh: None };
        if let Some(handle) = &handle
            && let Some(mut view) = app.store.session_by_handle(&random::hash(handle)).await?
        {
            let now = app.clock.now();
            if app.is_live(&view, now) {
                app.used(&view.session).await?;
                if address(&app.clients, &view.user).is_none() {
                    (view.user.email, view.user.email_verified) = (None, false);
                }
                browser.session = Some(view);
                browser.binding = Some(handle.clone());
            } else if view.life(now, app.settings().lifetimes.session()) == Life::Live {
                browser.leaving = Some(view);
            } else {
                browser.former = Some(view);
            }
        }
        if browser.binding.is_none() {
            browser.binding = app.cookies.read(headers, Name::Browser);
        }
        Ok(browser)
    }

    /// The token of a form on a page for this browser. A browser without anything to bind it to is given a cookie: send
    /// [`Browser::fresh_cookie`] with the page.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn form_token(&mut self, app: &App, form: &str) -> Result<String, NoRandomness> {
        if self.binding.is_none() {
            let value = random::secret()?;
            self.fresh = Some(value.clone());
            self.binding = Some(value);
        }
        Ok(app.sealer.tag(form, &[self.binding.as_deref().unwrap_or_default()]))
    }

    /// The `Set-Cookie` header to be sent with a page whose form was bound to a browser that had no cookie.
    #[must_use]
    pub fn fresh_cookie(&self, app: &App) -> Option<HeaderValue> {
        self.fresh.as_deref().map(|value| app.cookies.set(Name::Browser, value))
    }

    /// Checks that a form was filled in on one of our pages, in this browser.
    ///
    /// # Errors
    /// [`DoorError::Forbidden`] when the browser says that it comes from another site, [`DoorError::Expired`] when the
    /// token is not this browser's.
    pub fn check_form(&self, app: &App, headers: &HeaderMap, form: &str, token: &str) -> Result<(), DoorError> {
        if !provenance::same_origin(headers, &app.server.issuer) {
            return Err(DoorError::Forbidden("this form was sent by another site"));
        }
        match &self.binding {
            Some(binding) if app.sealer.tag_matches(form, &[binding], token) => Ok(()),
            _ => Err(DoorError::Expired),
        }
    }
}
