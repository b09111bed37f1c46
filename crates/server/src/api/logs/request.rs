//! What is asked of the log: its parameters, checked, and where the next page begins.

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_oidc::params::Params;

use super::{cursor::Cursor, filter::Filter, keywords::Keywords, trouble::Trouble};

const DAY: Duration = Duration::from_secs(86_400);
/// How far back a request reads that does not say since when.
const DEFAULT_SPAN: Duration = Duration::from_secs(7 * 86_400);
/// How far back anything can be asked for.
const FARTHEST: u32 = 180;
/// Events on a page that does not say how many.
const DEFAULT_LIMIT: u32 = 100;
/// The most events on a page.
const MAX_LIMIT: u32 = 1_000;

/// Where to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A polling reader that begins: in the order of writing, without an end.
    Begin {
        /// Since when.
        since: Timestamp,
    },
    /// A range of times from its beginning.
    Range {
        /// From this time on.
        since: Timestamp,
        /// Up to this time, without it.
        until: Timestamp,
        /// The newest first.
        descending: bool,
    },
    /// On from a page.
    Page(Cursor),
}

/// A request for a page of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Where it begins.
    pub from: From,
    /// What an event must be like.
    pub filter: Option<Filter>,
    /// What an event must mention.
    pub keywords: Keywords,
    /// How many events at most.
    pub limit: u32,
}

impl Wanted {
    /// Reads the parameters of a request that arrives `now`. Parameters that we do not know are left alone, as Okta does.
    ///
    /// # Errors
    /// [`Trouble`], with the parameter.
    pub fn read(params: &Params, now: Timestamp) -> Result<Self, Trouble> {
        let since = time(params, "since")?;
        let until = time(params, "until")?;
        let descending = match params.get("sortOrder") {
            None => None,
            Some(order) if order.eq_ignore_ascii_case("ASCENDING") => Some(false),
            Some(order) if order.eq_ignore_ascii_case("DESCENDING") => Some(true),
            Some(_) => return invalid("sortOrder", "is ASCENDING or DESCENDING"),
        };
        let limit = match params.get("limit") {
            None => DEFAULT_LIMIT,
            Some(limit) => match limit.parse() {
                Ok(number) if number <= MAX_LIMIT && limit.bytes().all(|byte| byte.is_ascii_digit()) => number,
                _ => return invalid("limit", "is a number from 0 to 1000"),
            },
        };
        let from = match params.get("after") {
            Some(after) => page(after, since, until, descending)?,
            None => beginning(since, until, descending.unwrap_or(false), now)?,
        };
        let filter = params.get("filter").map(Filter::parse).transpose()?;
        let keywords = Keywords::parse(params.get("q").unwrap_or_default())?;
        Ok(Self { from, filter, keywords, limit })
    }
}

fn beginning(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    descending: bool,
    now: Timestamp,
) -> Result<From, Trouble> {
    let end = until.unwrap_or(now);
    let since = since.unwrap_or_else(|| end.minus(DEFAULT_SPAN));
    if since < now.minus(DAY * FARTHEST) {
        return Err(Trouble::TooLongPast);
    }
    if until.is_some_and(|until| until < since) {
        return invalid("until", "is before since");
    }
    Ok(match until {
        None if !descending => From::Begin { since },
        // A range that ends now includes what happens at this very moment.
        None => From::Range { since, until: now.plus(Duration::from_micros(1)), descending },
        Some(until) => From::Range { since, until, descending },
    })
}

/// `after` says by itself since when and until when; said again beside it, that must be the same.
fn page(after: &str, since: Option<Timestamp>, until: Option<Timestamp>, order: Option<bool>) -> Result<From, Trouble> {
    let Some(cursor) = Cursor::parse(after) else { return invalid("after", "is none of a link that we gave") };
    let (known_since, known_until, known_order) = match cursor {
        Cursor::Written { since, .. } => (since, None, false),
        Cursor::Timed { since, until, descending, .. } => (since, Some(until), descending),
    };
    if since.is_some_and(|since| since != known_since)
        || (until.is_some() && until != known_until)
        || order.is_some_and(|order| order != known_order)
    {
        return invalid("after", "belongs to another request: leave since, until and sortOrder away");
    }
    Ok(From::Page(cursor))
}

