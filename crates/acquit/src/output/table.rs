//! Tables in the terminal.

use super::{Ink, Output, clean};

/// Rows under a heading; every cell is shown as it may be.
#[derive(Debug)]
pub struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Ink>)>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [(String, Option<Ink>); N]) {
        self.rows.push(cells.into_iter().map(|(text, ink)| (clean(&text), ink)).collect());
    }

    /// The table as text, columns two spaces apart; `empty` when it has no rows.
    #[must_use]
    pub fn show(&self, output: &Output, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{empty}\n");
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.chars().count());
            cells.chain(self.heading.get(column).map(|text| text.chars().count())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heading.len()).map(width).collect();
        let heading: Vec<(String, Option<Ink>)> =
            self.heading.iter().map(|text| ((*text).to_owned(), Some(Ink::Faint))).collect();
        let mut shown = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            for ((text, ink), width) in row.iter().zip(&widths) {
                let gap = " ".repeat(width - text.chars().count() + 2);
                line.push_str(&ink.map_or_else(|| text.clone(), |ink| output.ink(ink, text)));
                line.push_str(&gap);
            }
            shown.push_str(line.trim_end());
            shown.push('\n');
        }
        shown
    }
}

/// A cell in no colour.
#[must_use]
pub fn cell(text: impl Into<String>) -> (String, Option<Ink>) {
    (text.into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", "groups"]);
        table.row([cell("alice"), cell("ops")]);
        table.row([cell("é\u{1b}"), cell("")]);
        assert_eq!(table.show(&Output::plain(), "none"), "name     groups\nalice    ops\né\\u{1b}\n");
        assert_eq!(Table::new(&["name"]).show(&Output::plain(), "nobody yet"), "nobody yet\n");
    }
}
