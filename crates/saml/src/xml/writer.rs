//! Writes XML: everything that is not markup of our own goes through the escapes here.

use crate::BuildError;

/// A document or fragment in the making. Elements close in the order in which they were opened, by themselves.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
    open: Vec<&'static str>,
    /// Whether the last start tag still wants its `>`.
    tag: bool,
    bad: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { out: String::with_capacity(4096), ..Self::default() }
    }

    /// Opens an element by its prefixed name.
    pub(crate) fn start(&mut self, name: &'static str) -> &mut Self {
        self.close_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(name);
        self.tag = true;
        self
    }

    /// An attribute of the element that was just opened.
    pub(crate) fn attr(&mut self, name: &str, value: &str) -> &mut Self {
        debug_assert!(self.tag, "an attribute after content");
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.escape(value, true);
        self.out.push('"');
        self
    }

    /// An attribute, if there is a value.
    pub(crate) fn attr_some(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.attr(name, value);
        }
        self
    }

    /// Text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        self.escape(text, false);
        self
    }

    /// XML that was written by a writer before.
    pub(crate) fn embed(&mut self, xml: &str) -> &mut Self {
        self.close_tag();
        self.out.push_str(xml);
        self
    }

    /// The place where the next content will stand.
    pub(crate) fn here(&mut self) -> usize {
        self.close_tag();
        self.out.len()
    }

    /// Closes the innermost element.
    pub(crate) fn end(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            if self.tag {
                self.out.push_str("/>");
                self.tag = false;
            } else {
                self.out.push_str("</");
                self.out.push_str(name);
                self.out.push('>');
            }
        }
        self
    }

    /// An element with nothing but text.
    pub(crate) fn leaf(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.start(name).text(text).end()
    }

    /// The document, if all of its characters may stand in XML 1.0.
    pub(crate) fn finish(mut self) -> Result<String, BuildError> {
        while !self.open.is_empty() {
            self.end();
        }
        if self.bad { Err(BuildError::Character) } else { Ok(self.out) }
    }

    fn close_tag(&mut self) {
        if self.tag {
            self.out.push('>');
            self.tag = false;
        }
    }

    fn escape(&mut self, text: &str, attribute: bool) {
        let mut done = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escaped = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' if attribute => "&quot;",
                // A parser would make these a line feed, or in attributes a space.
                b'\r' => "&#xD;",
                b'\n' if attribute => "&#xA;",
                b'\t' if attribute => "&#x9;",
                b'\t' | b'\n' => continue,
                0..=0x1f => {
                    self.bad = true;
                    continue;
                }
                // U+FFFE and U+FFFF, the last two of their plane.
                0xbe | 0xbf if text.as_bytes()[..at].ends_with(&[0xef, 0xbf]) => {
                    self.bad = true;
                    continue;
                }
                _ => continue,
            };
            self.out.push_str(&text[done..at]);
            self.out.push_str(escaped);
            done = at + 1;
        }
        self.out.push_str(&text[done..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_unchanged() {
        let nasty = "a<b>&\"'\t\r\n]]>\u{e9}\u{1f600}";
        let mut writer = Writer::new();
        writer.start("r").attr("a", nasty).text(nasty).start("e").end();
        let xml = writer.finish().unwrap();
        let doc = uppsala::parse(&xml).unwrap();
        let root = doc.document_element().unwrap();
        assert_eq!(doc.get_attribute(root, "a"), Some(nasty));
        assert_eq!(doc.text_content_deep(root), nasty);
    }

    #[test]
    fn a_character_that_xml_cannot_hold_is_refused() {
        for bad in ["\u{0}", "\u{b}", "\u{ffff}"] {
            let mut writer = Writer::new();
            writer.leaf("r", bad);
            assert!(matches!(writer.finish(), Err(BuildError::Character)));
        }
    }
}
