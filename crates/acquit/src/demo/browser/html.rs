//! As much of HTML as the demo's pages need: tags with quoted attributes, forms with their fields, frames.

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// Its name.
    pub(super) name: &'a str,
    attributes: Vec<(&'a str, String)>,
}

impl Tag<'_> {
    /// The value of an attribute; empty when it has none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// Its hidden fields.
    pub fields: Vec<(String, String)>,
    /// The names of all of its fields and buttons.
    pub controls: Vec<String>,
}

/// A frame of the signing-out page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its id in the report.
    pub id: String,
    /// What it shows.
    pub src: String,
    /// Its sandbox.
    pub sandbox: String,
}

/// The start tags of a page, in order; `</form>` comes as a tag of the name `/form`.
pub(super) fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find('<')?;
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
            let name = &rest[..end];
            if name.starts_with(['!', '?']) || name.is_empty() {
                continue;
            }
            rest = &rest[end..];
            let (attributes, after) = attributes(rest)?;
            rest = after;
            return Some(Tag { name: name.trim_end_matches('/'), attributes });
        }
    })
}

/// The attributes up to the `>`, and what follows it.
fn attributes(mut rest: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((found, after));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))?;
        let name = &rest[..end];
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let close = quoted.find('"')?;
            value = decode(&quoted[..close]);
            rest = &quoted[close + 1..];
        }
        found.push((name, value));
    }
}

/// Replaces character references.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        match after.split_once(';').and_then(|(name, after)| Some((reference(name)?, after))) {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The forms of a page.
pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(html) {
        match tag.name {
            "form" => {
                open = true;
                let action = tag.get("action").unwrap_or_default().to_owned();
                forms.push(Form { action, fields: Vec::new(), controls: Vec::new() });
            }
            "/form" => open = false,
            "input" | "button" if open => {
                let (Some(form), Some(name)) = (forms.last_mut(), tag.get("name")) else { continue };
                form.controls.push(name.to_owned());
                if tag.get("type") == Some("hidden") {
                    form.fields.push((name.to_owned(), tag.get("value").unwrap_or_default().to_owned()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// The frames of a page.
pub(super) fn frames(html: &str) -> Vec<Frame> {
    let text = |tag: &Tag<'_>, name: &str| tag.get(name).unwrap_or_default().to_owned();
    let frames = tags(html).filter(|tag| tag.name == "iframe");
    frames
        .map(|tag| Frame { id: text(&tag, "data-frame"), src: text(&tag, "src"), sandbox: text(&tag, "sandbox") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><main data-page="x"><p>1 < 2<br/></p>
        <form method="post" action="/a?b=1&amp;c=2"><input type="hidden" name="csrf" value="&#34;&#x3c;&lt;&quot;&amp;amp;">
        <input name="username" required><button name="then" value="back">Go</button></form>
        <input type="hidden" name="outside" value="1">
        <iframe data-frame="stp_1" src="http://a/?x&amp;y" sandbox="allow-scripts"></iframe>"#;

    #[test]
    fn forms_have_their_own_fields_decoded() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 1);
        assert_eq!(forms[0].action, "/a?b=1&c=2");
        assert_eq!(forms[0].fields, [("csrf".to_owned(), "\"<<\"&amp;".to_owned())]);
        assert_eq!(forms[0].controls, ["csrf", "username", "then"]);
    }

    #[test]
    fn frames_and_marks_are_found() {
        let frames = frames(PAGE);
        assert_eq!((frames[0].id.as_str(), frames[0].src.as_str()), ("stp_1", "http://a/?x&y"));
        assert!(tags(PAGE).any(|tag| tag.get("data-page") == Some("x")));
    }

    #[test]
    fn broken_html_ends_the_reading() {
        for broken in ["<", "<a", "<a href=\"x", "<a href=", "text", "<!--", "&", "<a b"] {
            assert!(tags(broken).all(|tag| tag.name == "a"), "{broken}");
        }
    }
}
