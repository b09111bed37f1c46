//! The path: one reading for the policy and for the app.
//!
//! Apps read paths more freely than the standard: they decode, merge slashes, drop `;parameters`. So a path has two
//! readings here, the standard's and a free one. Where both would not be judged alike, the request is refused.

use std::borrow::Cow;

use super::Refusal;

/// How often an app may decode what it gets.
const DECODINGS: usize = 3;

/// A path in both readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// As the standard reads it, and as it goes on: with nothing encoded that need not be (RFC 3986 section 6.2.2).
    pub plain: Cow<'a, str>,
    /// As an app may read it that decodes, merges slashes and drops parameters.
    pub free: Cow<'a, str>,
}

impl<'a> Path<'a> {
    /// Reads a path as it stands in the request.
    ///
    /// # Errors
    /// [`Refusal::Path`] for what does not begin with a slash, for dot segments, backslashes, control characters and broken
    /// encodings, in whichever reading: no browser sends them.
    pub fn read(raw: &'a str) -> Result<Self, Refusal> {
        if !raw.starts_with('/') || raw.bytes().any(|byte| !(0x21..0x7f).contains(&byte) || byte == b'\\') {
            return Err(Refusal::Path);
        }
        if !raw.contains(['%', ';']) && !raw.contains("//") {
            let path = Self { plain: Cow::Borrowed(raw), free: Cow::Borrowed(raw) };
            return path.checked();
        }
        let plain = decode(raw, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))?;
        let mut free = plain.clone();
        for _ in 0..DECODINGS {
            // What a second decoding would break is broken for an app that decodes twice only.
            let Ok(decoded) = decode(&shortened(&free), |byte| byte.is_ascii_graphic()) else { break };
            if decoded == free {
                break;
            }
            free = decoded;
        }
        if free.contains('\\') || has_dots(&free) {
            return Err(Refusal::Path);
        }
        // A proxy before the app that sends on what it decoded makes a query of what follows.
        let path = free.split(['?', '#']).next().unwrap_or_default();
        Self { plain: Cow::Owned(plain), free: Cow::Owned(merged(path)) }.checked()
    }

    fn checked(self) -> Result<Self, Refusal> {
        if has_dots(&self.free) || has_dots(&self.plain) { Err(Refusal::Path) } else { Ok(self) }
    }
}

fn has_dots(path: &str) -> bool {
    path.split('/').any(|segment| segment == "." || segment == "..")
}

/// Decodes what `which` says, and writes the rest in upper case.
fn decode(text: &str, which: impl Fn(u8) -> bool) -> Result<String, Refusal> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let (digits, tail) = after.split_at_checked(2).ok_or(Refusal::Path)?;
        let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| hex).ok_or(Refusal::Path)?;
        if byte.is_ascii_control() {
            return Err(Refusal::Path);
        }
        if which(byte) {
            decoded.push(char::from(byte));
        } else {
            decoded.push('%');
            decoded.push_str(&digits.to_ascii_uppercase());
        }
        rest = tail;
    }
    decoded.push_str(rest);
    Ok(decoded)
}

/// With what an old decoder of UTF-8 makes of the two bytes in which no encoder writes a slash, a dot or a backslash.
fn shortened(path: &str) -> Cow<'_, str> {
    let upper = path.to_ascii_uppercase();
    if !upper.contains("%C0%") && !upper.contains("%C1%") {
        return Cow::Borrowed(path);
    }
    let mut short = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, encoded) = rest.split_at(at);
        short.push_str(before);
        let known = [("%C0%AF", "/"), ("%C0%AE", "."), ("%C1%9C", "\\")];
        let found = known
            .iter()
            .find(|(long, _)| encoded.get(..long.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(long)));
        let (taken, plain) = found.map_or((1, "%"), |(long, plain)| (long.len(), *plain));
        short.push_str(plain);
        rest = &encoded[taken..];
    }
    short.push_str(rest);
    Cow::Owned(short)
}

