//! The query of the Redirect binding.

use std::{collections::HashSet, sync::OnceLock};

use acquit_saml::{
    MESSAGE_BYTES,
    binding::{RELAY_STATE_TAKEN, redirect},
    message::{Header, LogoutRequest, NameId},
    names,
};

use super::{
    message::{Believed, believe},
    parties::{HERE, PEER, files, id, now, own, trust},
};

/// Runs one input: as a query as it came, then as the words in a message of our own.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(said) = taken(text) {
        assert!(genuine().contains(&said), "the peer never said this: {said}");
    }
    if text.len() <= 1024 {
        sent_and_taken(text);
    }
}

fn taken(query: &str) -> Option<String> {
    let arrived = redirect::decode(query).ok()?;
    assert!(arrived.xml().len() <= MESSAGE_BYTES, "more came out than may");
    assert!(arrived.relay_state().is_none_or(|relay| relay.len() <= RELAY_STATE_TAKEN), "a long RelayState");
    let believed = believe(&arrived, trust(), false)?;
    // The signature is over the RelayState too.
    Some(format!("{:?} {believed:?}", arrived.relay_state()))
}

fn genuine() -> &'static HashSet<String> {
    static GENUINE: OnceLock<HashSet<String>> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let seeds = files("seeds", "redirect");
        let all: HashSet<_> =
            seeds.into_iter().filter_map(|(_, seed)| taken(std::str::from_utf8(&seed).unwrap())).collect();
        assert!(all.len() >= 3, "the seeds are not believed");
        all
    })
}

fn sent_and_taken(words: &str) {
    let name = words.trim();
    if name.is_empty() {
        return;
    }
    let request = LogoutRequest {
        header: Header::new(&id(9), now(), PEER, HERE),
        not_on_or_after: None,
        reason: None,
        name_id: NameId::new(name, names::FORMAT_PERSISTENT),
        session_indexes: Vec::new(),
        asynchronous: false,
    };
    // Only a character that XML cannot hold is a reason not to.
    let Ok(url) = redirect::encode(&request, HERE, Some(words), Some(&own().signer)) else {
        let bad = |character: char| (character < ' ' && !"\t\r\n".contains(character)) || character >= '\u{fffe}';
        assert!(words.contains(bad), "not written: {words:?}");
        return;
    };
    let (_, query) = url.split_once('?').expect("a query");
    let arrived = redirect::decode(query).expect("what was written is decoded");
    assert_eq!(arrived.relay_state(), Some(words), "another RelayState");
    assert_eq!(believe(&arrived, &own().trust, true), Some(Believed::Logout(request)), "another message");
}
