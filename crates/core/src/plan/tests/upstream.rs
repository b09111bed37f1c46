//! What identity providers are told.

use super::*;
use crate::{
    ConnectionId, UpstreamId,
    participant::{HopBinding, NameIdForm, SamlHop},
    step::SamlReason,
    upstream::{Held, SamlUpstream, TokenKind, UpstreamChannels},
};

fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(&format!("conn_{name}")).unwrap()
}

fn upstream(n: u8, name: &str) -> Upstream {
    Upstream {
        id: UpstreamId::from_random([n; 16]),
        session: session(1),
        connection: connection(name),
        organization: None,
        protocol: Protocol::Oidc,
        subject: "sub-there".to_owned(),
        sid: Some(format!("sid-there-{n}")),
        held: Held { access: true, refresh: true },
        channels: UpstreamChannels {
            revocation: Some("https://idp.test/revoke".to_owned()),
            end_session: Some("https://idp.test/end".to_owned()),
            saml: None,
            propagate: true,
        },
    }
}

fn with(upstreams: Vec<Upstream>) -> Snapshot {
    let mut snapshot = one(vec![("wiki", back())]);
    snapshot.sessions[0].upstreams = upstreams;
    snapshot
}

/// Channel, outcome and detail of the steps for a party.
fn told(plan: &Plan, party: &str) -> Vec<(Option<Channel>, Outcome, Option<String>)> {
    let of_party = plan.steps.iter().filter(|step| step.party.as_str() == party);
    of_party.map(|step| (step.channel, step.outcome, step.detail.clone())).collect()
}

#[test]
fn tokens_are_given_back_from_the_server_and_the_browser_ends_the_session_there_last() {
    let plan = plan(&with(vec![upstream(1, "a")]), &Request { browser: Some(session(1)), ..of_session() });
    let targets: Vec<_> = plan.steps.iter().map(|step| step.target.clone()).collect();
    assert!(matches!(targets[0], Target::Backchannel { .. }));
    assert!(matches!(targets[1], Target::Revocation { token: TokenKind::Refresh, .. }));
    assert!(matches!(targets[2], Target::Revocation { token: TokenKind::Access, .. }));
    assert!(matches!(&targets[3], Target::EndSession { uri, .. } if uri == "https://idp.test/end"));
    assert_eq!(plan.steps[1].next_attempt_at, Some(NOW), "from the server, at once");
    assert_eq!(plan.steps[3].next_attempt_at, None, "by the browser");
    assert_eq!(plan.steps[3].detail.as_deref(), Some("to be opened in the browser"));
    assert!(plan.steps[1..].iter().all(|step| step.party.as_str() == "conn_a"));
}

#[test]
fn a_provider_is_used_for_what_it_has_and_the_receipt_says_what_it_lacks() {
    let mut poor = upstream(1, "a");
    poor.channels.revocation = None;
    poor.channels.end_session = None;
    let plan = plan(&with(vec![poor]), &of_session());
    let told = told(&plan, "conn_a");
    assert_eq!(told.len(), 2, "not once for each token");
    for ((channel, outcome, detail), (expected, word)) in
        told.iter().zip([(Channel::Revocation, "revocation_endpoint"), (Channel::EndSession, "end_session_endpoint")])
    {
        assert_eq!((*channel, *outcome), (Some(expected), Outcome::Unsupported));
        assert!(detail.as_ref().unwrap().contains(word), "{detail:?}");
    }
}

#[test]
fn what_is_not_held_is_not_given_back() {
    let mut bare = upstream(1, "a");
    bare.held = Held::default();
    bare.channels.revocation = None;
    let plan = plan(&with(vec![bare]), &of_session());
    let channels: Vec<_> = told(&plan, "conn_a").into_iter().map(|(channel, ..)| channel).collect();
    assert_eq!(channels, [Some(Channel::EndSession)]);
}

#[test]
fn a_logout_never_goes_back_to_the_provider_that_asked_for_it() {
    let from = |party: &str| Request { by: By::Upstream, party: Some(party.to_owned()), ..of_session() };
    let snapshot = with(vec![upstream(1, "a"), upstream(2, "b")]);
    let plan_a = plan(&snapshot, &from("conn_a"));
    assert!(told(&plan_a, "conn_a").is_empty());
    assert_eq!(told(&plan_a, "conn_b").len(), 3, "another provider of the same session is told");
    assert_eq!(told(&plan_a, "wiki").len(), 1);
    let not_upstream = Request { by: By::Application, ..from("conn_a") };
    assert_eq!(told(&plan(&snapshot, &not_upstream), "conn_a").len(), 3, "an application of that name is no provider");
}

#[test]
fn each_sign_in_gives_its_tokens_back_and_the_browser_goes_there_once() {
    let plan = plan(&with(vec![upstream(1, "a"), upstream(2, "a")]), &of_session());
    let channels: Vec<_> = told(&plan, "conn_a").into_iter().filter_map(|(channel, ..)| channel).collect();
    assert_eq!(channels.iter().filter(|channel| **channel == Channel::Revocation).count(), 4);
    assert_eq!(channels.iter().filter(|channel| **channel == Channel::EndSession).count(), 1);
    let Target::EndSession { upstream, .. } = &plan.steps.last().unwrap().target else { panic!("no end_session") };
    assert_eq!(*upstream, UpstreamId::from_random([2; 16]), "by the newest, whose hint is fresh");
}