/// Without parameters, with one slash for many.
fn merged(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        let name = segment.split(';').next().unwrap_or_default();
        if !merged.ends_with('/') {
            merged.push('/');
        }
        merged.push_str(name);
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Result<(String, String), Refusal> {
        Path::read(raw).map(|path| (path.plain.into_owned(), path.free.into_owned()))
    }

    #[test]
    fn a_path_has_two_readings() {
        for (raw, plain, free) in [
            ("/", "/", "/"),
            ("/a/b.c", "/a/b.c", "/a/b.c"),
            ("/.well-known/x", "/.well-known/x", "/.well-known/x"),
            ("/...", "/...", "/..."),
            ("/%61dmin", "/admin", "/admin"),
            ("/%7euser", "/~user", "/~user"),
            ("/a%20b/%c3%a9", "/a%20b/%C3%A9", "/a%20b/%C3%A9"),
            ("/group%2fproject", "/group%2Fproject", "/group/project"),
            ("/a%2540b", "/a%2540b", "/a@b"),
            ("//a///b/", "//a///b/", "/a/b/"),
            ("/admin;x=1/y", "/admin;x=1/y", "/admin/y"),
            ("/a%3bx", "/a%3Bx", "/a"),
            ("/100%25", "/100%25", "/100%"),
            ("/100%25zz", "/100%25zz", "/100%zz"),
            ("//", "//", "/"),
            ("/admin%3fx=1", "/admin%3Fx=1", "/admin"),
            ("/admin%2523", "/admin%2523", "/admin"),
            ("/a%c0%afb", "/a%C0%AFb", "/a/b"),
            ("/a%25c0%25afb", "/a%25c0%25afb", "/a/b"),
            ("/%c0%c3%a0", "/%C0%C3%A0", "/%C0%C3%A0"),
        ] {
            assert_eq!(read(raw), Ok((plain.to_owned(), free.to_owned())), "{raw}");
        }
    }

    #[test]
    fn what_leads_elsewhere_in_some_reading_is_refused() {
        for raw in [
            "",
            "*",
            "a",
            "/a/../b",
            "/..",
            "/.",
            "/a/./b",
            "/%2e%2e/b",
            "/%2E./b",
            "/a%2f..%2fb",
            "/a%2f%2e%2e%2fb",
            "/%252e%252e/b",
            "/%25252e%25252e/b",
            "/..;/b",
            "/..;x=1/b",
            "/a/..%3b/b",
            "/a/%2e%2e;/b",
            "/a\\b",
            "/a%5cb",
            "/a%255c..%255cb",
            "/a\u{0}b",
            "/a b",
            "/a\tb",
            "/a\u{7f}",
            "/é",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/public%3f/../admin",
            "/public%3f%2f..%2fadmin",
            "/public/%c0%ae%c0%ae/admin",
            "/public/..%c0%afadmin",
            "/public/%c0%ae./admin",
            "/public%c1%9c..%c1%9cadmin",
            "/public/%25c0%25ae%25c0%25ae/admin",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
        ] {
            assert_eq!(read(raw), Err(Refusal::Path), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_reading_has_dot_segments_or_changes_when_it_is_read_again(raw in "/([a-c./;]|%2[eEfF5]|%3[bB]|%5[cC]|%6[1-3]|\\\\){0,12}") {
            if let Ok(path) = Path::read(&raw) {
                for reading in [&path.plain, &path.free] {
                    prop_assert!(reading.starts_with('/'));
                    prop_assert!(!reading.split('/').any(|segment| segment == "." || segment == ".."));
                }
                prop_assert!(!path.free.contains("//") && !path.free.contains(';') && !path.free.contains('\\'));
                let again = Path::read(&path.plain).unwrap();
                prop_assert_eq!(&again.plain, &path.plain);
                prop_assert_eq!(&again.free, &path.free);
            }
        }
    }
}
