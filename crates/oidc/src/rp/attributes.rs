//! What a provider says of a person becomes a profile: which claim is which attribute.
//!
//! Claims are whatever the provider makes of them, so one of the wrong type or out of bounds is passed over and named in
//! [`Profile::skipped`]; only `sub` decides whether there is a profile at all, and the ID token has it already.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const MAX_EMAIL: usize = 254;
/// The longest name of a person, in bytes.
pub const MAX_NAME: usize = 256;
/// The most groups.
pub const MAX_GROUPS: usize = 1000;
/// The longest name of a group, in bytes.
pub const MAX_GROUP: usize = 256;
/// The most custom attributes.
pub const MAX_CUSTOM: usize = 50;
/// The longest name of a custom attribute, and the longest claim path, in bytes.
pub const MAX_PATH: usize = 256;
/// The longest text in a custom attribute, in bytes.
pub const MAX_TEXT: usize = 2048;
/// The most entries of a custom attribute that is a list.
pub const MAX_ENTRIES: usize = 100;
/// The deepest claim path, in steps.
const MAX_STEPS: usize = 8;

/// Where each attribute is. A path is the name of a claim, or names joined by periods that lead into objects
/// (`resource_access.wiki.roles`); a claim whose own name is the whole path wins, for names such as
/// `https://a.example/roles` have periods too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeMap {
    /// The e-mail address.
    pub email: String,
    /// Whether the provider checked that address.
    pub email_verified: String,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The whole name.
    pub name: String,
    /// The groups: a list of texts, or one text.
    pub groups: String,
    /// Attributes of the owner's own: from the attribute's name to its path.
    pub custom: BTreeMap<String, String>,
}

impl Default for AttributeMap {
    fn default() -> Self {
        Self {
            email: "email".into(),
            email_verified: "email_verified".into(),
            first_name: "given_name".into(),
            last_name: "family_name".into(),
            name: "name".into(),
            groups: "groups".into(),
            custom: BTreeMap::new(),
        }
    }
}

/// Why a map cannot be used. Whoever configures the connection must correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeMapError {
    /// More than [`MAX_CUSTOM`] custom attributes.
    #[error("more than {MAX_CUSTOM} custom attributes")]
    TooMany,
    /// An attribute's name is empty, longer than [`MAX_PATH`] bytes or has a control character.
    #[error("a custom attribute's name is empty, too long or has a control character")]
    Name,
    /// An attribute's path is not usable: empty, too long, too deep, or with an empty step.
    #[error("the path of the attribute {0} is not the name of a claim")]
    Path(String),
}

impl AttributeMap {
    /// Checks the map itself, when it is configured.
    ///
    /// # Errors
    /// [`AttributeMapError`]
    pub fn check(&self) -> Result<(), AttributeMapError> {
        if self.custom.len() > MAX_CUSTOM {
            return Err(AttributeMapError::TooMany);
        }
        let usable = |text: &str| !text.is_empty() && text.len() <= MAX_PATH && !text.contains(char::is_control);
        if !self.custom.keys().all(|name| usable(name)) {
            return Err(AttributeMapError::Name);
        }
        let fixed = [
            ("email", &self.email),
            ("email_verified", &self.email_verified),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("name", &self.name),
            ("groups", &self.groups),
        ];
        let custom = self.custom.iter().map(|(name, path)| (name.as_str(), path));
        for (name, path) in fixed.into_iter().chain(custom) {
            let steps = path.split('.').count();
            if !usable(path) || steps > MAX_STEPS || path.split('.').any(str::is_empty) {
                return Err(AttributeMapError::Path(name.to_owned()));
            }
        }
        Ok(())
    }

    /// The profile of the user `subject`, of whom the provider says `claims`.
    #[must_use]
    pub fn profile(&self, subject: &str, claims: &Map<String, Value>) -> Profile {
        let mut reader = Reader { claims, skipped: Vec::new() };
        let email = reader.one("email", &self.email, email);
        // Of no address nothing is verified.
        let verified = reader.one("email_verified", &self.email_verified, truth);
        Profile {
            idp_id: subject.to_owned(),
            email_verified: email.is_some() && verified == Some(true),
            email,
            first_name: reader.one("first_name", &self.first_name, name),
            last_name: reader.one("last_name", &self.last_name, name),
            name: reader.one("name", &self.name, name),
            groups: reader.groups(&self.groups),
            custom: reader.custom(&self.custom),
            skipped: reader.skipped,
        }
    }
}

