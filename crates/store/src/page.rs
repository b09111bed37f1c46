//! Lists come in pages, as the API shows them.

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What it holds.
    pub data: Vec<T>,
    /// The `after` of the next page; none at the end.
    pub next: Option<String>,
}

/// The longest page.
const MAX: u32 = 500;

/// The number of rows to ask for: one more than the page holds, to know whether there is another page.
pub(crate) fn rows_for(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MAX)) + 1
}

impl<T> Page<T> {
    /// Cuts what a query for [`rows_for`] rows gave.
    pub(crate) fn cut(mut data: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Self {
        let fits = usize::try_from(limit.clamp(1, MAX)).unwrap_or(usize::MAX);
        let more = data.len() > fits;
        data.truncate(fits);
        let next = if more { data.last().map(cursor) } else { None };
        Self { data, next }
    }
}

/// The cursor of lists that run from the newest to the oldest: a time and an id. One that does not parse is the start.
pub(crate) fn newest_first(after: Option<&str>) -> (i64, String) {
    after
        .and_then(|cursor| cursor.split_once('.'))
        .and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())))
        .unwrap_or((i64::MAX, String::new()))
}
