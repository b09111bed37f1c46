//! The app with no login of its own: what the gateway does with its stream, and with its cookie, when the session ends elsewhere.

use std::time::Duration;

use acquit_core::{
    AppId,
    receipt::Receipt,
    step::{Channel, Outcome},
};
use acquit_gateway::proxy::close;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncReadExt, time::timeout};

use super::{
    Check, OnceError,
    check::{check, lines, said_of},
    visitor::unexpected,
};
use crate::demo::{
    browser::{Browser, Page},
    dashboard::LIVE,
};

/// How long after the sign-out the end of the stream is waited for.
const WITHIN: Duration = Duration::from_secs(5);

/// What was seen of it after the sign-out.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What its stream said last: the number, and the frame that closed it; nothing where it was not closed.
    pub last_words: Option<Vec<u8>>,
    /// What is answered to a copy of the cookie, in another browser.
    pub status: u16,
}

/// A stream that is open, and a copy of the browser that opened it.
pub(super) struct Held {
    stream: TokioIo<Upgraded>,
    page: Page,
    thief: Browser,
}

/// Opens the page and its stream in a browser that is signed in, up to the first number.
pub(super) async fn hold(browser: &mut Browser, url: &str) -> Result<Held, OnceError> {
    let page = browser.go(url).await?;
    if page.mark("data-live").is_none() {
        return Err(unexpected(&page, "the app behind the gateway, with somebody signed in"));
    }
    let (_, stream) = browser.websocket(&page, LIVE).await?;
    let mut stream = TokioIo::new(stream.ok_or_else(|| unexpected(&page, "a page with a stream that opens"))?);
    let mut head = [0; 2];
    if !matches!(timeout(WITHIN, stream.read_exact(&mut head)).await, Ok(Ok(_))) {
        return Err(unexpected(&page, "a page whose stream says something"));
    }
    Ok(Held { stream, page, thief: browser.clone() })
}

impl Held {
    /// What became of it, after the sign-out.
    pub(super) async fn see(mut self) -> Result<Seen, OnceError> {
        let mut heard = Vec::new();
        let ended = timeout(WITHIN, self.stream.read_to_end(&mut heard)).await;
        let last_words = matches!(ended, Ok(Ok(_))).then_some(heard);
        let (status, _) = self.thief.websocket(&self.page, LIVE).await?;
        Ok(Seen { last_words, status: status.as_u16() })
    }
}

/// Everything that should be so. `party` is the host of the route.
pub(super) fn checks(seen: &Seen, receipt: &Receipt, party: &str) -> Vec<Check> {
    let party = AppId::new(party);
    let steps = lines(receipt, |line| line.party == party);
    let confirmed = matches!(steps.as_slice(), [one]
        if one.channel == Some(Channel::Gateway)
            && one.outcome == Outcome::Confirmed
            && one.detail.as_deref() == Some("1 open stream was closed"));
    let closed = seen.last_words.as_ref().is_some_and(|heard| heard.ends_with(&close(1008, "signed out")));
    vec![
        check("Dashboard's step is the gateway's, and confirmed with one stream", confirmed, || said_of(&steps)),
        check("first browser: Dashboard's stream was closed in the middle, as signed out", closed, || {
            match &seen.last_words {
                Some(heard) => format!("it ended with {}", String::from_utf8_lossy(heard).escape_debug()),
                None => "it goes on".to_owned(),
            }
        }),
        check("a copy of its cookie opens nothing at Dashboard any more", seen.status == 401, || {
            format!("it was answered {}", seen.status)
        }),
    ]
}