/// A person as a connection knows them.
#[derive(Clone, PartialEq)]
pub struct Profile {
    /// Who they are there, for good: `sub`. No other claim says that.
    pub idp_id: String,
    /// The address, as the provider writes it.
    pub email: Option<String>,
    /// Whether the provider says that it checked that address. Says nothing about whose domain it is.
    pub email_verified: bool,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The whole name.
    pub name: Option<String>,
    /// The groups there, each once, in the provider's order.
    pub groups: Vec<String>,
    /// The owner's own attributes: texts, numbers, truths, and lists of them.
    pub custom: BTreeMap<String, Value>,
    /// The attributes that were there and were passed over, wholly or in part, for their type or their size.
    pub skipped: Vec<String>,
}

/// Without the person.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("idp_id", &self.idp_id)
            .field("groups", &self.groups.len())
            .field("custom", &self.custom.len())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

struct Reader<'a> {
    claims: &'a Map<String, Value>,
    skipped: Vec<String>,
}

impl<'a> Reader<'a> {
    /// The claim at a path; null and the empty text count as absent.
    fn at(&self, path: &str) -> Option<&'a Value> {
        let found = match self.claims.get(path) {
            Some(value) => value,
            None => {
                let mut steps = path.split('.').take(MAX_STEPS + 1);
                let first = self.claims.get(steps.next()?)?;
                steps.try_fold(first, |value, step| value.as_object()?.get(step))?
            }
        };
        Some(found).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn one<T>(&mut self, attribute: &str, path: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.at(path)?;
        let read = read(value);
        if read.is_none() {
            self.skipped.push(attribute.to_owned());
        }
        read
    }

    fn groups(&mut self, path: &str) -> Vec<String> {
        let Some(value) = self.at(path) else { return Vec::new() };
        let (list, mut whole) = match value {
            Value::Array(list) => (list.as_slice(), list.len() <= MAX_GROUPS),
            Value::String(_) => (std::slice::from_ref(value), true),
            _ => (&[][..], false),
        };
        let mut groups: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for entry in list.iter().take(MAX_GROUPS) {
            match text(entry, MAX_GROUP) {
                Some(group) if seen.insert(group) => groups.push(group.to_owned()),
                Some(_) => {}
                None => whole = false,
            }
        }
        if !whole {
            self.skipped.push("groups".to_owned());
        }
        groups
    }

    fn custom(&mut self, map: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
        let mut custom = BTreeMap::new();
        for (attribute, path) in map.iter().take(MAX_CUSTOM) {
            if let Some(value) = self.one(attribute, path, free) {
                custom.insert(attribute.clone(), value);
            }
        }
        custom
    }
}

fn text(value: &Value, max: usize) -> Option<&str> {
    let text = value.as_str()?.trim();
    (!text.is_empty() && text.len() <= max && !text.contains(char::is_control)).then_some(text)
}

fn name(value: &Value) -> Option<String> {
    text(value, MAX_NAME).map(str::to_owned)
}

/// Something at something; whether mail arrives there is not for us to say.
fn email(value: &Value) -> Option<String> {
    let text = text(value, MAX_EMAIL)?;
    let (local, domain) = text.rsplit_once('@')?;
    let plain = !text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    (!local.is_empty() && !local.contains('@') && !domain.is_empty() && plain).then(|| text.to_owned())
}

/// True or false; some providers write it as a text.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn free(value: &Value) -> Option<Value> {
    let plain = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= MAX_TEXT && !text.contains('\0'),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    match value {
        Value::Array(list) => (list.len() <= MAX_ENTRIES && list.iter().all(plain)).then(|| value.clone()),
        _ => plain(value).then(|| value.clone()),
    }
}

#[cfg(test)]
mod tests;
