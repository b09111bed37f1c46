//! The configuration: one TOML file, overrides from the environment, secrets from wherever they are.
//!
//! [`load`] reads it in four steps, each of which notes every mistake and goes on: the TOML itself ([`tree`]), the
//! overrides ([`environment`]), its shape along the JSON Schema ([`shape`]), and then the meaning of each section, one
//! file per section. Only without a mistake there are [`Settings`].

use std::{
    io::{self, Read},
    path::{Path as FilePath, PathBuf},
};

use acquit_server::settings::{Settings, gateway::Alone};
use serde::Deserialize;
use zeroize::Zeroizing;

pub mod api_tokens;
pub mod applications;
pub mod connections;
pub mod context;
pub mod cross;
pub mod diagnostic;
pub mod duration;
pub mod egress;
pub mod environment;
pub mod gateway;
pub mod jwks;
pub mod lifetimes;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod name;
pub mod net;
pub mod organizations;
pub mod path;
pub mod raw;
pub mod registration;
pub mod schema;
pub mod secret;
pub mod server;
pub mod shape;
pub mod source;
pub mod store;
pub mod suggest;
pub mod tree;
pub mod users;

use applications::ProtocolText;
use context::Context;
use diagnostic::{Diagnostic, Diagnostics};
use environment::Environment;
use path::Path;
use raw::Raw;
use tree::{Node, Origin};

/// Secrets that are shorter than this many bytes can be guessed.
pub const SHORTEST_SECRET: usize = 32;

/// The largest configuration that is read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What reading a configuration gave.
#[derive(Debug)]
pub struct Loaded {
    /// The settings of a server, when nothing is wrong.
    pub settings: Option<Settings>,
    /// Those of a node that is only a gateway, in place of a server's.
    pub alone: Option<Alone>,
    /// Every mistake and every warning, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why the file could not be read at all. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not there.
    #[error("there is no configuration file `{0}`")]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("the configuration file `{0}` cannot be read: {1}")]
    Read(PathBuf, io::Error),
    /// It is not text.
    #[error("the configuration file `{0}` is not UTF-8 text")]
    NotText(PathBuf),
    /// It is far too large.
    #[error("the configuration file `{0}` is larger than {LARGEST} bytes")]
    TooLarge(PathBuf),
}

/// Reads the configuration in the file at `path`.
///
/// # Errors
/// [`LoadError`] when the file cannot be read; mistakes in it are no errors but [`Loaded::diagnostics`].
pub fn load(path: &FilePath, environment: &Environment) -> Result<Loaded, LoadError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Missing(path.to_owned()),
        _ => LoadError::Read(path.to_owned(), error),
    })?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| LoadError::Read(path.to_owned(), error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(LoadError::TooLarge(path.to_owned()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| LoadError::NotText(path.to_owned()))?;
    let base = path.parent().unwrap_or(FilePath::new(""));
    Ok(read(text, &path.display().to_string(), base, environment))
}

/// Reads a configuration from its text. `file` is its name in messages, `base` the folder that its paths are relative to.
#[must_use]
pub fn read(text: &str, file: &str, base: &FilePath, environment: &Environment) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let (mut root, syntax_errors) = tree::parse(text);
    for error in &syntax_errors {
        let span = error.span.clone().unwrap_or(text.len()..text.len());
        if let Some(values) = source::values_of_line(text, span.start) {
            diagnostics.hide(&Origin::File(values));
        }
        diagnostics.no_toml(span, &error.message);
    }
    environment.apply(&mut root, &schema::SCHEMA, &mut diagnostics);
    let written = root.clone();
    let raw = raw(root, &mut diagnostics);
    let (mut settings, mut alone) = (None, None);
    // Where the TOML is broken, what could not be read looks as if it were missing; nothing is said about that.
    if syntax_errors.is_empty() {
        let mut cx = Context { written: &written, base, environment, diagnostics: &mut diagnostics };
        if gateway::alone::is_alone(&raw) {
            alone = gateway::alone::resolve(raw, &mut cx).filter(|_| !diagnostics.has_errors());
        } else {
            settings = resolve(raw, &mut cx).filter(|_| !diagnostics.has_errors());
        }
    }
    Loaded { settings, alone, diagnostics: diagnostics.finish(file, text) }
}

