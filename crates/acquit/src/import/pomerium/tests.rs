use super::*;
use crate::config::{self, environment::Environment};

const WHOLE: &str = r"
authenticate_service_url: https://authenticate.corp.example.com/
address: :8443
idp_provider: oidc
idp_provider_url: https://idp.example.com
idp_client_id: pomerium
idp_client_secret: hunter2hunter2hunter2hunter2hunter2
idp_scopes: [openid, email]
shared_secret: c2VjcmV0
cookie_expire: 12h
signout_redirect_url: https://www.example.com/bye
pass_identity_headers: true
jwt_claims_headers: [email]
routes:
  - from: https://grafana.corp.example.com
    to: http://grafana:3000
    name: Grafana
    allowed_domains: [example.com]
    allow_websockets: true
    timeout: 90s
  - from: https://api.corp.example.com
    to: [http://api-1:8080, http://api-2:8080]
    prefix: /v1
    pass_identity_headers: false
    policy:
      - allow:
          or:
            - email: { is: ann@example.com }
            - groups: { has: ops }
            - domain: partner.example
  - from: https://status.corp.example.com
    to: http://status:80
    allow_public_unauthenticated_access: true
";

fn read(configuration: &str) -> config::Loaded {
    let environment = Environment::from_iter([("ACQUIT_IDP_CLIENT_SECRET".to_owned(), "a".repeat(40))]);
    config::read(configuration, "acquit.toml", tempfile::tempdir().unwrap().path(), &environment)
}

#[test]
fn what_it_makes_is_a_configuration_that_does_the_same() {
    let imported = import(WHOLE).unwrap();
    assert_eq!(imported.refused, Vec::<String>::new());
    let loaded = read(&imported.configuration);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:#?}\n{}", loaded.diagnostics, imported.configuration));
    assert_eq!(settings.server.issuer, "https://authenticate.corp.example.com");
    let routes = &settings.gateway.routes;
    let seen: Vec<_> =
        routes.iter().map(|route| (route.from.authority(), route.prefix.as_str(), route.to.len())).collect();
    assert_eq!(
        seen,
        [("grafana.corp.example.com", "/", 1), ("api.corp.example.com", "/v1", 2), ("status.corp.example.com", "/", 1)]
    );
    assert_eq!((routes[0].pass_identity, routes[1].pass_identity), (true, false));
    assert_eq!(routes[0].allow.domains, ["example.com"]);
    assert_eq!((&routes[1].allow.emails[0], &routes[1].allow.groups[0]), (&"ann@example.com".into(), &"ops".into()));
    assert!(routes[2].is_public("/anything") && !routes[0].is_public("/"));
    assert_eq!(settings.gateway.trusted_redirects[0].as_str(), "https://www.example.com/bye");
    assert_eq!(settings.connections[0].id.as_str(), "conn_01POMERIUM");
    assert!(!imported.configuration.contains("hunter2"), "secrets are not copied");
}

#[test]
fn what_narrows_a_policy_is_never_taken_over_in_part() {
    for policy in [
        "[{allow: {and: [{email: a@example.com}, {groups: ops}]}}]",
        "[{allow: {or: [{email: a@example.com}]}}, {deny: {or: [{email: b@example.com}]}}]",
        "[{allow: {or: [{email: a@example.com}], not: [{domain: example.com}]}}]",
        "[{allow: {or: [{email: {starts_with: a}}]}}]",
        "[{allow: {or: [{http_method: {is: GET}}, {email: a@example.com}]}}]",
        "[{allow: {or: [{claim/department: sales}]}}]",
        "[{allow: {or: [{authenticated_user: false}]}}]",
    ] {
        let text = format!("routes:\n  - from: https://a.example.com\n    to: http://a\n    policy: {policy}\n");
        let imported = import(&text).unwrap();
        assert!(imported.refused.iter().any(|why| why.contains("`policy`")), "{policy}: {:?}", imported.refused);
        assert!(!imported.configuration.contains("[[gateway.routes]]"), "{policy}: {}", imported.configuration);
    }
}

/// The hosts and prefixes of the routes that are taken over.
fn taken(text: &str) -> (Vec<(String, String)>, String) {
    let imported = import(text).unwrap();
    let table: toml::Table = imported.configuration.parse().unwrap();
    let routes = table["gateway"]["routes"].as_array().unwrap();
    let word = |route: &toml::Value, key: &str| route.get(key).map_or("/", |word| word.as_str().unwrap()).to_owned();
    (routes.iter().map(|route| (word(route, "from"), word(route, "prefix"))).collect(), imported.refused.join("\n"))
}

#[test]
fn a_route_whose_rule_is_not_known_here_is_left_out_and_does_not_become_a_wider_one() {
    for narrowing in [
        "path: /health, allow_public_unauthenticated_access: true",
        "regex: '^/public/.*', allow_public_unauthenticated_access: true",
        "prefix: 1, allow_public_unauthenticated_access: true",
        "prefix: [/public], allow_public_unauthenticated_access: true",
        "prefix_rewrite: /public, allow_any_authenticated_user: true",
        "allowed_domains: [example.com], policy: [{deny: {or: [{email: {is: bad@example.com}}]}}]",
        "allowed_users: [a@example.com], tls_downstream_client_ca_file: ca.pem",
        "allowed_users: [a@example.com], remove_request_headers: [X-Remote-User]",
        "allowed_users: [a@example.com], set_request_headers: {X-Remote-User: guest}",
        "allowed_users: [a@example.com], of_a_later_version: 1",
    ] {
        let (routes, refused) =
            taken(&format!("routes:\n  - {{from: https://a.example.com, to: http://a, {narrowing}}}\n"));
        assert_eq!(routes, [], "{narrowing}: {refused}");
        assert!(refused.contains("left out"), "{narrowing}: {refused}");
    }
    let spared = "allowed_users: [a@example.com], tls_skip_verify: true, set_response_headers: {X-A: b}";
    let (routes, refused) = taken(&format!("routes:\n  - {{from: https://a.example.com, to: http://a, {spared}}}\n"));
    assert_eq!(routes.len(), 1, "{refused}");
    assert!(refused.contains("`tls_skip_verify`") && refused.contains("`set_response_headers`"), "{refused}");
}

#[test]
fn what_a_route_guarded_that_is_left_out_is_not_given_to_a_wider_one_of_its_host() {
    for guard in ["policy: [{allow: {and: [{email: a@example.com}, {groups: ops}]}}]", "allowed_users: []"] {
        let (routes, refused) = taken(&format!(
            "routes:\n  - {{from: https://a.example.com, to: http://a, allow_any_authenticated_user: true}}\n  \
             - {{from: 'https://A.example.com:443/', prefix: /admin, to: http://a, {guard}}}\n  \
             - {{from: https://b.example.com, to: http://b, allowed_users: [a@example.com]}}\n"
        ));
        assert_eq!(routes, [("https://b.example.com".to_owned(), "/".to_owned())], "{guard}: {refused}");
        assert!(refused.contains("route 1 (https://a.example.com): left out"), "{guard}: {refused}");
    }
}

#[test]
fn where_browsers_were_asked_for_certificates_nobody_gets_in_without() {
    for key in ["downstream_mtls: {ca_file: ca.pem}", "client_ca_file: ca.pem"] {
        let text =
            format!("{key}\nroutes:\n  - {{from: https://a.example.com, to: http://a, allowed_users: [a@b.c]}}\n");
        let (routes, refused) = taken(&text);
        assert_eq!(routes, [], "{key}");
        assert!(refused.contains("certificate"), "{key}: {refused}");
    }
}

#[test]
fn a_file_that_swells_or_says_something_twice_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let many = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{many}]\n"));
    }
    assert!(matches!(import(&bomb), Err(NotRead::Yaml(_))));
    assert!(matches!(import(&"[".repeat(100_000)), Err(NotRead::Yaml(_))));
    let twice =
        "routes:\n  - {from: https://a.example.com, to: http://a, allowed_users: [a@b.c], allowed_users: [x@b.c]}\n";
    assert!(matches!(import(twice), Err(NotRead::Yaml(_))));
}

#[test]
fn a_key_that_is_not_known_is_refused_by_name() {
    let text = "surprise: 1\nroutes:\n  - from: https://a.example.com\n    to: http://a\n    allowed_users: [a@example.com]\n    \
                regex: '.*'\n    set_request_headers: {X-A: b}\n  - from: tcp+https://db.example.com:5432\n    to: tcp://db\n";
    let refused = import(text).unwrap().refused.join("\n");
    for key in ["`surprise`", "`regex`", "`set_request_headers`", "tcp+https://db.example.com:5432"] {
        assert!(refused.contains(key), "{key}: {refused}");
    }
}

#[test]
fn what_is_no_configuration_is_said_to_be_none() {
    assert!(matches!(import("[1, 2"), Err(NotRead::Yaml(_))));
    assert!(matches!(import("just words"), Err(NotRead::NoKeys)));
}