#[test]
fn a_connection_that_keeps_logouts_here_and_one_that_was_not_asked_say_so() {
    let mut local = upstream(1, "a");
    local.channels.propagate = false;
    let kept = plan(&with(vec![local]), &of_session());
    assert!(
        matches!(&told(&kept, "conn_a")[..], [(None, Outcome::Unsupported, Some(why))] if why == NOT_PROPAGATED_WORDS)
    );
    let request = Request { tell: Tell::NobodyElse, ..of_session() };
    let only_here = plan(&with(vec![upstream(1, "a")]), &request);
    assert!(matches!(&told(&only_here, "conn_a")[..], [(None, Outcome::Unsupported, Some(why))] if why == NOT_ASKED));
}

const NOT_PROPAGATED_WORDS: &str = "is not told of logouts here, as its operator chose";

#[test]
fn expiry_gives_tokens_back_and_leaves_the_persons_session_with_their_provider_alone() {
    let plan = plan(&with(vec![upstream(1, "a")]), &Request { tell: Tell::Expiry, by: By::Policy, ..of_session() });
    let channels: Vec<_> = told(&plan, "conn_a").into_iter().filter_map(|(channel, ..)| channel).collect();
    assert_eq!(channels, [Channel::Revocation; 2]);
}

#[test]
fn a_session_that_ended_before_sends_nothing_upstream() {
    let mut snapshot = with(vec![upstream(1, "a")]);
    snapshot.sessions[0].live = false;
    let request = request(Scope::User(user()));
    assert!(told(&plan(&snapshot, &request), "conn_a").is_empty());
}

fn authority(n: u8, name: &str, soap: bool, hop: bool) -> Upstream {
    let saml = SamlUpstream {
        entity_id: "https://idp.test".to_owned(),
        name_id: NameIdForm { format: Some("f".to_owned()), ..NameIdForm::default() },
        soap: soap.then(|| "https://idp.test/soap".to_owned()),
        hop: hop.then(|| SamlHop {
            binding: HopBinding::Post,
            uri: "https://idp.test/slo".to_owned(),
            response_uri: None,
        }),
    };
    let channels = UpstreamChannels { saml: Some(saml), propagate: true, ..UpstreamChannels::default() };
    Upstream { protocol: Protocol::Saml, held: Held::default(), channels, ..upstream(n, name) }
}

#[test]
fn a_saml_authority_is_told_before_its_participants_over_soap_if_it_can_be() {
    let plan = plan(&with(vec![authority(1, "a", true, true)]), &of_session());
    let [first, second] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
    assert_eq!((first.party.as_str(), first.channel), ("conn_a", Some(Channel::SamlSoap)));
    assert_eq!(first.next_attempt_at, Some(NOW));
    assert_eq!(second.party.as_str(), "wiki");
    let named = first.target.saml().unwrap();
    assert_eq!((named.entity_id.as_str(), named.subject.as_str()), ("https://idp.test", "sub-there"));
    assert_eq!(named.session_index.as_deref(), Some("sid-there-1"));
    assert_eq!((named.connection.clone(), named.reason), (Some(connection("a")), Some(SamlReason::User)));
}

#[test]
fn over_soap_each_sign_in_is_named_once_and_in_the_browser_the_last_one_is() {
    let twice = Upstream { sid: Some("sid-there-1".to_owned()), ..authority(2, "a", true, false) };
    let told = plan(&with(vec![authority(1, "a", true, false), twice, authority(3, "a", true, false)]), &of_session());
    let index = |step: &Step| step.target.saml().and_then(|named| named.session_index.clone());
    let named: Vec<_> = told.steps.iter().filter_map(index).collect();
    assert_eq!(named, ["sid-there-1", "sid-there-3"]);
    let hops = plan(&with(vec![authority(1, "a", false, true), authority(3, "a", false, true)]), &of_session());
    let named: Vec<_> = hops.steps.iter().filter_map(index).collect();
    assert_eq!(named, ["sid-there-3"]);
    let hop = &hops.steps[0];
    assert!(hop.target.is_hop() && hop.target.ends_upstream());
    assert_eq!((hop.channel, hop.next_attempt_at), (Some(Channel::SamlPost), None));
}

#[test]
fn a_saml_authority_that_asked_or_cannot_or_is_not_to_be_told_is_not() {
    let by_it = Request { by: By::Upstream, party: Some("conn_a".to_owned()), ..of_session() };
    assert_eq!(told(&plan(&with(vec![authority(1, "a", true, true)]), &by_it), "conn_a"), []);
    let expiry = Request { tell: Tell::Expiry, ..of_session() };
    assert_eq!(told(&plan(&with(vec![authority(1, "a", true, true)]), &expiry), "conn_a"), []);
    let unable = plan(&with(vec![authority(1, "a", false, false)]), &of_session());
    let [(None, Outcome::Unsupported, Some(why))] = &told(&unable, "conn_a")[..] else { panic!("{unable:?}") };
    assert!(why.contains("no SingleLogoutService"), "{why}");
    let mut local = authority(1, "a", true, true);
    local.channels.propagate = false;
    let local = plan(&with(vec![local]), &of_session());
    let [(None, Outcome::Unsupported, Some(why))] = &told(&local, "conn_a")[..] else { panic!("{local:?}") };
    assert!(why.contains("as its operator chose"), "{why}");
}