/// What has the right shape, cut out of what was written.
fn raw(root: Node, diagnostics: &mut Diagnostics) -> Raw {
    let checked = shape::check(root, &schema::SCHEMA, &Path::root(), diagnostics);
    let Some(checked) = checked else { return Raw::default() };
    match Raw::deserialize(checked.into_toml()) {
        Ok(raw) => raw,
        Err(error) => {
            diagnostics.error(&Path::root(), None, format!("the configuration cannot be read: {}", error.message()));
            Raw::default()
        }
    }
}

fn resolve(raw: Raw, cx: &mut Context<'_>) -> Option<Settings> {
    let egress = raw.egress.unwrap_or_default().resolve(cx);
    let policy = egress::policy(&egress);
    let store = raw.store.unwrap_or_default().resolve(cx);
    let server = raw.server.and_then(|section| section.resolve(cx, store.as_ref()));
    let lifetimes = raw.lifetimes.unwrap_or_default().resolve(cx);
    let limits = raw.limits.unwrap_or_default().resolve(cx);
    let log = raw.log.unwrap_or_default().resolve(cx);
    let registration = raw.registration.unwrap_or_default().resolve(cx);
    let metrics = raw.metrics.unwrap_or_default().resolve();
    cross::check(cx);
    if let Some(server) = &server {
        cross::itself(cx, server);
    }

    let mut entries = Entries { cx: &mut *cx, complete: true };
    let api_tokens = entries.each("api_tokens", raw.api_tokens, |section, cx, path| section.resolve(cx, path));
    let users = entries.each("users", raw.users, |section, cx, path| section.resolve(cx, path));
    let organizations = entries.each("organizations", raw.organizations, |section, cx, path| section.resolve(cx, path));
    let connections = entries
        .each("connections", raw.connections, |section, cx, path| section.resolve(cx, path, &policy, &organizations));
    let (mut applications, mut saml_applications, mut broker_applications) = (Vec::new(), Vec::new(), Vec::new());
    entries.each("applications", raw.applications, |section, cx, path| match section.protocol {
        Some(ProtocolText::Saml) => section.resolve_saml(cx, path, &policy).map(|app| saml_applications.push(app)),
        Some(ProtocolText::Broker) => {
            section.resolve_broker(cx, path, &policy).map(|app| broker_applications.push((path.clone(), app)))
        }
        // Without a protocol it has no settings, and that was noted.
        Some(ProtocolText::Oidc) | None => section.resolve(cx, path, &policy).map(|app| applications.push(app)),
    });
    let complete = entries.complete;
    let gateway = raw.gateway.unwrap_or_default().resolve(cx, server.as_ref());
    cross::entities(cx, &saml_applications);
    cross::api_keys(cx, &broker_applications);
    let (server, store) = (server?, store?);
    complete.then_some(Settings {
        server,
        store,
        lifetimes,
        limits,
        egress,
        api_tokens,
        registration,
        metrics,
        log,
        users,
        applications,
        saml_applications,
        broker_applications: broker_applications.into_iter().map(|(_, app)| app).collect(),
        organizations,
        connections,
        gateway,
    })
}

/// Resolves the entries of lists, and remembers whether all of them could be.
struct Entries<'a, 'b> {
    cx: &'a mut Context<'b>,
    complete: bool,
}

impl<'b> Entries<'_, 'b> {
    fn each<S, T>(
        &mut self,
        list: &str,
        sections: Option<Vec<S>>,
        mut resolve: impl FnMut(S, &mut Context<'b>, &Path) -> Option<T>,
    ) -> Vec<T> {
        let (path, mut all) = (Path::root().key(list), Vec::new());
        for (index, section) in sections.unwrap_or_default().into_iter().enumerate() {
            let resolved = resolve(section, self.cx, &path.index(index));
            self.complete &= resolved.is_some();
            all.extend(resolved);
        }
        all
    }
}
