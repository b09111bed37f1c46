use super::*;

fn target(url: &str) -> Target {
    Target::parse(url).unwrap()
}

fn admit(policy: &Policy, url: &str, address: &str) -> Result<SocketAddr, Refusal> {
    policy.admit(&target(url), address.parse().unwrap())
}

fn allowing(host: Option<&str>, net: &str) -> Policy {
    Policy::allowing(vec![Allow::new(host, net).unwrap()])
}

#[test]
fn by_default_only_https_on_443_of_public_addresses_is_reached() {
    let policy = Policy::default();
    assert_eq!(admit(&policy, "https://app.example.com/bc", "8.8.8.8"), Ok("8.8.8.8:443".parse().unwrap()));
    assert_eq!(admit(&policy, "http://app.example.com/bc", "8.8.8.8"), Err(Refusal::PlainHttp));
    assert_eq!(admit(&policy, "https://app.example.com:8443/bc", "8.8.8.8"), Err(Refusal::Port(8443)));
    assert!(matches!(admit(&policy, "https://app.example.com/bc", "10.0.0.1"), Err(Refusal::Address { .. })));
    assert!(matches!(admit(&policy, "https://8.8.8.8/bc", "8.8.8.8"), Err(Refusal::Literal(_))));
}

#[test]
fn an_entry_for_a_host_opens_its_network_to_that_host_alone() {
    let policy = allowing(Some("Wiki.Corp.Example.com."), "10.0.0.0/8");
    assert_eq!(admit(&policy, "http://wiki.corp.example.com:8080/", "10.1.2.3"), Ok("10.1.2.3:8080".parse().unwrap()));
    assert!(admit(&policy, "http://wiki.corp.example.com.evil.example/", "10.1.2.3").is_err());
    assert!(admit(&policy, "https://evil.example.com/", "10.1.2.3").is_err());
    assert!(admit(&policy, "https://wiki.corp.example.com/", "192.168.1.1").is_err(), "another network");
    assert!(admit(&policy, "https://10.1.2.3/", "10.1.2.3").is_err(), "the bare address is another host");
}

#[test]
fn an_entry_for_a_network_opens_it_by_name_and_by_number_and_no_other() {
    let policy = allowing(None, "127.0.0.0/8");
    assert!(admit(&policy, "http://127.0.0.1:4000/", "127.0.0.1").is_ok());
    assert!(admit(&policy, "http://localhost:4000/", "127.0.0.1").is_ok());
    assert!(admit(&policy, "http://localhost:4000/", "::ffff:127.0.0.1").is_ok(), "the same address");
    assert!(admit(&policy, "http://localhost:4000/", "::1").is_err());
    for hidden in ["64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1", "2a00::5efe:7f00:1"] {
        assert!(admit(&policy, "https://app.example.com/", hidden).is_err(), "{hidden}");
    }
}

#[test]
fn the_servers_own_listeners_are_never_dialled() {
    let mut policy = allowing(None, "127.0.0.0/8");
    policy.own = vec!["0.0.0.0:8080".parse().unwrap(), "203.0.113.7:443".parse().unwrap()];
    assert!(matches!(admit(&policy, "http://localhost:8080/", "127.0.0.1"), Err(Refusal::Own(_))));
    assert!(matches!(admit(&policy, "http://localhost:8080/", "127.9.9.9"), Err(Refusal::Own(_))));
    assert!(admit(&policy, "http://localhost:8081/", "127.0.0.1").is_ok());
    assert!(matches!(admit(&policy, "https://id.example.com/", "203.0.113.7"), Err(Refusal::Own(_))));
}

#[test]
fn registration_hears_of_what_can_never_work_and_of_nothing_else() {
    let none = Policy::default();
    assert!(none.check(&target("https://app.example.com/")).is_ok());
    assert_eq!(none.check(&target("http://app.example.com/")), Err(Refusal::PlainHttp));
    assert_eq!(none.check(&target("https://app.example.com:444/")), Err(Refusal::Port(444)));
    assert!(none.check(&target("https://[::1]/")).is_err());
    assert!(none.check(&target("https://8.8.8.8/")).is_err());
    let some = allowing(None, "10.0.0.0/8");
    assert!(some.check(&target("http://app.example.com:81/")).is_ok(), "it may resolve into the network");
    assert!(some.check(&target("http://10.2.3.4:81/")).is_ok());
    assert!(some.check(&target("http://11.2.3.4:81/")).is_err());
}

#[test]
fn whoever_registers_hears_of_mistakes_in_full_and_of_the_policy_only_that_it_says_no() {
    let policy = allowing(None, "10.0.0.0/8");
    let said: Vec<_> = ["https://192.168.0.1/", "https://8.8.8.8/", "https://127.0.0.1:9/"]
        .map(|url| policy.check(&target(url)).unwrap_err().public())
        .into();
    assert!(said.iter().all(|words| *words == said[0] && !words.contains("10.")), "{said:?}");
    assert!(Target::parse("https://a.example/#x").unwrap_err().public().contains("fragment"));
}

#[test]
fn a_list_that_covers_everything_needs_a_host() {
    assert!(matches!(Allow::new(None, "0.0.0.0/0"), Err(InvalidAllow::Everything(_))));
    assert!(matches!(Allow::new(None, "::/0"), Err(InvalidAllow::Everything(_))));
    assert!(Allow::new(Some("app.example.com"), "0.0.0.0/0").is_ok());
    assert!(Allow::new(None, "ten").is_err());
    assert!(Allow::new(Some("a b"), "10.0.0.0/8").is_err());
    assert!(Allow::new(Some(""), "10.0.0.0/8").is_err());
    assert_eq!(Allow::new(None, "10.1.2.3").unwrap().net, "10.1.2.3/32".parse().unwrap());
    assert_eq!("10.1.2.3/8".parse::<Allow>().unwrap().net, "10.0.0.0/8".parse().unwrap());
}

#[test]
fn an_entry_is_read_as_a_string_or_a_table_without_unknown_keys() {
    use serde::de::value::{Error, MapDeserializer, StrDeserializer};
    let table = |pairs: &[(&'static str, &'static str)]| {
        Allow::deserialize(MapDeserializer::<_, Error>::new(pairs.iter().copied()))
    };
    assert_eq!(Allow::deserialize(StrDeserializer::<Error>::new("10.0.0.0/8")).unwrap(), "10.0.0.0/8".parse().unwrap());
    assert_eq!(table(&[("host", "a.example"), ("net", "10.0.0.0/8")]).unwrap().host.as_deref(), Some("a.example"));
    assert!(table(&[("host", "a.example")]).is_err());
    assert!(table(&[("net", "10.0.0.0/8"), ("hots", "a.example")]).is_err());
}
