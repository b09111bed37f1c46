//! A person with a browser, who goes from application to application.

use url::Url;

use super::{
    AppState, OnceError,
    dashboard::{self, Held},
};
use crate::demo::{
    Demo,
    browser::{Browser, BrowserError, Page},
    kind::Kind,
};

/// A person with a browser.
pub(super) struct Visitor<'a> {
    demo: &'a Demo,
    browser: Browser,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(demo: &'a Demo, user_agent: &'static str) -> Self {
        Self { demo, browser: Browser::new(user_agent) }
    }

    fn url(&self, kind: Kind, path: &str) -> String {
        let origin = self.demo.apps().find(|(known, _)| known.id == kind.id).map(|(_, origin)| origin);
        format!("{}{path}", origin.unwrap_or_default())
    }

    /// Signs in at an application, with name and password, wherever these are asked for.
    pub(super) async fn sign_in(&mut self, kind: Kind, (name, password): (&str, &str)) -> Result<Url, OnceError> {
        let page = self.press_sign_in(kind).await?;
        let form = page.form("password").ok_or_else(|| unexpected(&page, "a sign-in page"))?;
        let asked_at = page.url.clone();
        let page = self.browser.submit(&page, &form, &[("username", name), ("password", password)]).await?;
        let page = self.post_on(page).await?;
        expect_live(&page)?;
        Ok(asked_at)
    }

    /// Signs in at one more application: nobody is asked for anything.
    pub(super) async fn open(&mut self, kind: Kind) -> Result<(), OnceError> {
        let page = self.press_sign_in(kind).await?;
        let page = self.post_on(page).await?;
        expect_live(&page)
    }

    /// Posts the form that a script of Acquit's page posts at once: SAML's Response.
    async fn post_on(&mut self, page: Page) -> Result<Page, OnceError> {
        match page.form("SAMLResponse") {
            Some(form) => Ok(self.browser.submit(&page, &form, &[]).await?),
            None => Ok(page),
        }
    }

    async fn press_sign_in(&mut self, kind: Kind) -> Result<Page, OnceError> {
        let page = self.browser.go(&self.url(kind, "/")).await?;
        let link = page.link("data-sign-in").ok_or_else(|| unexpected(&page, "a page with a link to sign in"))?;
        Ok(self.browser.follow(&page, &link).await?)
    }

    /// Signs out at an application, and comes back to it.
    pub(super) async fn sign_out_and_back(&mut self, kind: Kind) -> Result<(), OnceError> {
        let landed = self.sign_out(kind, "back").await?;
        if landed.url.as_str().starts_with(&self.url(kind, "/signed-out?")) && landed.status.is_success() {
            Ok(())
        } else {
            Err(unexpected(&landed, "the application's page after a sign-out"))
        }
    }

    /// Signs out at an application, lets the page in between load its frames and say so, and goes on to the end.
    pub(super) async fn sign_out(&mut self, kind: Kind, then: &str) -> Result<Page, OnceError> {
        let page = self.browser.go(&self.url(kind, "/")).await?;
        let form = page.form("then").ok_or_else(|| unexpected(&page, "a page with a button to sign out"))?;
        let page = self.browser.submit(&page, &form, &[("then", then)]).await?;
        if page.mark("data-page").as_deref() != Some("signing-out") {
            return Err(unexpected(&page, "Acquit's page that tells applications through the browser"));
        }
        let lacks = |what| BrowserError::Lacks(page.place(), what);
        let report_to = page.mark("data-report-to").ok_or_else(|| lacks("data-report-to"))?;
        let token = page.mark("data-report-token").ok_or_else(|| lacks("data-report-token"))?;
        let onward = page.link("data-continue").ok_or_else(|| lacks("a link onward"))?;
        let frames = page.frames();
        let mut report = vec![("token", token.as_str())];
        for frame in &frames {
            self.browser.frame(&page, frame).await?;
            report.push(("frame", frame.id.as_str()));
        }
        self.browser.report(&page, &report_to, &report).await?;
        Ok(self.browser.follow(&page, &onward).await?)
    }

    /// Opens the page behind the gateway, and holds its stream open.
    pub(super) async fn hold(&mut self) -> Result<Held, OnceError> {
        dashboard::hold(&mut self.browser, &format!("{}/", self.demo.dashboard())).await
    }

    /// What the application itself says of this browser's session.
    pub(super) async fn state(&mut self, kind: Kind) -> Result<AppState, OnceError> {
        let page = self.browser.go(&self.url(kind, "/")).await?;
        Ok(AppState {
            app: kind.id,
            state: page.mark("data-session").unwrap_or_default(),
            ended_by: page.mark("data-ended-by"),
            told: page.mark("data-told").is_some(),
        })
    }

    /// Whether Acquit knows this browser.
    pub(super) async fn is_signed_in(&mut self) -> Result<bool, OnceError> {
        self.is_known_at(self.demo.issuer()).await
    }

    /// Whether the Acquit at `issuer` knows it.
    pub(super) async fn is_known_at(&mut self, issuer: &str) -> Result<bool, OnceError> {
        let page = self.browser.go(&format!("{issuer}/account")).await?;
        Ok(page.mark("data-page").as_deref() == Some("account"))
    }
}

fn expect_live(page: &Page) -> Result<(), OnceError> {
    if page.mark("data-session").as_deref() == Some("live") {
        Ok(())
    } else {
        Err(unexpected(page, "the application, with somebody signed in"))
    }
}

pub(super) fn unexpected(page: &Page, what: &'static str) -> OnceError {
    OnceError::Page(page.place(), what)
}
