//! Routes: which app stands behind which origin and path, and who may pass.

use std::{collections::HashMap, sync::Arc, time::Duration};

use url::Url;

use crate::{keyed::Map, origin::Origin, policy::Allow, proxy::Balance};

/// What browsers keep of an app's pages for people who are signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// HTML is `no-store`: after a sign-out the back button shows nothing of it.
    #[default]
    NoStore,
    /// As the app says.
    App,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// The origin that browsers have.
    pub from: Origin,
    /// Its paths: this one and those below it. `/` is all.
    pub prefix: String,
    /// Its name for people; the host when absent.
    pub name: Option<String>,
    /// Where the app is: origins (`http`, `https`, or `h2c` for HTTP/2 without TLS), of which each takes its share. None of a route whose traffic another proxy takes.
    pub to: Vec<Url>,
    /// Who may pass.
    pub allow: Allow,
    /// Paths, and those below them, that everybody may have without signing in.
    pub public_paths: Vec<String>,
    /// Cookies of the app itself that a sign-out takes away.
    pub clear_cookies: Vec<String>,
    /// Whether a sign-out has the browser forget what it keeps of this origin.
    pub clear_site_data: bool,
    /// What browsers keep.
    pub cache: Cache,
    /// Whether the app is told who it is.
    pub pass_identity: bool,
    /// Whether the app gets the `Host` that the browser sent, not its own.
    pub preserve_host: bool,
    /// How long the app may take to begin its answer.
    pub timeout: Duration,
    /// Whether a long stream counts as use of the session for as long as it is open.
    pub streams_are_use: bool,
    /// Whose turn it is among the upstreams. It begins anew with each clone.
    pub balance: Balance,
}

impl Route {
    /// The route of `from` and all its paths to the app at `to`, for nobody yet.
    #[must_use]
    pub fn new(from: Origin, to: Vec<Url>) -> Self {
        Self {
            from,
            prefix: "/".to_owned(),
            name: None,
            to,
            allow: Allow::default(),
            public_paths: Vec::new(),
            clear_cookies: Vec::new(),
            clear_site_data: true,
            cache: Cache::NoStore,
            pass_identity: true,
            preserve_host: true,
            timeout: Duration::from_secs(30),
            streams_are_use: false,
            balance: Balance::default(),
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.from.authority())
    }

    /// Whether everybody may have this path without signing in.
    #[must_use]
    pub fn is_public(&self, path: &str) -> bool {
        self.public_paths.iter().any(|prefix| is_below(path, prefix))
    }
}

/// Whether `path` is `prefix` or lies below it: `/api` has `/api/x`, not `/apiary`.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix.trim_end_matches('/')) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

/// All routes, by the host that a request names.
#[derive(Clone, Debug, Default)]
pub struct Routes(Map<String, Arc<[Arc<Route>]>>);

impl Routes {
    /// Of routes of which no two have the same origin and prefix.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut by_host: HashMap<String, Vec<Arc<Route>>> = HashMap::new();
        for route in routes {
            by_host.entry(route.from.authority().to_owned()).or_default().push(Arc::new(route));
        }
        let sorted = by_host.into_iter().map(|(host, mut routes)| {
            routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
            (host, routes.into())
        });
        Self(sorted.collect())
    }

    /// The routes of a host as a `Host` header names it, in lower case, the longest prefix first.
    #[must_use]
    pub fn of_host(&self, authority: &str) -> Option<&Arc<[Arc<Route>]>> {
        self.0.get(authority)
    }

    /// The origin of a host.
    #[must_use]
    pub fn origin(&self, authority: &str) -> Option<&Origin> {
        self.of_host(authority)?.first().map(|route| &route.from)
    }

    /// The route of a path, which must be normal already.
    #[must_use]
    pub fn find(&self, authority: &str, path: &str) -> Option<&Arc<Route>> {
        self.of_host(authority)?.iter().find(|route| is_below(path, &route.prefix))
    }

    /// Every route.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.0.values().flat_map(|routes| routes.iter())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(from: &str, prefix: &str) -> Route {
        Route { prefix: prefix.to_owned(), ..Route::new(Origin::parse(from).unwrap(), Vec::new()) }
    }

    fn routes() -> Routes {
        Routes::new([
            route("https://a.example.com", "/"),
            route("https://a.example.com", "/api/"),
            route("https://a.example.com", "/api/admin"),
            route("https://b.example.com:8443", "/only"),
        ])
    }

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_slash() {
        for (host, path, prefix) in [
            ("a.example.com", "/", Some("/")),
            ("a.example.com", "/apiary", Some("/")),
            ("a.example.com", "/api", Some("/api/")),
            ("a.example.com", "/api/x", Some("/api/")),
            ("a.example.com", "/api/administrator", Some("/api/")),
            ("a.example.com", "/api/admin/x", Some("/api/admin")),
            ("b.example.com:8443", "/only", Some("/only")),
            ("b.example.com:8443", "/other", None),
            ("b.example.com", "/only", None),
            ("c.example.com", "/", None),
        ] {
            assert_eq!(routes().find(host, path).map(|route| route.prefix.as_str()), prefix, "{host}{path}");
        }
    }

    #[test]
    fn only_what_lies_below_a_public_path_is_public() {
        let route =
            Route { public_paths: vec!["/health".to_owned(), "/static/".to_owned()], ..route("https://a.b", "/") };
        for path in ["/health", "/health/x", "/static", "/static/a.css"] {
            assert!(route.is_public(path), "{path}");
        }
        for path in ["/", "/healthy", "/statics", "/x/health", ""] {
            assert!(!route.is_public(path), "{path}");
        }
    }
}
