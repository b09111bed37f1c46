//! Lists on WorkOS's wire: which part of one is asked for, in which order, and the envelope that it comes in.

use serde_json::{Value, json};

use super::error::Failure;

/// How many objects a page has when nobody says.
const DEFAULT: usize = 10;
/// The most.
const MAX: usize = 100;
/// The longest query that is looked at, in bytes, and the most parameters of it.
const MAX_QUERY: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 256;
/// The longest cursor, in bytes: an id.
const MAX_CURSOR: usize = acquit_core::id::MAX_ID_LEN;

/// The parameters of a list request. A list may come as `name=a,b`, `name=a&name=b`, `name[]=a` or `name[0]=a`: each SDK has
/// its way.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for one that is too long.
    pub fn read(query: Option<&str>) -> Result<Self, Failure> {
        let query = query.unwrap_or_default();
        let parameters: Vec<_> =
            form_urlencoded::parse(query.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if query.len() > MAX_QUERY || parameters.len() > MAX_PARAMETERS {
            return Err(Failure::Invalid { message: "the query is too long".to_owned() });
        }
        Ok(Self(parameters))
    }

    /// A parameter; an empty one counts as absent.
    ///
    /// # Errors
    /// [`Failure::Invalid`] when it says two different things.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut given = self.0.iter().filter(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
        let first = given.next().map(String::as_str);
        if given.any(|other| Some(other.as_str()) != first) {
            return Err(Failure::Invalid { message: format!("{name} was sent twice") });
        }
        Ok(first)
    }

    /// The entries of a parameter that is a list.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        let is_it = |key: &str| {
            let rest = key.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']')))
        };
        let given = self.0.iter().filter(|(key, _)| is_it(key)).flat_map(|(_, value)| value.split(','));
        given.map(str::trim).filter(|entry| !entry.is_empty()).collect()
    }
}

/// In which order a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Desc,
    /// The oldest first.
    Asc,
}

/// From where on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The objects that come right before this id, in the list's order.
    Before(String),
    /// Those that come right after it.
    After(String),
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many objects at most.
    pub limit: usize,
    /// In which order.
    pub order: Order,
    /// From where on; from the beginning when absent.
    pub cursor: Option<Cursor>,
    /// Whether `before` on the wire means what is older, and `after` what is newer: that is the order `normal`, which is
    /// otherwise `desc`.
    swapped: bool,
}

impl Window {
    /// Reads `limit`, `order`, `before` and `after`.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn read(query: &Query) -> Result<Self, Failure> {
        let invalid = |message: &str| Failure::Invalid { message: message.to_owned() };
        let limit = match query.get("limit")? {
            None => DEFAULT,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=MAX).contains(limit));
                limit.ok_or_else(|| invalid("limit must be a number from 1 to 100"))?
            }
        };
        let (order, swapped) = match query.get("order")? {
            None | Some("desc") => (Order::Desc, false),
            Some("normal") => (Order::Desc, true),
            Some("asc") => (Order::Asc, false),
            Some(_) => return Err(invalid("order must be desc, asc or normal")),
        };
        let cursor = match (query.get("before")?, query.get("after")?) {
            (None, None) => None,
            (Some(_), Some(_)) => return Err(invalid("before and after cannot be given together")),
            (Some(id), None) | (None, Some(id)) if id.len() > MAX_CURSOR => {
                return Err(invalid("before and after are ids of objects of the list"));
            }
            (Some(id), None) if swapped => Some(Cursor::After(id.to_owned())),
            (None, Some(id)) if swapped => Some(Cursor::Before(id.to_owned())),
            (Some(id), None) => Some(Cursor::Before(id.to_owned())),
            (None, Some(id)) => Some(Cursor::After(id.to_owned())),
        };
        Ok(Self { limit, order, cursor, swapped })
    }

    /// The part of a list that this asked for, with the ids to go on from: to what comes before it in the list's order, and to
    /// what comes after it.
    #[must_use]
    pub fn page<T>(&self, data: Vec<T>, before: Option<String>, after: Option<String>) -> Page<T> {
        let (before, after) = if self.swapped { (after, before) } else { (before, after) };
        Page { data, before, after }
    }

    /// The part of `all` that is asked for. `place` says where an id stands, oldest lowest, also when the object is gone
    /// that it was of: who turns the pages while objects are deleted misses none.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a cursor that `place` does not know.
    pub fn cut<T, P: Ord>(
        &self,
        mut all: Vec<T>,
        id: impl Fn(&T) -> &str,
        place: impl Fn(&str) -> Option<P>,
    ) -> Result<Page<T>, Failure> {
        let oldest_first = self.order == Order::Asc;
        all.sort_by(|one, other| {
            let order = place(id(one)).cmp(&place(id(other)));
            if oldest_first { order } else { order.reverse() }
        });
        let comes_before = |object: &T, cursor: &P| {
            let place = place(id(object));
            if oldest_first { place.as_ref() < Some(cursor) } else { place.as_ref() > Some(cursor) }
        };
        let known = |cursor: &str| {
            let unknown = || Failure::Invalid { message: "before and after are ids of objects of the list".to_owned() };
            place(cursor).ok_or_else(unknown)
        };
        let (from, to) = match &self.cursor {
            None => (0, self.limit),
            Some(Cursor::Before(cursor)) => {
                let cursor = known(cursor)?;
                let end = all.iter().filter(|object| comes_before(object, &cursor)).count();
                (end.saturating_sub(self.limit), end)
            }
            Some(Cursor::After(id_of)) => {
                let cursor = known(id_of)?;
                let from = all.iter().filter(|object| comes_before(object, &cursor) || id(object) == id_of).count();
                (from, from.saturating_add(self.limit))
            }
        };
        let (is_first, is_last) = (from == 0, to >= all.len());
        all.truncate(to);
        let data = all.split_off(from.min(all.len()));
        let at = |object: Option<&T>| object.map(|object| id(object).to_owned());
        let (before, after) = (at(data.first()).filter(|_| !is_first), at(data.last()).filter(|_| !is_last));
        Ok(self.page(data, before, after))
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its objects.
    pub data: Vec<T>,
    /// The cursor to what comes before it; none at the beginning.
    pub before: Option<String>,
    /// The cursor to what comes after it; none at the end.
    pub after: Option<String>,
}

