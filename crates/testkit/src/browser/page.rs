//! What a browser shows: a response with its address, and the ways to read it.

use http::HeaderMap;
use url::Url;

use super::html::{self, Piece, Tag};

/// One step on the way to a page.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Where it led from.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
}

/// A page, or any other response.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address; of a redirect that was not followed, the address that redirected.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
    /// The redirects that led here, oldest first.
    pub hops: Vec<Hop>,
}

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it goes, as written.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// Its inputs with their values: hidden ones, text, checked boxes. Buttons are apart.
    pub fields: Vec<(String, String)>,
    /// The names and values of its buttons.
    pub buttons: Vec<(String, String)>,
    id: String,
}

impl Form {
    /// Fills a field in, one that the form has.
    ///
    /// # Panics
    /// The form has no such field.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(field, _)| field == name);
        field.unwrap_or_else(|| panic!("the form has no field {name}")).1 = value.to_owned();
        self
    }

    /// Presses a button, one that the form has.
    ///
    /// # Panics
    /// The form has no such button.
    #[must_use]
    pub fn press(mut self, name: &str, value: &str) -> Self {
        let pressed = (name.to_owned(), value.to_owned());
        assert!(self.buttons.contains(&pressed), "the form has no button {name}={value}, only {:?}", self.buttons);
        self.fields.push(pressed);
        self
    }

    /// The value of a field.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The fields, form-encoded.
    #[must_use]
    pub fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

impl Page {
    /// A response header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Location` of a redirect, resolved.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.header("location")?).ok()
    }

    /// The tags of this name, in order; all tags for `*`.
    #[must_use]
    pub fn tags(&self, name: &str) -> Vec<Tag> {
        let tags = html::pieces(&self.body).into_iter().filter_map(|piece| match piece {
            Piece::Start(tag) if name == "*" || tag.name == name => Some(tag),
            _ => None,
        });
        tags.collect()
    }

    /// The mark of the page: `data-page` of its `<main>`.
    #[must_use]
    pub fn mark(&self) -> Option<String> {
        self.tags("main").first()?.get("data-page").map(str::to_owned)
    }

    /// All text that a person reads.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = html::pieces(&self.body).into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            _ => None,
        });
        texts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The forms.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        let mut forms: Vec<Form> = Vec::new();
        let mut inside = false;
        for piece in html::pieces(&self.body) {
            match piece {
                Piece::Start(tag) if tag.name == "form" => {
                    inside = true;
                    let method = tag.get("method").unwrap_or("get").to_ascii_lowercase();
                    forms.push(Form {
                        action: tag.get("action").unwrap_or_default().to_owned(),
                        method,
                        id: tag.get("id").unwrap_or_default().to_owned(),
                        ..Form::default()
                    });
                }
                Piece::End(name) if name == "form" => inside = false,
                Piece::Start(tag) => {
                    // An input may stand outside and name its form.
                    let named = tag.get("form").and_then(|id| forms.iter_mut().find(|form| form.id == id));
                    if let Some(form) = named {
                        read_field(form, &tag);
                    } else if let Some(form) = forms.last_mut().filter(|_| inside) {
                        read_field(form, &tag);
                    }
                }
                _ => {}
            }
        }
        forms
    }

    /// The form that has a field or a button of this name.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn form_with(&self, name: &str) -> Form {
        let has = |form: &Form| form.fields.iter().chain(&form.buttons).any(|(field, _)| field == name);
        self.forms().into_iter().find(has).unwrap_or_else(|| panic!("no form with {name} on {self}"))
    }

    /// The target of a link with this mark (an attribute).
    #[must_use]
    pub fn link(&self, mark: &str) -> Option<Url> {
        let tag = self.tags("a").into_iter().find(|tag| tag.attributes.contains_key(mark))?;
        self.url.join(tag.get("href")?).ok()
    }

    /// The steps of a receipt, or the lines of a signed-out page: party, channel (empty on the latter), outcome.
    #[must_use]
    pub fn steps(&self) -> Vec<(String, String, String)> {
        let steps = self.tags("*").into_iter().filter_map(|tag| {
            let of = |name: &str| tag.get(name).unwrap_or_default().to_owned();
            (tag.attributes.contains_key("data-outcome") && tag.attributes.contains_key("data-party"))
                .then(|| (of("data-party"), of("data-channel"), of("data-outcome")))
        });
        steps.collect()
    }

    /// Where a browser without scripts goes by itself, and after how many seconds.
    #[must_use]
    pub fn refresh(&self) -> Option<(u64, Url)> {
        let metas = self.tags("meta");
        let tag =
            metas.iter().find(|tag| tag.get("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh")));
        let content = tag?.get("content")?;
        let (seconds, url) = content.split_once(';')?;
        let url = url.trim();
        let url = url.get(..4).filter(|key| key.eq_ignore_ascii_case("url=")).map_or(url, |_| &url[4..]);
        Some((seconds.trim().parse().ok()?, self.url.join(url.trim_matches(['\'', '"'])).ok()?))
    }

    /// The parameters of the address's query.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        self.url.query_pairs().into_owned().collect()
    }
}

fn read_field(form: &mut Form, tag: &Tag) {
    let name = tag.get("name").unwrap_or_default().to_owned();
    let value = tag.get("value").unwrap_or_default().to_owned();
    let kind = tag.get("type").unwrap_or_default().to_ascii_lowercase();
    let is_button = tag.name == "button" && (kind.is_empty() || kind == "submit") || kind == "submit";
    if is_button {
        form.buttons.push((name, value));
    } else if !name.is_empty() && tag.name == "input" {
        let is_box = kind == "checkbox" || kind == "radio";
        if !is_box || tag.attributes.contains_key("checked") {
            form.fields.push((name, value));
        }
    }
}

impl std::fmt::Display for Page {
    /// For messages of failed tests: the status, the address, the way there, the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.url)?;
        if let Some(location) = self.header("location") {
            write!(f, " -> {location}")?;
        }
        for hop in &self.hops {
            write!(f, "\n  by {} {}", hop.status, hop.url)?;
        }
        let text: String = self.text().chars().take(1500).collect();
        write!(f, "\n  [{}] {text}", self.mark().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            url: Url::parse("http://id.localhost/sign-out?x=1").unwrap(),
            status: 200,
            headers: HeaderMap::new(),
            body: body.to_owned(),
            hops: Vec::new(),
        }
    }

    #[test]
    fn a_form_gives_its_inputs_and_the_button_that_was_pressed() {
        let page = page(
            r#"<main data-page="sign-out-confirm"><form method="post" action="/sign-out"><input type="hidden" name="csrf"
            value="a&amp;b"><input name="on" type=checkbox><button name="decision" value="sign-out">Out</button>
            <button name="decision" value="stay">Stay</button></form></main>"#,
        );
        assert_eq!(page.mark().as_deref(), Some("sign-out-confirm"));
        let form = page.form_with("decision").press("decision", "stay");
        assert_eq!(form.encoded(), "csrf=a%26b&decision=stay");
    }

    #[test]
    fn a_refresh_inside_noscript_is_found() {
        let page = page(r#"<noscript><meta http-equiv="Refresh" content="5; url=/next?a=b&amp;c=d"></noscript>"#);
        let (seconds, url) = page.refresh().unwrap();
        assert_eq!((seconds, url.as_str()), (5, "http://id.localhost/next?a=b&c=d"));
    }
}
