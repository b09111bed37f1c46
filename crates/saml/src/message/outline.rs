//! A message as a log may show it: its shape, who sent it to whom and when, and the names that the specifications give. Whatever
//! else stands in it (who the person is, indexes, attributes, signatures, ciphertext) is left out: what is shown is listed here,
//! so that nothing new is shown by mistake.

use super::{Message, Outbound};
use crate::xml::{
    Caps, Node, Xml,
    names::{DS, XENC},
};

/// Elements whose text names a party or a class, never a person.
const TEXTS: [&str; 5] = ["Issuer", "Audience", "AuthnContextClassRef", "AuthenticatingAuthority", "faultcode"];
/// Attributes that name no person and prove nothing.
const ATTRIBUTES: [&str; 25] = [
    "ID",
    "InResponseTo",
    "Version",
    "IssueInstant",
    "Destination",
    "NotBefore",
    "NotOnOrAfter",
    "AuthnInstant",
    "SessionNotOnOrAfter",
    "Recipient",
    "Method",
    "Format",
    "NameQualifier",
    "SPNameQualifier",
    "AllowCreate",
    "Comparison",
    "Value",
    "Reason",
    "ForceAuthn",
    "IsPassive",
    "ProtocolBinding",
    "AssertionConsumerServiceURL",
    "AssertionConsumerServiceIndex",
    "Name",
    "NameFormat",
];
/// The longest outline; a log is no archive.
const LONGEST: usize = 4096;
/// What stands for what is left out.
const LEFT_OUT: char = '…';

impl Message<'_> {
    /// The message without its secrets, for logs. Nothing in it is believed by that.
    #[must_use]
    pub fn outline(&self) -> String {
        self.root().map(outline).unwrap_or_default()
    }
}

/// A message that is to be sent, without its secrets, for logs.
pub fn outline_of(message: &impl Outbound) -> String {
    let Ok(xml) = message.plain_xml() else { return String::new() };
    let Ok(parsed) = Xml::parse(xml.as_bytes(), Caps::MESSAGE) else { return String::new() };
    parsed.root().map(outline).unwrap_or_default()
}

fn outline(root: Node<'_>) -> String {
    let mut out = String::new();
    write(root, &mut out);
    if out.len() > LONGEST {
        let mut end = LONGEST;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push(LEFT_OUT);
    }
    out
}

