//! Just enough HTML to read our own pages: tags, attributes, text, forms.

use std::collections::BTreeMap;

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A start tag.
    Start(Tag),
    /// An end tag.
    End(String),
    /// Text, entities resolved.
    Text(String),
}

/// A start tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Its name, in lower case.
    pub name: String,
    /// Its attributes, entities resolved; one without a value has the empty one.
    pub attributes: BTreeMap<String, String>,
}

impl Tag {
    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// Takes a page apart.
#[must_use]
pub fn pieces(html: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        let Some(open) = rest.find('<') else {
            pieces.push(Piece::Text(decode(rest)));
            break;
        };
        if open > 0 {
            pieces.push(Piece::Text(decode(&rest[..open])));
        }
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            rest = after(rest, '>');
        } else if let Some(end_tag) = rest.strip_prefix("</") {
            let end = end_tag.find('>').unwrap_or(end_tag.len());
            pieces.push(Piece::End(end_tag[..end].trim().to_ascii_lowercase()));
            rest = end_tag.get(end + 1..).unwrap_or("");
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (tag, after_tag) = start_tag(&rest[1..]);
            rest = after_tag;
            // What is inside these is no markup.
            if ["script", "style", "title", "textarea"].contains(&tag.name.as_str()) {
                let end = rest.to_ascii_lowercase().find(&format!("</{}", tag.name)).unwrap_or(rest.len());
                let inside = rest[..end].to_owned();
                rest = &rest[end..];
                let is_text = tag.name == "title" || tag.name == "textarea";
                pieces.push(Piece::Start(tag));
                if is_text {
                    pieces.push(Piece::Text(decode(&inside)));
                }
            } else {
                pieces.push(Piece::Start(tag));
            }
        } else {
            pieces.push(Piece::Text("<".to_owned()));
            rest = &rest[1..];
        }
    }
    pieces
}

fn after(text: &str, end: char) -> &str {
    text.find(end).map_or("", |at| &text[at + end.len_utf8()..])
}

fn start_tag(text: &str) -> (Tag, &str) {
    let name_end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let mut tag = Tag { name: text[..name_end].to_ascii_lowercase(), attributes: BTreeMap::new() };
    let mut rest = &text[name_end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, "");
        }
        if let Some(rest) = rest.strip_prefix('>') {
            return (tag, rest);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let end = end.max(rest.chars().next().map_or(0, char::len_utf8).min(rest.len()));
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(given) = rest.strip_prefix('=') {
            let given = given.trim_start();
            let quote = given.chars().next().filter(|c| *c == '"' || *c == '\'');
            if let Some(quote) = quote {
                let end = given[1..].find(quote).map_or(given.len(), |end| end + 1);
                value = decode(&given[1..end]);
                rest = given.get(end + 1..).unwrap_or("");
            } else {
                let end = given.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(given.len());
                value = decode(&given[..end]);
                rest = &given[end..];
            }
        }
        tag.attributes.entry(name).or_insert(value);
    }
}

fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|end| *end <= 10).and_then(|end| Some((end, entity(&rest[1..end])?)));
        match entity {
            Some((end, character)) => {
                decoded.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_tag(html: &str) -> Tag {
        match pieces(html).into_iter().next() {
            Some(Piece::Start(tag)) => tag,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn attributes_are_read_in_all_their_spellings() {
        let tag = only_tag(r#"<INPUT Name="a&amp;b" value='x"y' hidden data-x=1 data-page="q>r"/>"#);
        assert_eq!(tag.name, "input");
        assert_eq!(tag.get("name"), Some("a&b"));
        assert_eq!(tag.get("value"), Some("x\"y"));
        assert_eq!(tag.get("hidden"), Some(""));
        assert_eq!(tag.get("data-x"), Some("1"));
        assert_eq!(tag.get("data-page"), Some("q>r"));
    }

    #[test]
    fn entities_are_resolved_once() {
        assert_eq!(pieces("&amp;lt;&#60;&#x3e;&quot;&nope;&"), [Piece::Text("&lt;<>\"&nope;&".to_owned())]);
    }

    #[test]
    fn scripts_and_comments_hold_no_tags() {
        let found = pieces("<script>if (a<b) '<p>'</script><!-- <p> --><p>x</p>");
        let names: Vec<_> = found
            .iter()
            .filter_map(|piece| match piece {
                Piece::Start(tag) => Some(tag.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["script", "p"]);
    }

    #[test]
    fn broken_markup_never_panics() {
        for html in ["<", "<a", "<a b", "<a b=", "<a b=\"", "</", "<!--", "<a =x>", "<é>", "<a é='ü>", "&#xffffffff;"]
        {
            let _ = pieces(html);
        }
    }
}
