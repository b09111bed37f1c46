//! A message on its way, altered: whoever takes one of these did not check the signature.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::browser::Load;

/// Names and values, in order.
type Pairs = Vec<(String, String)>;

fn pairs(text: &[u8]) -> Pairs {
    form_urlencoded::parse(text).into_owned().collect()
}

fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The other of two letters, so that base64 stays base64 and a signature as long as it was.
fn other(letter: u8) -> u8 {
    if letter == b'A' { b'B' } else { b'A' }
}

/// The same message again, each time with one thing different that its signature covers, or without its signature.
///
/// # Panics
/// It carries no signed message.
#[must_use]
pub fn altered(load: &Load) -> Vec<(&'static str, Load)> {
    match &load.body {
        Some(body) => posted(load, &pairs(body)),
        None => redirected(load),
    }
}

fn redirected(load: &Load) -> Vec<(&'static str, Load)> {
    let with = |edit: &dyn Fn(&mut Pairs)| {
        let mut pairs = pairs(load.url.query().unwrap_or_default().as_bytes());
        assert!(pairs.iter().any(|(name, _)| name == "Signature"), "{} is not signed", load.url);
        edit(&mut pairs);
        let mut load = load.clone();
        load.url.set_query(Some(&encoded(&pairs)));
        load
    };
    let set = |pairs: &mut Pairs, name: &str, edit: &dyn Fn(&str) -> String| {
        for (_, value) in pairs.iter_mut().filter(|(key, _)| key == name) {
            *value = edit(value);
        }
    };
    let flip = |value: &str| {
        let mut bytes = value.as_bytes().to_vec();
        if let Some(byte) = bytes.get_mut(20) {
            *byte = other(*byte);
        }
        String::from_utf8(bytes).unwrap_or_default()
    };
    vec![
        ("another signature", with(&|pairs| set(pairs, "Signature", &flip))),
        ("another RelayState", with(&another_relay_state)),
        ("no signature", with(&|pairs| pairs.retain(|(name, _)| !matches!(name.as_str(), "Signature" | "SigAlg")))),
    ]
}

/// Where none was signed, one that was not.
fn another_relay_state(pairs: &mut Pairs) {
    match pairs.iter_mut().find(|(name, _)| name == "RelayState") {
        Some((_, value)) => value.push('x'),
        None => pairs.insert(1, ("RelayState".to_owned(), "x".to_owned())),
    }
}

fn posted(load: &Load, pairs: &[(String, String)]) -> Vec<(&'static str, Load)> {
    let (field, message) = pairs.iter().find(|(name, _)| name.starts_with("SAML")).expect("a message");
    let xml = String::from_utf8(BASE64_STANDARD.decode(message.replace(['\r', '\n'], "")).unwrap()).unwrap();
    let with = |xml: String| {
        let mut pairs = pairs.to_vec();
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == field) {
            *value = BASE64_STANDARD.encode(&xml);
        }
        load.clone().post(encoded(&pairs))
    };
    let mut all = Vec::new();
    // Behind these words one letter is changed; of signatures every one.
    for (what, words, after) in [("another time", "IssueInstant=\"", 18), ("another signature", "SignatureValue", 40)] {
        let mut bytes = xml.clone().into_bytes();
        for (at, _) in xml.match_indices(words) {
            let tag = xml.get(..at).and_then(|before| before.rsplit('<').next());
            if tag.is_some_and(|tag| tag.starts_with('/')) {
                continue;
            }
            let at = at + words.len() + after;
            let old = bytes[at];
            bytes[at] = if old.is_ascii_digit() { b'0' + (old - b'0' + 1) % 10 } else { other(old) };
        }
        let changed = String::from_utf8(bytes).unwrap();
        assert_ne!(changed, xml, "{what}: {xml}");
        all.push((what, with(changed)));
    }
    all.push(("no signature", with(without_signatures(&xml))));
    if xml.contains("alice@example.com") {
        all.push(("another person", with(xml.replace("alice@example.com", "alicf@example.com"))));
    }
    all
}

fn without_signatures(xml: &str) -> String {
    let mut rest = xml.to_owned();
    while let Some(begin) = rest.match_indices("Signature").find_map(|(at, word)| {
        let is_element = rest.get(at + word.len()..)?.starts_with([' ', '>']);
        let begin = rest.get(..at)?.rfind('<')?;
        (is_element && !rest.get(begin..)?.starts_with("</")).then_some(begin)
    }) {
        let tag: String = rest[begin + 1..].chars().take_while(|letter| !matches!(letter, ' ' | '>')).collect();
        let close = format!("</{tag}>");
        let end = rest[begin..].find(&close).expect("an end") + begin + close.len();
        rest.replace_range(begin..end, "");
    }
    assert_ne!(rest, xml, "it is not signed: {xml}");
    rest
}
