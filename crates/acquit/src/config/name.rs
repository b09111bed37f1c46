//! Names for people, as several sections have them.

use acquit_oidc::client::MAX_NAME;

use super::{context::Context, diagnostic::is_confusing, path::Path};

impl Context<'_> {
    /// Notes when `name` cannot be shown to people, or could pose as another.
    pub fn check_name(&mut self, path: &Path, name: &str) {
        if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(is_confusing) {
            self.error(path, format!("a name has 1 to {MAX_NAME} bytes of printable text"));
        }
    }

    /// Notes when `name`, of a claim or a group, is empty, too long, or has characters that do not show.
    pub fn check_label(&mut self, path: &Path, name: &str, what: &str) {
        if name.trim().is_empty() || name.len() > 255 || name.chars().any(is_confusing) {
            self.error(path, format!("{what} has a name of 1 to 255 bytes of printable text"));
        }
    }
}