impl<T> Page<T> {
    /// On the wire, each object as `object` shows it.
    pub fn envelope(&self, object: impl Fn(&T) -> Value) -> Value {
        json!({
            "object": "list",
            "data": self.data.iter().map(object).collect::<Vec<_>>(),
            "list_metadata": { "before": self.before, "after": self.after },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, all: &[&'static str]) -> (String, Option<String>, Option<String>) {
        let query = Query::read(Some(query)).unwrap();
        let window = Window::read(&query).unwrap();
        let place = |id: &str| id.bytes().next().filter(u8::is_ascii_lowercase);
        let page = window.cut(all.to_vec(), |id| id, place).unwrap();
        (page.data.concat(), page.before, page.after)
    }

    fn at(id: &str) -> Option<String> {
        Some(id.to_owned())
    }

    #[test]
    fn a_list_is_turned_over_page_by_page_in_both_directions() {
        let all = ["b", "a", "e", "c", "d"];
        assert_eq!(page("", &all), ("edcba".to_owned(), None, None));
        assert_eq!(page("limit=2", &all), ("ed".to_owned(), None, at("d")));
        assert_eq!(page("limit=2&after=d", &all), ("cb".to_owned(), at("c"), at("b")));
        assert_eq!(page("limit=2&after=b", &all), ("a".to_owned(), at("a"), None));
        assert_eq!(page("limit=2&before=a", &all), ("cb".to_owned(), at("c"), at("b")));
        assert_eq!(page("limit=2&before=c", &all), ("ed".to_owned(), None, at("d")));
        assert_eq!(page("limit=2&order=asc&after=b", &all), ("cd".to_owned(), at("c"), at("d")));
        assert_eq!(page("limit=2&order=asc&before=b", &all), ("a".to_owned(), None, at("a")));
        assert_eq!(page("limit=2&order=normal", &all), ("ed".to_owned(), at("d"), None), "what is older comes before");
        assert_eq!(page("limit=2&order=normal&before=d", &all), ("cb".to_owned(), at("b"), at("c")));
        assert_eq!(page("limit=2&order=normal&after=c", &all), ("ed".to_owned(), at("d"), None));
        assert_eq!(page("after=a", &all), (String::new(), None, None));
        assert_eq!(page("before=e", &all), (String::new(), None, None));
        assert_eq!(page("", &[]), (String::new(), None, None));
    }

    #[test]
    fn a_cursor_holds_its_place_when_its_object_is_gone() {
        assert_eq!(page("limit=2&after=d", &["a", "b", "c", "e"]).0, "cb");
        assert_eq!(page("limit=2&before=c", &["a", "b", "d", "e"]).0, "ed");
    }

    #[test]
    fn what_is_no_part_of_a_list_is_refused() {
        for query in [
            "limit=0",
            "limit=101",
            "limit=x",
            "limit=-1",
            "limit=1&limit=2",
            "order=up",
            "before=a&after=b",
            &format!("after={}", "a".repeat(MAX_CURSOR + 1)),
        ] {
            let query = Query::read(Some(query)).unwrap();
            assert!(matches!(Window::read(&query), Err(Failure::Invalid { .. })), "{:?}", query.0);
        }
        let window =
            Window { limit: 1, order: Order::Asc, cursor: Some(Cursor::After("?".to_owned())), swapped: false };
        let cut = window.cut(vec!["a"], |id| id, |id| (id != "?").then(|| id.to_owned()));
        assert!(matches!(cut, Err(Failure::Invalid { .. })));
        assert!(Query::read(Some(&"a=b&".repeat(MAX_PARAMETERS + 1))).is_err());
        assert!(Query::read(Some(&"a".repeat(MAX_QUERY + 1))).is_err());
    }

    #[test]
    fn a_list_of_values_is_read_as_every_sdk_sends_it() {
        for query in [
            "domains=a,b",
            "domains=a%2Cb",
            "domains=a&domains=b",
            "domains[]=a&domains[]=b",
            "domains[0]=a&domains[1]=b",
        ] {
            assert_eq!(Query::read(Some(query)).unwrap().list("domains"), ["a", "b"], "{query}");
        }
        assert!(Query::read(Some("domain=a&domainss=b&domains=")).unwrap().list("domains").is_empty());
    }

    #[test]
    fn every_key_of_the_envelope_is_there() {
        let page = Page { data: vec![1], before: None, after: at("x") };
        let expected = json!({ "object": "list", "data": [1], "list_metadata": { "before": null, "after": "x" } });
        assert_eq!(page.envelope(|number| json!(number)), expected);
    }
}
