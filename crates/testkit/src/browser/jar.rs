//! A cookie jar as strict as a browser's: RFC 6265bis with the rules that Chromium enforces today.

use std::time::{Duration, Instant};

use url::{Host, Url};

use super::site;

/// The longest name and value together, and the longest attribute value, in bytes.
const MAX_PAIR: usize = 4096;
const MAX_ATTRIBUTE: usize = 1024;

/// Whether a cookie goes along with requests of other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Only within the site.
    Strict,
    /// Also when somebody follows a link here. What says nothing is treated so.
    Lax,
    /// Always.
    None,
}

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its host, or with `host_only` false the domain with all hosts under it.
    pub domain: String,
    /// Only for exactly that host.
    pub host_only: bool,
    /// Only under that path.
    pub path: String,
    /// Only over trusted connections.
    pub secure: bool,
    /// Not for scripts.
    pub http_only: bool,
    /// With requests of which sites.
    pub same_site: SameSite,
    expires: Option<Instant>,
    serial: u64,
}

/// In what context cookies are read or set.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Everyone involved, up to the top-level page, is of the URL's own site.
    pub same_site: bool,
    /// The request navigates the top-level page.
    pub top_level: bool,
    /// The method is GET or HEAD.
    pub safe_method: bool,
}

/// All cookies of one browser.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    serial: u64,
}

impl Jar {
    /// Takes one `Set-Cookie` header in, or says why a browser would not.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub fn set(&mut self, header: &str, url: &Url, context: Context) -> Result<(), &'static str> {
        if header.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err("control characters");
        }
        let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
        let (name, value) = pair.split_once('=').ok_or("no name")?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.len() + value.len() > MAX_PAIR {
            return Err("no name, or too long");
        }
        let host = url.host_str().ok_or("no host")?.to_owned();
        let mut cookie = Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: host.clone(),
            host_only: true,
            path: default_path(url),
            secure: false,
            http_only: false,
            same_site: SameSite::Lax,
            expires: None,
            serial: self.serial,
        };
        let (mut domain_given, mut path_given, mut max_age_given) = (false, false, false);
        for attribute in attributes.split(';') {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if value.len() > MAX_ATTRIBUTE {
                continue;
            }
            match key.as_str() {
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                "samesite" => {
                    cookie.same_site = match value.to_ascii_lowercase().as_str() {
                        "strict" => SameSite::Strict,
                        "none" => SameSite::None,
                        _ => SameSite::Lax,
                    }
                }
                "path" => {
                    path_given = value.starts_with('/');
                    cookie.path = if path_given { value.to_owned() } else { default_path(url) };
                }
                "domain" => {
                    let value = value.trim_start_matches('.').to_ascii_lowercase();
                    domain_given = !value.is_empty();
                    if domain_given {
                        cookie.host_only = false;
                        cookie.domain = value;
                    }
                }
                "max-age" => {
                    if let Ok(seconds) = value.parse::<i64>() {
                        max_age_given = true;
                        let life = Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(400 * 86_400));
                        cookie.expires = Some(Instant::now() + life);
                    }
                }
                // An exact reading of dates is not needed here: every date that our servers send is long past.
                "expires" if !max_age_given && value.contains("1970") => cookie.expires = Some(Instant::now()),
                _ => {}
            }
        }
        if domain_given {
            accept_domain(&mut cookie, url, &host)?;
        }
        if cookie.secure && !site::trustworthy(url) {
            return Err("Secure over a connection that is not");
        }
        if cookie.same_site == SameSite::None && !cookie.secure {
            return Err("SameSite=None without Secure");
        }
        if cookie.same_site != SameSite::None && !context.same_site && !context.top_level {
            return Err("SameSite in another site's frame");
        }
        let lower = cookie.name.to_ascii_lowercase();
        if lower.starts_with("__secure-") && !cookie.secure {
            return Err("__Secure- without Secure");
        }
        let own = cookie.secure && !domain_given && path_given && cookie.path == "/";
        if lower.starts_with("__host-") && !own {
            return Err("__Host- without Secure and Path=/, or with Domain");
        }
        self.serial += 1;
        self.store(cookie);
        Ok(())
    }

    fn store(&mut self, mut cookie: Cookie) {
        let same = |old: &Cookie| {
            old.name == cookie.name
                && old.domain == cookie.domain
                && old.host_only == cookie.host_only
                && old.path == cookie.path
        };
        if let Some(old) = self.cookies.iter().find(|old| same(old)) {
            cookie.serial = old.serial;
        }
        self.cookies.retain(|old| !same(old));
        if cookie.expires.is_none_or(|at| at > Instant::now()) {
            self.cookies.push(cookie);
        }
    }

    /// The cookies that go with a request: longer paths first, then the older ones.
    #[must_use]
    pub fn matching(&self, url: &Url, context: Context) -> Vec<&Cookie> {
        let host = url.host_str().unwrap_or_default();
        let mut found: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.expires.is_none_or(|at| at > Instant::now()))
            .filter(|cookie| match cookie.host_only {
                true => cookie.domain == host,
                false => domain_matches(host, &cookie.domain),
            })
            .filter(|cookie| path_matches(url.path(), &cookie.path))
            .filter(|cookie| !cookie.secure || site::trustworthy(url))
            .filter(|cookie| match cookie.same_site {
                SameSite::Strict => context.same_site,
                SameSite::Lax => context.same_site || (context.top_level && context.safe_method),
                SameSite::None => true,
            })
            .collect();
        found.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.serial));
        found
    }

    /// All cookies, for tests that look at one or replay it.
    #[must_use]
    pub fn all(&self) -> &[Cookie] {
        &self.cookies
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }
}

fn accept_domain(cookie: &mut Cookie, url: &Url, host: &str) -> Result<(), &'static str> {
    let is_address = !matches!(url.host(), Some(Host::Domain(_)));
    if cookie.domain == host {
        // A cookie for an address, or for a whole top-level domain, is one for that host only.
        cookie.host_only = is_address || !host.contains('.');
        return Ok(());
    }
    if is_address || !domain_matches(host, &cookie.domain) {
        return Err("Domain of another host");
    }
    if !cookie.domain.contains('.') {
        return Err("Domain is a public suffix");
    }
    Ok(())
}

fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => url.path()[..end].to_owned(),
    }
}

fn path_matches(path: &str, cookie: &str) -> bool {
    path == cookie || path.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
