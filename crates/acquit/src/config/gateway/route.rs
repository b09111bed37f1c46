//! `[[gateway.routes]]`: one app.

use std::time::Duration;

use acquit_gateway::{
    origin::{InvalidOrigin, Origin},
    policy::Allow,
    route::{Cache, Route},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::config::{
    context::Context,
    diagnostic::quoted,
    duration::{DAY, DurationText, SECOND},
    path::Path,
};

/// One app.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSection {
    /// The origin that browsers have, such as "https://grafana.corp.example.com".
    #[schemars(required)]
    pub from: Option<String>,
    /// The paths of this route: this one and those below it. The longest that fits is taken.
    #[schemars(extend("default" = "/"))]
    pub prefix: Option<String>,
    /// Where the app is, such as "http://127.0.0.1:3000", or a list of such, of which each takes its share; "h2c://…" for
    /// HTTP/2 without TLS. Absent where another proxy takes the traffic and asks here.
    pub to: Option<OneOrMore>,
    /// Its name for people; the host when absent.
    pub name: Option<String>,
    /// Who may pass: whoever one of these has.
    #[schemars(required)]
    pub allow: Option<AllowSection>,
    /// Paths, and those below them, that everybody may have without signing in.
    pub public_paths: Option<Vec<String>>,
    /// Cookies of the app itself, by name, that a sign-out takes away.
    pub clear_cookies: Option<Vec<String>>,
    /// Whether a sign-out has the browser forget what it keeps of this origin (caches and storage).
    #[schemars(extend("default" = true))]
    pub clear_site_data: Option<bool>,
    /// What browsers keep of its HTML for who is signed in: "none", so that after a sign-out the back button shows nothing of
    /// it, or what the "app" says.
    #[schemars(extend("default" = "none"))]
    pub cache: Option<CacheText>,
    /// Whether the app is told who it is, by headers.
    #[schemars(extend("default" = true))]
    pub pass_identity_headers: Option<bool>,
    /// Whether the app gets the `Host` that the browser sent, and not its own.
    #[schemars(extend("default" = true))]
    pub preserve_host_header: Option<bool>,
    /// How long the app may take to begin its answer.
    #[schemars(extend("default" = "30s"))]
    pub timeout: Option<DurationText>,
    /// Whether a long stream, such as a WebSocket, counts as use of the session for as long as it is open.
    #[schemars(extend("default" = false))]
    pub streams_are_use: Option<bool>,
}

/// One or a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

/// Who may pass.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowSection {
    /// Everybody who can sign in, whoever vouches for them.
    pub everyone: Option<bool>,
    /// Usernames, or ids of users.
    pub users: Option<Vec<String>>,
    /// Addresses.
    pub emails: Option<Vec<String>>,
    /// Domains of addresses.
    pub domains: Option<Vec<String>>,
    /// Groups; those of an identity provider are "conn_…/group".
    pub groups: Option<Vec<String>>,
}

/// What browsers keep.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheText {
    /// No HTML.
    None,
    /// What the app says.
    App,
}

