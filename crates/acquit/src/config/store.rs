//! `[store]`: where state is kept.

use acquit_server::settings::{Secret, Store};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{context::Context, diagnostic::quoted, path::Path, secret::SecretText};

/// Where state is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// "sqlite://acquit.db", a file relative to this one ("sqlite:///var/lib/acquit/acquit.db" for an absolute path), or
    /// "postgres://user:password@host/database".
    #[schemars(extend("default" = "sqlite://acquit.db"))]
    pub url: Option<SecretText>,
}

impl StoreSection {
    /// The store to use.
    pub fn resolve(self, cx: &mut Context<'_>) -> Option<Store> {
        let path = Path::root().key("store").key("url");
        let url = match self.url {
            Some(text) => cx.secret(&path, text)?,
            // Something that is no string was noted by its shape.
            None if cx.is_written(&path) => return None,
            None => Secret::new("sqlite://acquit.db"),
        };
        match url.expose().split_once(':') {
            Some(("sqlite", rest)) => sqlite(cx, &path, rest),
            Some(("postgres" | "postgresql", _)) => {
                let parsed = Url::parse(url.expose());
                if let Err(error) = &parsed {
                    cx.error(&path, format!("this is no PostgreSQL URL: {error}"))
                        .help("write \"postgres://user:password@host/database\"");
                }
                parsed.is_ok().then_some(Store::Postgres(url))
            }
            _ => {
                cx.error(&path, "`store.url` names neither SQLite nor PostgreSQL")
                    .help("write \"sqlite://acquit.db\" or \"postgres://user:password@host/database\"");
                None
            }
        }
    }
}

fn sqlite(cx: &mut Context<'_>, path: &Path, rest: &str) -> Option<Store> {
    let Some(name) = rest.strip_prefix("//").filter(|name| !name.is_empty()) else {
        cx.error(path, format!("{} names no file", quoted(&format!("sqlite:{rest}"))))
            .help("write \"sqlite://acquit.db\"");
        return None;
    };
    if name.contains(['?', '#', '\0']) {
        cx.error(path, "the name of the SQLite file takes no options").help("write \"sqlite://acquit.db\"");
        return None;
    }
    let file = cx.base.join(name);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) || file.is_dir() {
        let shown = quoted(&file.display().to_string());
        cx.error(path, format!("{shown} cannot be a SQLite file: its folder does not exist, or it is one itself"));
        return None;
    }
    cx.check_private(path, &file);
    Some(Store::Sqlite(file))
}