fn time(params: &Params, name: &'static str) -> Result<Option<Timestamp>, Trouble> {
    let Some(text) = params.get(name) else { return Ok(None) };
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(Some(Timestamp::from_micros(time.as_microsecond()))),
        Err(_) => invalid(name, "is no time in ISO 8601 with its offset, such as 2026-11-21T04:00:00Z"),
    }
}

fn invalid<T>(parameter: &'static str, cause: &str) -> Result<T, Trouble> {
    Err(Trouble::Validation { parameter, cause: cause.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_790_000_000)
    }

    fn read(query: &str) -> Result<Wanted, Trouble> {
        Wanted::read(&Params::parse(query.as_bytes()).unwrap(), now())
    }

    fn from(query: &str) -> From {
        read(query).unwrap_or_else(|trouble| panic!("{query}: {trouble}")).from
    }

    #[test]
    fn without_an_end_it_is_polling_and_with_one_a_range() {
        let at = |day: u32| now().minus(DAY * day);
        assert_eq!(from(""), From::Begin { since: at(7) });
        let (begin, end) = ("2026-09-11T14:13:20Z", "2026-09-16T16:13:20%2B02:00");
        assert_eq!(from(&format!("since={begin}&sortOrder=ASCENDING")), From::Begin { since: at(10) });
        let range = |descending| From::Range { since: at(10), until: at(5), descending };
        assert_eq!(from(&format!("since={begin}&until={end}")), range(false));
        assert_eq!(from(&format!("since={begin}&until={end}&sortOrder=descending")), range(true));
        assert_eq!(from(&format!("until={end}")), From::Range { since: at(12), until: at(5), descending: false });
        let to_now = now().plus(Duration::from_micros(1));
        assert_eq!(from("sortOrder=DESCENDING"), From::Range { since: at(7), until: to_now, descending: true });
    }

    #[test]
    fn a_page_keeps_the_times_of_its_request() {
        assert!(matches!(from("after=w.5.7"), From::Page(Cursor::Written { after: 7, .. })));
        assert!(matches!(from("after=w.5000000.7&since=1970-01-01T00:00:05Z"), From::Page(_)));
        for query in [
            "after=w.5.7&since=1970-01-01T00:00:06Z",
            "after=w.5.7&until=1970-01-01T00:00:06Z",
            "after=w.5.7&sortOrder=DESCENDING",
            "after=d.1.2.3.4&sortOrder=ASCENDING",
            "after=nonsense",
        ] {
            assert!(matches!(read(query), Err(Trouble::Validation { parameter: "after", .. })), "{query}");
        }
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (query, wrong) in [
            ("since=yesterday", "since"),
            ("since=2026-09-11", "since"),
            ("until=2026-13-11T00:00:00Z", "until"),
            ("since=2026-09-11T00:00:00Z&until=2026-09-10T00:00:00Z", "until"),
            ("sortOrder=UP", "sortOrder"),
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("limit=%2B1", "limit"),
            ("limit=ten", "limit"),
            ("q=a-keyword-that-is-longer-than-forty-characters", "q"),
        ] {
            let found = read(query);
            assert!(
                matches!(found, Err(Trouble::Validation { parameter, .. }) if parameter == wrong),
                "{query}: {found:?}"
            );
        }
        assert!(matches!(read("since=2026-01-01T00:00:00Z"), Err(Trouble::TooLongPast)));
        assert!(matches!(read("filter=published+pr"), Err(Trouble::Filter(_))));
        assert_eq!(read("limit=0").unwrap().limit, 0);
        assert_eq!(read("limit=1000&unknown=x").unwrap().limit, 1000);
    }
}
