//! Status (Core section 3.2.2).

use std::fmt;

use crate::{
    Error,
    xml::{Node, Writer, names::SAMLP},
};

/// The top of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done.
    Success,
    /// The one who asked is at fault.
    Requester,
    /// The one who answers is at fault.
    Responder,
    /// The version is not understood.
    VersionMismatch,
}

const PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:status:";
const CODES: [(Code, &str); 4] = [
    (Code::Success, "Success"),
    (Code::Requester, "Requester"),
    (Code::Responder, "Responder"),
    (Code::VersionMismatch, "VersionMismatch"),
];

impl Code {
    fn name(self) -> &'static str {
        CODES.iter().find(|(code, _)| *code == self).map_or("", |(_, name)| name)
    }
}

/// How a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The top.
    pub code: Code,
    /// The second level, without the prefix of the specification where it has that: `PartialLogout`.
    pub second: Option<String>,
    /// Words for people. Not to be shown without escaping.
    pub message: Option<String>,
}

impl Status {
    /// A status with a second level of the specification, such as `RequestDenied`.
    #[must_use]
    pub fn new(code: Code, second: &str) -> Self {
        Self { code, second: Some(second.to_owned()), message: None }
    }

    /// Done.
    #[must_use]
    pub const fn success() -> Self {
        Self { code: Code::Success, second: None, message: None }
    }

    /// Our session ended; not everybody else's did (Core section 3.7.3.2).
    #[must_use]
    pub fn partial_logout() -> Self {
        Self::new(Code::Success, "PartialLogout")
    }

    /// Whether all that was asked is done: `Success` with nothing that takes it back.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.code == Code::Success && !self.is_partial()
    }

    /// Whether somebody could not be told; peers put it under Success or Responder.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.second.as_deref() == Some("PartialLogout")
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Error> {
        let status = node.one(SAMLP, "Status")?;
        let top = status.one(SAMLP, "StatusCode")?;
        let name = top.required("Value")?.strip_prefix(PREFIX).unwrap_or_default();
        let code = CODES.iter().find(|(_, known)| *known == name).map(|(code, _)| *code);
        let second = top.optional(SAMLP, "StatusCode")?.map(|second| second.required("Value")).transpose()?;
        let message = status.optional(SAMLP, "StatusMessage")?.map(Node::text).transpose()?;
        Ok(Self {
            code: code.ok_or(Error::Invalid("StatusCode"))?,
            second: second.map(|text| limited(text.strip_prefix(PREFIX).unwrap_or(text))),
            message: message.filter(|text| !text.is_empty()).map(|text| limited(&text)),
        })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.start("samlp:Status");
        out.start("samlp:StatusCode").attr("Value", &format!("{PREFIX}{}", self.code.name()));
        if let Some(second) = &self.second {
            let value = if second.contains(':') { second.clone() } else { format!("{PREFIX}{second}") };
            out.start("samlp:StatusCode").attr("Value", &value).end();
        }
        out.end();
        if let Some(message) = &self.message {
            out.leaf("samlp:StatusMessage", message);
        }
        out.end();
    }
}

/// Such words go into receipts and logs.
fn limited(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.name())?;
        self.second.as_ref().map_or(Ok(()), |second| write!(f, "/{second}"))
    }
}
