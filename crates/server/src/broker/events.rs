//! `/events`: what happened at an application's customers, from the event log. A reader goes by the order of writing, up to a
//! horizon below which nothing can appear any more, so that one who polls with the last id misses none.

use acquit_core::{OrganizationId, Timestamp, event::Kind};
use acquit_store::event::{BrokerQuery, Direction, EventRecord};
use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde_json::Value;

use super::{
    error::Failure,
    event::{self, Name},
    list::{Cursor, Order, Page, Query, Window},
    manage::Reader,
};
use crate::{App, settings::BrokerApplication};

mod translate;

/// The most entries of one millisecond that are looked at for a cursor.
const SAME_MOMENT: u32 = 1000;

/// One event of an entry.
struct Found {
    record: EventRecord,
    name: Name,
    id: String,
}

/// A place in the list: an entry of the log, and which of its events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, usize);

/// What is asked for.
struct Wanted {
    names: Vec<Name>,
    /// Of which organizations; of all connections when not given.
    organizations: Option<Vec<OrganizationId>>,
    since: Timestamp,
    until: Timestamp,
    window: Window,
}

/// `GET /events`, with the API key: events of the organizations that are granted to the application.
///
/// # Errors
/// [`Failure`].
pub async fn list(
    State(app): State<App>,
    Reader(application): Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let wanted = Wanted::read(&Query::read(query.as_deref())?, &application)?;
    let page = wanted.page(&app).await?;
    let shown = translate::all(&app, &application.app, &page.data).await?;
    Ok(Json(Page { data: shown, before: page.before, after: page.after }.envelope(Value::clone)))
}

impl Wanted {
    fn read(query: &Query, application: &BrokerApplication) -> Result<Self, Failure> {
        let invalid = |message: &str| Failure::Invalid { message: message.to_owned() };
        let events = query.list("events");
        if events.is_empty() {
            return Err(invalid("events is missing: name the events that are wanted"));
        }
        let order = query.get("order")?;
        let mut window = Window::read(query)?;
        // Unlike other lists this one runs from the oldest on by itself.
        if matches!(order, None | Some("normal")) {
            window.order = Order::Asc;
        }
        let mut organizations = application.organizations.clone();
        if let Some(one) = query.get("organization_id")? {
            let one = OrganizationId::parse(one).map_err(|_| invalid("organization_id is no id of an organization"))?;
            // One that is not granted has no events, as one that does not exist.
            organizations = Some(if application.gets(Some(&one)) { vec![one] } else { Vec::new() });
        }
        Ok(Self {
            // Those that never happen here are waited for in vain, as they would be elsewhere.
            names: events.into_iter().filter_map(Name::parse).collect(),
            organizations,
            since: time(query, "range_start")?.unwrap_or(Timestamp::from_micros(i64::MIN)),
            until: time(query, "range_end")?.unwrap_or(Timestamp::MAX),
            window,
        })
    }

    async fn page(&self, app: &App) -> Result<Page<Found>, Failure> {
        let horizon = app.store.log_horizon().await?;
        let oldest_first = self.window.order == Order::Asc;
        // The list is read away from the cursor, whichever way that is.
        let (cursor, forward) = match &self.window.cursor {
            None => (None, true),
            Some(Cursor::After(id)) => (Some(self.locate(app, id, horizon).await?), true),
            Some(Cursor::Before(id)) => (Some(self.locate(app, id, horizon).await?), false),
        };
        let ascending = forward == oldest_first;
        let mut found = self.read_on(app, cursor, horizon, ascending).await?;
        let more = found.len() > self.window.limit;
        found.truncate(self.window.limit);
        if !forward {
            found.reverse();
        }
        let first = found.first().map(|found| found.id.clone());
        let last = found.last().map(|found| found.id.clone());
        let (is_before, is_after) = if forward { (cursor.is_some(), more) } else { (more, true) };
        Ok(Page { before: first.filter(|_| is_before), after: last.filter(|_| is_after), data: found })
    }

    /// The events on from a place, one more than the page holds.
    async fn read_on(
        &self,
        app: &App,
        cursor: Option<Place>,
        horizon: i64,
        ascending: bool,
    ) -> Result<Vec<Found>, Failure> {
        let kinds = Kind::ALL.into_iter().filter(|kind| Name::of(*kind).iter().any(|name| self.names.contains(name)));
        let (from, to) = match cursor {
            Some(Place(seq, _)) if ascending => (seq, horizon),
            Some(Place(seq, _)) => (i64::MIN, seq.min(horizon)),
            None => (i64::MIN, horizon),
        };
        let query = BrokerQuery {
            kinds: kinds.collect(),
            organizations: self.organizations.clone(),
            since: self.since,
            until: self.until,
            from,
            to,
            direction: if ascending { Direction::Ascending } else { Direction::Descending },
        };
        // Each entry is at least one event of those that are wanted, but for the one that the cursor stands at.
        let limit = self.window.limit + 1;
        let entries = app.store.broker_events(query, u32::try_from(limit + 1).unwrap_or(u32::MAX)).await?;
        let mut found = Vec::new();
        for record in entries {
            let seq = record.seq;
            let mut events: Vec<_> = events_of(&record).enumerate().collect();
            if !ascending {
                events.reverse();
            }
            for (index, (name, id)) in events {
                let place = Place(seq, index);
                let beyond = cursor.is_none_or(|cursor| if ascending { place > cursor } else { place < cursor });
                if beyond && self.names.contains(&name) && found.len() < limit {
                    found.push(Found { record: record.clone(), name, id });
                }
            }
        }
        Ok(found)
    }

    /// Where the event with this id stands, if this application may see it.
    async fn locate(&self, app: &App, id: &str, horizon: i64) -> Result<Place, Failure> {
        let unknown =
            || Failure::Invalid { message: "before and after are ids of events that are still kept".to_owned() };
        let at = event::time_of(id).ok_or_else(unknown)?;
        let query = BrokerQuery {
            kinds: Kind::ALL.into_iter().filter(|kind| !Name::of(*kind).is_empty()).collect(),
            organizations: self.organizations.clone(),
            since: at,
            until: at.plus(std::time::Duration::from_millis(1)),
            from: i64::MIN,
            to: horizon,
            direction: Direction::Ascending,
        };
        let entries = app.store.broker_events(query, SAME_MOMENT).await?;
        let mut places = entries.iter().flat_map(|record| {
            events_of(record).enumerate().map(|(index, (_, known))| (Place(record.seq, index), known))
        });
        places.find(|(_, known)| known == id).map(|(place, _)| place).ok_or_else(unknown)
    }
}

/// The events of an entry with their ids, in the order of the list.
fn events_of(record: &EventRecord) -> impl Iterator<Item = (Name, String)> {
    let names = Kind::parse(&record.kind).map(Name::of).unwrap_or_default();
    names.iter().map(|name| (*name, translate::id(record, *name)))
}

/// A time in ISO 8601 in UTC; other offsets are not taken, as on WorkOS's wire.
fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = query.get(name)? else { return Ok(None) };
    let parsed = text.parse::<jiff::Timestamp>().ok().filter(|_| text.ends_with(['Z', 'z']));
    let wrong = || Failure::Invalid { message: format!("{name} must be a time such as 2026-11-21T04:00:00.000Z") };
    parsed.map(|time| Some(Timestamp::from_micros(time.as_microsecond()))).ok_or_else(wrong)
}