impl RouteSection {
    /// The route to have; every mistake is noted.
    pub fn resolve(self, cx: &mut Context<'_>, path: &Path, issuer: Option<&Url>) -> Option<Route> {
        let from = self.from.and_then(|text| origin(cx, &path.key("from"), &text, issuer));
        let prefix = self.prefix.unwrap_or_else(|| "/".to_owned());
        check_path(cx, &path.key("prefix"), &prefix);
        let to = match self.to {
            None => Vec::new(),
            Some(OneOrMore::One(text)) => upstream(cx, &path.key("to"), &text).into_iter().collect(),
            Some(OneOrMore::More(texts)) => {
                let at = path.key("to");
                if texts.is_empty() {
                    cx.error(&at, "the list is empty").help("leave `to` out where another proxy takes the traffic");
                }
                let texts = texts.iter().enumerate();
                texts.filter_map(|(index, text)| upstream(cx, &at.index(index), text)).collect()
            }
        };
        let public_paths = self.public_paths.unwrap_or_default();
        for (index, public) in public_paths.iter().enumerate() {
            check_path(cx, &path.key("public_paths").index(index), public);
        }
        let clear_cookies = self.clear_cookies.unwrap_or_default();
        for (index, name) in clear_cookies.iter().enumerate() {
            check_cookie(cx, &path.key("clear_cookies").index(index), name);
        }
        if let Some(name) = &self.name {
            cx.check_name(&path.key("name"), name);
        }
        let allow = self.allow.map(AllowSection::resolve).unwrap_or_default();
        if allow.is_empty() && cx.is_written(&path.key("allow")) {
            cx.error(&path.key("allow"), "nobody may pass this route")
                .help("name users, emails, domains or groups, or write everyone = true");
        }
        let timeout = cx.duration(&path.key("timeout"), self.timeout, Duration::from_secs(30), SECOND..=DAY);
        let route = Route::new(from?, to);
        Some(Route {
            prefix,
            name: self.name,
            allow,
            public_paths,
            clear_cookies,
            clear_site_data: self.clear_site_data.unwrap_or(true),
            cache: match self.cache {
                None | Some(CacheText::None) => Cache::NoStore,
                Some(CacheText::App) => Cache::App,
            },
            pass_identity: self.pass_identity_headers.unwrap_or(true),
            preserve_host: self.preserve_host_header.unwrap_or(true),
            timeout,
            streams_are_use: self.streams_are_use.unwrap_or(false),
            ..route
        })
    }
}

impl AllowSection {
    fn resolve(self) -> Allow {
        let lower = |list: Option<Vec<String>>| -> Vec<String> {
            list.unwrap_or_default().into_iter().map(|name| name.to_ascii_lowercase()).collect()
        };
        Allow {
            everyone: self.everyone.unwrap_or(false),
            users: self.users.unwrap_or_default(),
            emails: lower(self.emails),
            domains: lower(self.domains),
            groups: self.groups.unwrap_or_default(),
        }
    }
}

fn origin(cx: &mut Context<'_>, path: &Path, text: &str, issuer: Option<&Url>) -> Option<Origin> {
    let origin = match Origin::parse(text) {
        Ok(origin) => origin,
        Err(why) => {
            let help = match why {
                InvalidOrigin::More => "paths go into `prefix`",
                InvalidOrigin::NotLoopback => "use https, or http with localhost, *.localhost, 127.0.0.1 or [::1]",
                InvalidOrigin::NoUrl | InvalidOrigin::Scheme => "write \"https://grafana.corp.example.com\"",
            };
            cx.error(path, format!("{} is no origin of a route: {why}", quoted(text))).help(help);
            return None;
        }
    };
    if issuer.is_some_and(|issuer| issuer.origin().ascii_serialization() == origin.to_string()) {
        cx.error(path, "this is Acquit's own origin, `server.public_url`").help("give the app a host of its own");
        return None;
    }
    Some(origin)
}

fn upstream(cx: &mut Context<'_>, path: &Path, text: &str) -> Option<Url> {
    let Some(url) =
        Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "h2c") && url.has_host())
    else {
        cx.error(path, format!("{} is no place of an app", quoted(text))).help("write \"http://127.0.0.1:3000\"");
        return None;
    };
    // `h2c` is none of the schemes for which an absent path is a slash.
    let extra = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
    if extra || !url.username().is_empty() || url.password().is_some() {
        cx.error(path, "the place of an app has more than a scheme, a host and a port");
        return None;
    }
    Some(url)
}

fn check_path(cx: &mut Context<'_>, path: &Path, text: &str) {
    let normal = text.starts_with('/')
        && !text.contains("//")
        && text.split('/').all(|segment| segment != "." && segment != "..")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%;\\".contains(&byte));
    if !normal {
        cx.error(path, format!("{} is no path to compare with", quoted(text)))
            .help("it begins with a slash and has no dots, double slashes, `%`, `;`, `?` or `#`: \"/api\"");
    }
}

fn check_cookie(cx: &mut Context<'_>, path: &Path, name: &str) {
    let token =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~%".contains(&byte));
    if !token {
        cx.error(path, format!("{} is no name of a cookie", quoted(name)));
    }
}
