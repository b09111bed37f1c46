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
