//! The demo driven by itself: two browsers sign in, one signs out at one application, and what became of everything is
//! compared with what should have.

use std::time::Duration;

use acquit_core::{
    receipt::Receipt,
    step::{Channel, Outcome},
};
use acquit_store::{StoreError, receipt::LogoutFilter};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Demo, PASSWORD, USERNAME,
    browser::{Browser, BrowserError, Page},
    kind::{ARCHIVE, CALENDAR, Kind, NOTES, WIKI},
};

mod check;

pub use check::{AppState, Check, Observed, checks};

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(60);
/// How long the receipt is waited for.
const RECEIPT_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why the run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// A browser did not get on.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// A page is not the one that should come.
    #[error("{0}: this should be {1}")]
    Page(String, &'static str),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no logout.
    #[error("signing out left no receipt")]
    NoReceipt,
    /// It took too long.
    #[error("it did not come to its end within {} seconds", WITHIN.as_secs())]
    Time,
}

/// Drives the demo, and observes.
///
/// # Errors
/// [`OnceError`].
pub async fn drive(demo: &Demo) -> Result<Observed, OnceError> {
    timeout(WITHIN, story(demo)).await.unwrap_or(Err(OnceError::Time))
}

async fn story(demo: &Demo) -> Result<Observed, OnceError> {
    let mut first = Visitor::new(demo, "Mozilla/5.0 (X11; Linux x86_64) first browser of the demo");
    let mut second = Visitor::new(demo, "Mozilla/5.0 (Macintosh) second browser of the demo");
    first.sign_in(CALENDAR).await?;
    first.open(NOTES).await?;
    first.open(WIKI).await?;
    first.open(ARCHIVE).await?;
    second.sign_in(CALENDAR).await?;
    second.open(WIKI).await?;
    first.sign_out(NOTES).await?;
    let (receipt, logouts) = settled(demo).await?;
    Ok(Observed {
        receipt,
        logouts,
        first: [
            first.state(CALENDAR).await?,
            first.state(NOTES).await?,
            first.state(WIKI).await?,
            first.state(ARCHIVE).await?,
        ],
        first_at_acquit: first.is_signed_in().await?,
        second: [second.state(CALENDAR).await?, second.state(WIKI).await?],
        second_at_acquit: second.is_signed_in().await?,
    })
}

/// The receipt of the newest logout, once everything that can happen soon has happened, and how many logouts there are.
async fn settled(demo: &Demo) -> Result<(Receipt, usize), OnceError> {
    let until = Instant::now() + RECEIPT_WITHIN;
    loop {
        let logouts = demo.acquit().store.logouts(&LogoutFilter::default(), None, 10).await?.data;
        let count = logouts.len();
        let receipt = logouts.into_iter().next().ok_or(OnceError::NoReceipt)?;
        let waits = receipt.steps.iter().any(|line| match (line.channel, line.outcome) {
            (_, Outcome::Pending) => line.attempts.is_empty(),
            // What the page's script reports comes after what the page itself proves.
            (Some(Channel::Frontchannel), Outcome::Sent) => line.detail.as_deref() != Some("loaded"),
            _ => false,
        });
        if !waits || Instant::now() >= until {
            return Ok((receipt, count));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// A person with a browser.
struct Visitor<'a> {
    demo: &'a Demo,
    browser: Browser,
}

impl<'a> Visitor<'a> {
    fn new(demo: &'a Demo, user_agent: &'static str) -> Self {
        Self { demo, browser: Browser::new(user_agent) }
    }

    fn url(&self, kind: Kind, path: &str) -> String {
        let origin = self.demo.apps().find(|(known, _)| known.id == kind.id).map(|(_, origin)| origin);
        format!("{}{path}", origin.unwrap_or_default())
    }

    /// Signs in at an application, with the password.
    async fn sign_in(&mut self, kind: Kind) -> Result<(), OnceError> {
        let page = self.press_sign_in(kind).await?;
        let form = page.form("password").ok_or_else(|| unexpected(&page, "Acquit's sign-in page"))?;
        let page = self.browser.submit(&page, &form, &[("username", USERNAME), ("password", PASSWORD)]).await?;
        let page = self.post_on(page).await?;
        expect_live(&page)
    }

    /// Signs in at one more application: nobody is asked for anything.
    async fn open(&mut self, kind: Kind) -> Result<(), OnceError> {
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

    /// Signs out at an application, lets the page in between load its frames and say so, and comes back.
    async fn sign_out(&mut self, kind: Kind) -> Result<(), OnceError> {
        let page = self.browser.go(&self.url(kind, "/")).await?;
        let form = page.form("then").ok_or_else(|| unexpected(&page, "a page with a button to sign out"))?;
        let page = self.browser.submit(&page, &form, &[("then", "back")]).await?;
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
        let landed = self.browser.follow(&page, &onward).await?;
        if landed.url.as_str().starts_with(&self.url(kind, "/signed-out?")) && landed.status.is_success() {
            Ok(())
        } else {
            Err(unexpected(&landed, "the application's page after a sign-out"))
        }
    }

    /// What the application itself says of this browser's session.
    async fn state(&mut self, kind: Kind) -> Result<AppState, OnceError> {
        let page = self.browser.go(&self.url(kind, "/")).await?;
        Ok(AppState {
            app: kind.id,
            state: page.mark("data-session").unwrap_or_default(),
            ended_by: page.mark("data-ended-by"),
            told: page.mark("data-told").is_some(),
        })
    }

    /// Whether Acquit knows this browser.
    async fn is_signed_in(&mut self) -> Result<bool, OnceError> {
        let page = self.browser.go(&format!("{}/account", self.demo.issuer())).await?;
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

fn unexpected(page: &Page, what: &'static str) -> OnceError {
    OnceError::Page(page.place(), what)
}

#[cfg(test)]
mod tests;
