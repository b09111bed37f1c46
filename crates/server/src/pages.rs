//! The pages that people see: plain views in, HTML out.
//!
//! A view holds what a page shows, as text, and no logic beyond showing it; a door fills it in and asks it for
//! [`Page::html`] and [`Page::csp`]. The words of a page are in its template and, where they depend on the data, beside
//! its view. Marks that do not change with the wording (`data-page`, `data-party` …) are a contract with people's own
//! browser tests.

pub mod account;
pub mod apps;
pub mod assets;
pub mod consent;
pub mod csp;
pub mod device;
pub mod error;
pub mod forbidden;
pub mod form_post;
pub mod hidden;
pub mod hop;
pub mod moment;
pub mod outcome;
pub mod receipt;
pub mod sign_in;
pub mod sign_out_confirm;
pub mod signed_out;
pub mod signing_out;

#[cfg(test)]
mod tests;

pub use csp::{Csp, FormTargets};
pub use hidden::Hidden;
pub use moment::Moment;
pub use outcome::Outcome;

/// A page: a template that knows which content security policy it needs.
pub trait Page: askama::Template {
    /// The value of the `Content-Security-Policy` header that this page needs, and nothing more than it needs.
    fn csp(&self) -> String;

    /// The HTML, in which every value was escaped.
    ///
    /// # Errors
    /// [`askama::Error`] when a value cannot be written; nobody but the developers can do anything about it.
    fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }
}
