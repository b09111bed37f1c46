//! Bytes made to cost much, and bytes changed at random.

use std::{fs, time::Duration};

use acquit_saml::{
    MESSAGE_BYTES,
    binding::redirect,
    message::{LogoutRequest, Outbound},
};
use proptest::prelude::*;

use crate::parties::*;

fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

/// Fills a message up to the cap.
fn filled(piece: impl Fn(usize) -> String) -> String {
    let signed = logout_request("alice").signed_xml(&sp().signer).unwrap();
    let mut filling = String::new();
    for number in 0.. {
        let next = piece(number);
        if signed.len() + filling.len() + next.len() > MESSAGE_BYTES - 100 {
            break;
        }
        filling.push_str(&next);
    }
    signed.replace("</samlp:LogoutRequest>", &format!("<samlp:x>{filling}</samlp:x></samlp:LogoutRequest>"))
}

#[test]
fn nothing_within_the_caps_costs_much() {
    let declarations: String = (0..60).map(|number| format!(" xmlns:n{number}=\"urn:n{number}\"")).collect();
    let uses: String = (0..60).map(|number| format!(" n{number}:a=\"\"")).collect();
    let deep = |inner: &str| format!("{}{inner}{}", "<samlp:y>".repeat(26), "</samlp:y>".repeat(26));
    let vectors = [
        ("elements", filled(|_| "<samlp:y/>".to_owned())),
        ("elements of no namespace", filled(|_| "<y xmlns=\"\"/>".to_owned())),
        ("identifiers", filled(|number| format!("<samlp:y ID=\"i{number}\"/>"))),
        ("declarations", filled(|_| format!("<samlp:y{declarations}/>"))),
        ("declarations in use", filled(|_| format!("<samlp:y{declarations}{uses}/>"))),
        ("attributes", filled(|_| format!("<samlp:y{}/>", (0..60).map(|number| format!(" a{number}=\"\"")).collect::<String>()))),
        ("depth", filled(|_| deep("x"))),
        ("inherited declarations", filled(|number| if number == 0 { " ".to_owned() } else { " ".repeat(MESSAGE_BYTES) }).replace("<samlp:x>", &format!("<samlp:x{declarations}>{}", format!("<samlp:y{uses}/>").repeat(200)))),
        ("references to characters", filled(|_| "&#65;".to_owned())),
        ("text", filled(|_| "text ".to_owned())),
        ("quotes", filled(|_| "\"='".to_owned())),
        ("indexes", filled(|_| "<samlp:SessionIndex>x</samlp:SessionIndex>".to_owned())),
        ("signatures", filled(|_| "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>".to_owned())),
        ("prefixes", logout_request("alice").signed_xml(&sp().signer).unwrap().replacen(
            "xml-exc-c14n#\"></ds:Transform>",
            &format!("xml-exc-c14n#\"><e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{}\"/></ds:Transform>", "samlp ".repeat(20_000)),
            1,
        )),
    ];
    // Unoptimised code takes about ten times as long.
    let most = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 100 });
    for (name, xml) in vectors {
        let start = cpu();
        assert!(log_out(&xml).is_err(), "{name}");
        let spent = cpu() - start;
        assert!(spent < most, "{name}: {spent:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_message_changed_anywhere_is_refused_or_means_the_same(at in any::<prop::sample::Index>(), byte in any::<u8>(), insert in any::<bool>()) {
        let request = logout_request("alice");
        let honest = signed_once();
        let mut bytes = honest.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(taken) = log_out(&text) {
            prop_assert_eq!(taken.into_inner(), request);
        }
    }

    #[test]
    fn parts_of_a_message_moved_anywhere_are_refused_or_mean_the_same(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), copy in any::<bool>()) {
        let honest = signed_once();
        let starts: Vec<usize> = honest.match_indices('<').map(|(at, _)| at).chain([honest.len()]).collect();
        let from = from.index(starts.len() - 1);
        let piece = &honest[starts[from]..starts[from + 1]];
        let mut changed = honest.to_owned();
        if !copy { changed.replace_range(starts[from]..starts[from + 1], ""); }
        let places: Vec<usize> = changed.match_indices('<').map(|(at, _)| at).chain([changed.len()]).collect();
        changed.insert_str(places[to.index(places.len())], piece);
        if let Ok(taken) = log_out(&changed) {
            prop_assert_eq!(taken.into_inner(), logout_request("alice"));
        }
    }

    #[test]
    fn a_query_changed_anywhere_is_refused_or_means_the_same(at in any::<prop::sample::Index>(), character in "[ -~]") {
        let url = redirect_once();
        let query = url.split_once('?').unwrap().1;
        let at = at.index(query.len());
        let changed = format!("{}{character}{}", &query[..at], &query[at + 1..]);
        let taken = redirect::decode(&changed).and_then(|arrived| Ok((arrived.relay_state().map(str::to_owned), take_logout(&arrived, &trust(SP, &[sp()]))?)));
        if let Ok((relay, taken)) = taken {
            prop_assert_eq!(taken.into_inner(), logout_request("alice"));
            prop_assert_eq!(relay.as_deref(), Some("relay"));
        }
    }

    #[test]
    fn arbitrary_text_panics_nowhere(text in "\\PC{0,300}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = log_out(&text);
        let _ = log_out_soap(&text);
        let _ = redirect::decode(&text);
        let _ = acquit_saml::binding::artifact::Artifact::parse(&text);
        let _ = acquit_saml::metadata::Peer::from_metadata(&bytes, None, None, now());
        let _ = acquit_saml::security::Certificate::from_der(&bytes);
        let _ = acquit_saml::security::Certificate::from_text(&text);
    }

    #[test]
    fn whatever_can_be_written_is_read_back(person in "\\PC{1,60}", index in "\\PC{1,60}") {
        let mut request: LogoutRequest = logout_request(&person);
        request.session_indexes = vec![index];
        let taken = log_out(&request.signed_xml(&sp().signer).unwrap());
        // The edges of names are trimmed by readers, of the white space of XML alone, and an empty name is none.
        let trimmed = |text: &str| text.trim_matches([' ', '\t', '\r', '\n']).to_owned();
        match taken {
            Ok(taken) => {
                prop_assert_eq!(&taken.name_id.value, &trimmed(&person));
                prop_assert_eq!(&taken.session_indexes[0], &trimmed(&request.session_indexes[0]));
            }
            Err(error) => prop_assert!(
                matches!(error, acquit_saml::Error::Missing(_)) && (trimmed(&person).is_empty() || trimmed(&request.session_indexes[0]).is_empty()),
                "{error:?}"
            ),
        }
    }
}

fn signed_once() -> &'static str {
    static XML: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    XML.get_or_init(|| logout_request("alice").signed_xml(&sp().signer).unwrap())
}

fn redirect_once() -> &'static str {
    static URL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    URL.get_or_init(|| redirect::encode(&logout_request("alice"), IDP_SLO, Some("relay"), Some(&sp().signer)).unwrap())
}