/// Parsed messages are not deep: see [`Caps`].
fn write(node: Node<'_>, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    let name = node.local();
    out.push('<');
    out.push_str(name);
    for attribute in node.attributes() {
        let local = &*attribute.name.local_name;
        if attribute.name.namespace_uri.is_none() && ATTRIBUTES.contains(&local) {
            out.push_str(&format!(" {local}={:?}", &*attribute.value));
        }
    }
    let before = out.len();
    out.push('>');
    let opaque = [DS, XENC].contains(&node.namespace());
    let children: Vec<_> = if opaque { Vec::new() } else { node.children().collect() };
    if children.is_empty() {
        match node.text() {
            Ok(text) if text.is_empty() && !opaque => {
                out.truncate(before);
                out.push_str("/>");
                return;
            }
            // A stranger's line break must not begin another line of the log.
            Ok(text) if TEXTS.contains(&name) => out.extend(text.chars().flat_map(char::escape_debug)),
            _ => out.push(LEFT_OUT),
        }
    }
    for child in children {
        write(child, out);
    }
    out.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use acquit_core::time::Timestamp;

    use super::*;
    use crate::{
        binding::{Arrived, post},
        message::{
            Assertion, Attribute, AuthnStatement, Header, Kind, LogoutRequest, MessageId, NameId, REASON_ADMIN,
            Response,
        },
        names::{AC_PASSWORD, FORMAT_PERSISTENT},
        security::{KeyKind, Signer},
    };

    fn header() -> Header {
        Header::new(
            &MessageId::from_random([7; 20]),
            Timestamp::from_seconds(1_790_000_000),
            "https://idp.example",
            "https://sp.example/slo",
        )
    }

    fn request() -> LogoutRequest {
        LogoutRequest {
            header: header(),
            not_on_or_after: None,
            reason: Some(REASON_ADMIN.to_owned()),
            name_id: NameId::new("alice-secret", FORMAT_PERSISTENT),
            session_indexes: vec!["index-secret".to_owned()],
            asynchronous: false,
        }
    }

    #[test]
    fn an_outline_says_what_a_message_is_and_of_nobody() {
        let outline = outline_of(&request());
        for shown in [
            "<LogoutRequest ",
            " ID=\"_",
            "IssueInstant=\"2026-09-21T14:13:20",
            "Destination=\"https://sp.example/slo\"",
            "Reason=\"urn:oasis:names:tc:SAML:2.0:logout:admin\"",
            "<Issuer>https://idp.example</Issuer>",
            "<NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">…</NameID>",
            "<SessionIndex>…</SessionIndex></LogoutRequest>",
        ] {
            assert!(outline.contains(shown), "{shown}: {outline}");
        }
        assert!(!outline.contains("secret"), "{outline}");
    }

    #[test]
    fn an_outline_of_what_arrived_has_neither_its_signature_nor_its_certificate() {
        let signer = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "idp").unwrap();
        let form = post::encode(&request(), "https://sp.example/slo", Some("relay-secret"), &signer).unwrap();
        let fields = [(form.field, form.message.as_str()), ("RelayState", "relay-secret")];
        let arrived: Arrived = post::decode(fields).unwrap();
        let outline = Message::open(&arrived, &[Kind::LogoutRequest]).unwrap().outline();
        assert!(outline.contains("<Signature>…</Signature>") && outline.contains("<NameID"), "{outline}");
        for hidden in ["SignatureValue", "DigestValue", "X509", "secret"] {
            assert!(!outline.contains(hidden), "{hidden}: {outline}");
        }
    }

    #[test]
    fn an_outline_of_an_assertion_names_its_attributes_without_their_values() {
        let assertion = Assertion {
            id: "_a".to_owned(),
            issue_instant: Timestamp::from_seconds(1_790_000_000),
            issuer: "https://idp.example".to_owned(),
            name_id: NameId::new("alice-secret", FORMAT_PERSISTENT),
            in_response_to: None,
            recipient: "https://sp.example/acs".to_owned(),
            not_before: None,
            not_on_or_after: Timestamp::from_seconds(1_790_000_300),
            audience: "https://sp.example".to_owned(),
            authn: AuthnStatement {
                instant: Timestamp::from_seconds(1_790_000_000),
                session_index: Some("index-secret".to_owned()),
                session_not_on_or_after: None,
                context: AC_PASSWORD.to_owned(),
                authorities: Vec::new(),
            },
            attributes: vec![Attribute::new("mail", vec!["value-secret".to_owned()])],
        };
        let outline = outline_of(&Response::success(header(), assertion));
        for shown in ["<Audience>https://sp.example</Audience>", "Name=\"mail\"", AC_PASSWORD, ":status:Success"] {
            assert!(outline.contains(shown), "{shown}: {outline}");
        }
        assert!(!outline.contains("secret"), "{outline}");
    }

    #[test]
    fn an_outline_is_one_line_whatever_stands_in_a_message() {
        let mut request = request();
        request.header.issuer = "https://sp.example\n2026-09-21T14:13:20Z INFO logged out\u{85}\u{2028}x".to_owned();
        request.header.destination = Some("https://idp.example/\nx".to_owned());
        let outline = outline_of(&request);
        assert!(outline.contains("logged out"), "{outline}");
        assert!(!outline.contains(|c: char| c.is_control() || c == '\u{2028}'), "{outline}");
    }

    #[test]
    fn an_outline_is_never_long() {
        let request = LogoutRequest { session_indexes: vec!["x".to_owned(); 1000], ..request() };
        assert!(outline_of(&request).len() < LONGEST + 8);
    }
}
