//! Lists come in pages, as the API shows them.

use crate::StoreError;

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

/// The cursor of lists that run from the newest to the oldest: a time, a dot and an id. Without one it is the start.
///
/// # Errors
/// [`StoreError::Cursor`] for a text that no list of such ids ended with: from the start again, a caller would take the
/// first page for the next one.
pub(crate) fn newest_first(after: Option<&str>, is_id: impl FnOnce(&str) -> bool) -> Result<(i64, String), StoreError> {
    let Some(cursor) = after else { return Ok((i64::MAX, String::new())) };
    let (time, id) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
    let at: i64 = time.parse().map_err(|_| StoreError::Cursor)?;
    if at.to_string() != time || !is_id(id) {
        return Err(StoreError::Cursor);
    }
    Ok((at, id.to_owned()))
}
