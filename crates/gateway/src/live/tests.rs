use acquit_core::Timestamp;

use super::*;
use crate::{identity::Person, origin::Origin};

fn identity(session: u8, user: u8, epoch: i64) -> Identity {
    let of = (SessionId::from_random([session; 16]), UserId::from_random([user; 16]), epoch);
    Identity::new(of, Person::default(), Timestamp::default()..Timestamp::from_seconds(1))
}

fn host(name: &str) -> Arc<str> {
    Arc::from(name)
}

/// Something that somebody opens at a host.
pub(crate) fn opened(identity: &Identity, host: &str) -> Opened {
    Opened { identity: Some(Arc::new(identity.clone())), ..for_nobody(host) }
}

fn for_nobody(host: &str) -> Opened {
    let route = Arc::new(Route::new(Origin::parse(&format!("https://{host}")).unwrap(), Vec::new()));
    Opened { identity: None, route, path: "/".into() }
}

#[tokio::test]
async fn the_end_of_a_session_cuts_all_that_it_has_open_and_nothing_else() {
    let live = Live::default();
    let (one, two, other) = (identity(1, 1, 0), identity(1, 1, 0), identity(2, 1, 0));
    let (first, second, third) =
        (live.open(opened(&one, "a")), live.open(opened(&two, "b")), live.open(opened(&other, "a")));
    assert_eq!((live.count(), live.sessions().len()), (3, 2));
    let mut cut = live.cut(&one.session, Cut::SignedOut);
    cut.sort();
    assert_eq!(cut, [(host("a"), 1), (host("b"), 1)]);
    assert_eq!((first.cut().await, second.cut().await), (Cut::SignedOut, Cut::SignedOut));
    assert_eq!(third.why(), None);
    assert_eq!(live.cut(&one.session, Cut::SignedOut), [], "once");
}

#[test]
fn an_epoch_cuts_the_users_older_sessions_only() {
    let live = Live::default();
    let (old, new, other) = (identity(1, 1, 0), identity(2, 1, 1), identity(3, 2, 0));
    let streams = [&old, &new, &other].map(|identity| live.open(opened(identity, "a")));
    let cut = live.cut_user(&old.user, 1, Cut::SignedOut);
    assert_eq!(cut, HashMap::from([(old.session.clone(), vec![(host("a"), 1)])]));
    assert_eq!(streams.map(|stream| stream.why()), [Some(Cut::SignedOut), None, None]);
}

#[test]
fn what_is_over_is_forgotten_and_what_was_cut_does_not_count_against_what_came_later() {
    let live = Live::default();
    let one = identity(1, 1, 0);
    let before = live.open(opened(&one, "a"));
    live.cut(&one.session, Cut::Unsure);
    let after = live.open(opened(&one, "a"));
    drop(before);
    assert_eq!((live.count(), after.why()), (1, None));
    drop(after);
    assert_eq!((live.count(), live.sessions().len()), (0, 0));
    let streams = [live.open(opened(&one, "a")), live.open(opened(&identity(2, 2, 0), "a"))];
    assert_eq!(live.cut_all(Cut::Unsure).len(), 2);
    assert!(streams.iter().all(|stream| stream.why() == Some(Cut::Unsure)));
}

#[test]
fn some_of_a_session_goes_and_the_rest_stays_in_whatever_order_it_is_over() {
    let live = Live::default();
    let one = identity(1, 1, 0);
    let mut streams: Vec<_> = ["a", "b", "a", "c", "a"].map(|host| live.open(opened(&one, host))).into();
    let nobody = [live.open(for_nobody("a")), live.open(for_nobody("b"))];
    let at = |host: &'static str| move |opened: &Opened| opened.route.from.authority() == host;
    drop(streams.remove(0));
    assert_eq!(live.cut_where(Cut::NotAllowed, at("a")), HashMap::from([(one.session.clone(), vec![(host("a"), 2)])]));
    assert_eq!(nobody.each_ref().map(Stream::why), [Some(Cut::NotAllowed), None]);
    let whys: Vec<_> = streams.iter().map(Stream::why).collect();
    assert_eq!(whys, [None, Some(Cut::NotAllowed), None, Some(Cut::NotAllowed)]);
    assert_eq!(live.count(), 2);
    streams.truncate(3);
    assert_eq!(live.count(), 2, "what was cut is in no place of another's");
    assert_eq!(live.cut_of(&one.session, Cut::SignIn, at("b")), [(host("b"), 1)]);
    drop((streams, nobody));
    assert_eq!((live.count(), live.sessions().len()), (0, 0));
    assert_eq!(live.0.shards.iter().map(|shard| shard.lock().unwrap().nobody.0.len()).sum::<usize>(), 0);
}

#[test]
fn nobodys_streams_are_cut_for_what_they_are_and_for_no_sessions_sake() {
    let live = Live::default();
    let nobody = live.open(for_nobody("a"));
    assert!(live.cut_all(Cut::Unsure).is_empty() && live.count() == 0 && nobody.why().is_none());
    assert!(live.cut_where(Cut::NotAllowed, |_| true).is_empty());
    assert_eq!(nobody.why(), Some(Cut::NotAllowed));
}

#[test]
fn a_person_described_anew_is_so_in_all_that_their_session_has_open() {
    let live = Live::default();
    let version = |session, version| {
        let mut who = identity(session, 1, 0);
        who.version = version;
        who
    };
    let streams = [(1, 1), (1, 3), (2, 1)].map(|(session, v)| live.open(opened(&version(session, v), "a")));
    live.describe(&Arc::new(version(1, 2)));
    let old = |opened: &Opened| opened.identity.as_ref().is_some_and(|identity| identity.version < 2);
    let found: Vec<_> = live.find(old).into_iter().map(|opened| opened.identity.unwrap().session.clone()).collect();
    assert_eq!(found, [identity(2, 1, 0).session]);
    live.cut_where(Cut::NotAllowed, |opened| opened.identity.as_ref().is_some_and(|identity| identity.version == 3));
    assert_eq!(streams.map(|stream| stream.why()), [None, Some(Cut::NotAllowed), None], "what is newer stays so");
}
