//! Reading a page: chunk by chunk until it is full, there is nothing more, or enough was looked through.

use acquit_core::{AppId, LogoutId};
use acquit_store::event::{Context, EventRecord, Place, Range};
use serde_json::Value;

use super::{
    cursor::Cursor,
    log_event::{self, Names},
    request::{From, Wanted},
    trouble::Trouble,
};
use crate::App;

/// Events that are looked at in one go where a filter may refuse many: a read holds its thread on SQLite.
const CHUNK: u32 = 500;
/// Events that one request looks through at most. One that finds little gets a short page and the link to go on.
const MOST: usize = 10_000;

/// A page of the log.
pub struct Page {
    /// The events that fit.
    pub events: Vec<Value>,
    /// Where to go on; none at the end of a range.
    pub next: Option<Cursor>,
}

/// The state of a reader: what it reads, and how far it has come.
struct Reader {
    range: Range,
}

impl Reader {
    async fn begin(app: &App, from: From) -> Result<Self, Trouble> {
        let range = match from {
            From::Begin { since } => {
                let until = app.store.log_horizon().await?;
                Range::Written { since, after: app.store.log_start(since, until).await?, until }
            }
            From::Page(Cursor::Written { since, after }) => {
                Range::Written { since, after, until: app.store.log_horizon().await? }
            }
            From::Range { since, until, descending } => Range::Timed { since, until, descending, after: None },
            From::Page(Cursor::Timed { since, until, descending, after }) => {
                Range::Timed { since, until, descending, after: Some(after) }
            }
        };
        Ok(Self { range })
    }

    /// Takes note that everything up to this event was looked at.
    fn passed(&mut self, event: &EventRecord) {
        match &mut self.range {
            Range::Written { after, .. } => *after = event.seq,
            Range::Timed { after, .. } => *after = Some(Place { at: event.at, seq: event.seq }),
        }
    }

    /// Takes note that there is nothing more for now.
    fn passed_all(&mut self) {
        if let Range::Written { after, until, .. } = &mut self.range {
            // A cursor of another node may be ahead of what this one has proved.
            *after = (*after).max(*until);
        }
    }

    /// Where to go on: always when polling, in a range while there is more.
    fn next(&self, more: bool) -> Option<Cursor> {
        match self.range {
            Range::Written { since, after, .. } => Some(Cursor::Written { since, after }),
            Range::Timed { since, until, descending, after } => {
                let after = after.filter(|_| more)?;
                Some(Cursor::Timed { since, until, descending, after })
            }
        }
    }
}

/// Reads what is wanted.
///
/// # Errors
/// [`Trouble`] when the store does not answer.
pub async fn page(app: &App, wanted: &Wanted) -> Result<Page, Trouble> {
    let logout = wanted.filter.as_ref().and_then(|filter| filter.transaction());
    let logout = logout.and_then(|id| LogoutId::parse(id).ok());
    let all_fit = wanted.filter.is_none() && wanted.keywords.is_empty();
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let mut reader = Reader::begin(app, wanted.from).await?;
    let mut events = Vec::new();
    if limit == 0 {
        return Ok(Page { events, next: reader.next(false) });
    }
    let mut looked_at = 0;
    loop {
        // One more than fits, to know whether there is another page.
        let missing = limit.saturating_sub(events.len()).saturating_add(1);
        let chunk = if all_fit { u32::try_from(missing).map_or(CHUNK, |missing| missing.min(CHUNK)) } else { CHUNK };
        let rows = app.store.log(reader.range, logout.as_ref(), chunk).await?;
        let last = rows.len() < usize::try_from(chunk).unwrap_or(usize::MAX);
        looked_at += rows.len();
        let context = app.store.log_context(&rows).await?;
        if take(app, wanted, rows, &context, &mut reader, &mut events) {
            return Ok(Page { events, next: reader.next(true) });
        }
        if last {
            reader.passed_all();
            return Ok(Page { events, next: reader.next(false) });
        }
        if looked_at >= MOST {
            return Ok(Page { events, next: reader.next(true) });
        }
        // On SQLite nothing above ever waits, and others want the thread, too.
        tokio::task::yield_now().await;
    }
}

/// Takes what fits from a chunk; whether there was one more when the page was full.
fn take(
    app: &App,
    wanted: &Wanted,
    rows: Vec<EventRecord>,
    context: &Context,
    reader: &mut Reader,
    events: &mut Vec<Value>,
) -> bool {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let application = |id: &str| app.clients.name(&AppId::new(id));
    let names = Names { context, application: &application, issuer: app.issuer() };
    for row in rows {
        if events.len() >= limit {
            return true;
        }
        let event = log_event::of(&row, &names);
        if wanted.filter.as_ref().is_none_or(|filter| filter.fits(&event)) && wanted.keywords.fit(&event) {
            events.push(event);
        }
        reader.passed(&row);
    }
    false
}
