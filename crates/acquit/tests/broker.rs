//! What the configuration of organizations, connections and broker applications becomes.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{fs, path::Path};

use acquit::config::{self, Loaded, diagnostic::Severity, environment::Environment};
use acquit_core::OrganizationId;
use acquit_oidc::jose::Algorithm;
use acquit_server::settings::{
    Settings,
    broker::{AttributeMap, Authentication, IdpLogout, OidcProvider},
    connection_type,
    saml::{NameIdKind, SloBinding, Source},
};

const ORGANIZATION: &str = "[[organizations]]\nid = \"org_01\"\nname = \"One\"\n";
const CONNECTION: &str = "[[connections]]\nid = \"conn_01\"\ntype = \"oidc\"\nissuer = \"https://idp.example.com\"\n\
                          client_id = \"acquit\"\nexternal_key = \"k3yAbcdefghijklmnopqrstuvwxyz\"\n";
const SECRET: &str = "client_secret = \"a-providers-secret\"\n";
const APPLICATION: &str = "[[applications]]\nid = \"saas\"\nprotocol = \"broker\"\nclient_id = \"client_01\"\n\
                           redirect_uris = [\"https://saas.example.com/callback\"]\n";
const API_KEY: &str = "sk_an-api-key-of-thirty-two-bytes-or-more";

fn read<const N: usize>(parts: &[&str], environment: [(&str, &str); N]) -> Loaded {
    let text = format!("[server]\npublic_url = \"http://localhost:8080\"\n{}", parts.concat());
    config::read(&text, "acquit.toml", Path::new("."), &Environment::from(environment))
}

fn settings(parts: &[&str]) -> Settings {
    let loaded = read(parts, []);
    assert!(loaded.diagnostics.is_empty(), "{}", words(&loaded));
    loaded.settings.unwrap()
}

fn words(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

fn provider(settings: &Settings, index: usize) -> &OidcProvider {
    settings.connections[index].oidc().expect("an OpenID connection")
}

#[test]
fn the_sample_becomes_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations/good/sample.toml");
    let settings = config::load(&path, &Environment::default()).unwrap().settings.unwrap();
    let organization = &settings.organizations[0];
    assert_eq!((organization.id.as_str(), organization.name.as_str()), ("org_01EXAMPLE", "Example"));
    assert_eq!(organization.domains, ["example.com", "example.org"], "in lower case");
    assert!(organization.outsiders, "as it says");

    let connection = &settings.connections[0];
    assert_eq!(connection.organization.as_ref(), Some(&organization.id));
    assert_eq!((connection.name.as_str(), connection.connection_type.as_str()), ("Example's Okta", "OktaOIDC"));
    assert_eq!((connection.propagate, connection.idp_logout), (false, IdpLogout::Confirm));
    let pair = |one: &str, other: &str| vec![(one.to_owned(), other.to_owned())];
    let expected = AttributeMap {
        id: None,
        email: Some("mail".to_owned()),
        first_name: Some("given".to_owned()),
        last_name: Some("family".to_owned()),
        groups: Some("roles".to_owned()),
        custom: pair("department", "dept"),
        group_names: pair("Everyone at Example", "example"),
    };
    assert_eq!(connection.attributes, expected);
    let first = provider(&settings, 0);
    assert!(
        matches!(&first.authentication, Authentication::Post(secret) if secret.expose().starts_with("a-providers"))
    );
    assert_eq!(first.scopes, ["openid", "profile", "email", "offline_access"], "openid is always among them");
    assert_eq!(first.algorithm, Algorithm::Rs256);
    assert!(!first.userinfo);

    let second = provider(&settings, 1);
    assert!(matches!(second.authentication, Authentication::PrivateKeyJwt(Algorithm::Es256)));
    assert_eq!(second.algorithm, Algorithm::EdDsa);
    assert_eq!((first.prompt.as_deref(), second.prompt.as_deref()), (None, Some("consent")));
    assert_eq!(second.parameters, pair("access_type", "offline"));
    let revalidate = settings.connections.iter().map(|connection| connection.revalidate);
    assert_eq!(revalidate.collect::<Vec<_>>(), [None, Some(std::time::Duration::from_secs(600)), None]);

    let [application] = settings.broker_applications.as_slice() else { panic!("one") };
    assert_eq!((application.app.as_str(), application.client_id.as_str()), ("saas", "client_01EXAMPLE"));
    assert!(application.api_key.matches(API_KEY) && !application.api_key.matches("sk_"));
    assert_eq!(application.redirect_uris, ["https://saas.example.com/callback"]);
    assert_eq!(application.logout_uri.as_deref(), Some("https://saas.example.com/logout"));
    assert_eq!(application.post_logout_redirect_uris, ["https://saas.example.com/bye"]);
    assert!(!application.tell_on_expiry && application.manage);
    let webhook = application.webhook.as_ref().unwrap();
    assert_eq!(webhook.url, "https://saas.example.com/webhooks");
    assert!(webhook.secret.expose().starts_with("whsec_a-webhook-secret"));
    assert!(application.gets(Some(&organization.id)) && !application.gets(None));
    let other = OrganizationId::parse("org_02").unwrap();
    assert!(!application.gets(Some(&other)));
    assert!(!settings.applications.iter().any(|client| client.app.as_str() == "saas"), "it is no OIDC client");
}

#[test]
fn what_is_left_out_has_its_default() {
    let key = format!("api_key = \"{API_KEY}\"\n");
    let loaded = read(&[CONNECTION, SECRET, APPLICATION, &key], []);
    let [warning] = loaded.diagnostics.as_slice() else { panic!("{}", words(&loaded)) };
    assert_eq!(warning.severity, Severity::Warning);
    assert!(warning.message.contains("has no `webhook`"), "{}", warning.message);
    let may_make_its_own = read(&[CONNECTION, SECRET, APPLICATION, &key, "manage = true\n"], []);
    assert!(may_make_its_own.diagnostics.is_empty(), "{}", words(&may_make_its_own));
    let settings = loaded.settings.unwrap();
    let connection = &settings.connections[0];
    assert_eq!((connection.name.as_str(), connection.connection_type.as_str()), ("conn_01", "GenericOIDC"));
    assert_eq!((connection.propagate, connection.idp_logout), (true, IdpLogout::Act));
    assert_eq!(connection.organization, None);
    assert_eq!(connection.attributes, AttributeMap::default());
    let provider = provider(&settings, 0);
    assert!(matches!(provider.authentication, Authentication::Basic(_)));
    assert_eq!(provider.scopes, ["openid", "profile", "email"]);
    assert_eq!((provider.algorithm, provider.userinfo), (Algorithm::Rs256, true));
    let application = &settings.broker_applications[0];
    assert_eq!((application.name.as_str(), application.tell_on_expiry), ("saas", true));
    assert!(application.gets(None), "without a list it gets everybody");
    assert!(application.webhook.is_none() && !application.manage);
}

#[test]
fn a_connection_without_a_name_has_that_of_its_organization() {
    let settings = settings(&[ORGANIZATION, CONNECTION, "organization = \"org_01\"\n", SECRET]);
    assert_eq!(settings.connections[0].name, "One");
}

#[test]
fn a_public_client_and_one_with_a_key_need_no_secret() {
    for (method, expected) in [("none", "None"), ("private_key_jwt", "PrivateKeyJwt(Rs256)")] {
        let line = format!("token_endpoint_auth_method = \"{method}\"\n");
        let settings = settings(&[CONNECTION, &line]);
        assert_eq!(format!("{:?}", provider(&settings, 0).authentication), expected);
    }
}

#[test]
fn a_secret_may_be_sent_as_it_is_or_make_an_assertion() {
    for (method, expected) in
        [("client_secret_basic", "Basic"), ("client_secret_post", "Post"), ("client_secret_jwt", "SecretJwt")]
    {
        let lines = format!("token_endpoint_auth_method = \"{method}\"\nclient_secret = \"{}\"\n", "s".repeat(32));
        let settings = settings(&[CONNECTION, &lines]);
        let shown = format!("{:?}", provider(&settings, 0).authentication);
        assert!(shown.starts_with(&format!("{expected}(")) && !shown.contains("sss"), "{shown}");
    }
}

#[test]
fn every_name_of_a_connection_type_is_taken() {
    for name in connection_type::ALL {
        let line = format!("connection_type = \"{name}\"\n");
        let of_saml = "[[connections]]\nid = \"conn_01\"\ntype = \"saml\"\nmetadata = { url = \"https://idp.example.com/metadata\" }\n";
        let settings = match connection_type::is_saml(name) {
            true => settings(&[of_saml, &line]),
            false => settings(&[CONNECTION, SECRET, &line]),
        };
        assert_eq!(settings.connections[0].connection_type, *name);
    }
}

#[test]
fn a_provider_on_this_machine_is_taken_where_the_egress_policy_allows_it() {
    let connection = CONNECTION.replace("https://idp.example.com", "http://localhost:9000");
    let refused = read(&[&connection, SECRET], []);
    assert!(refused.settings.is_none() && words(&refused).contains("egress policy"), "{}", words(&refused));
    settings(&["[egress]\nallow = [\"127.0.0.0/8\", \"::1\"]\n", &connection, SECRET]);
}

#[test]
fn secrets_of_the_broker_are_read_from_files_and_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("idp");
    fs::write(&file, "a-providers-secret\n").unwrap();
    let secret = format!("client_secret = {{ file = \"{}\" }}\n", file.display());
    let loaded = read(&[CONNECTION, &secret, APPLICATION, "api_key = { env = \"KEY\" }\n"], [("KEY", API_KEY)]);
    let settings = loaded.settings.unwrap();
    let Authentication::Basic(secret) = &provider(&settings, 0).authentication else { panic!("basic") };
    assert_eq!(secret.expose(), "a-providers-secret");
    assert!(settings.broker_applications[0].api_key.matches(API_KEY));
    assert!(!format!("{settings:?}").contains("a-providers-secret"));
}

#[test]
fn keys_of_the_broker_are_overridden_by_variables() {
    let environment = [
        ("ACQUIT__ORGANIZATIONS__0__DOMAINS", "[\"two.example\"]"),
        ("ACQUIT__CONNECTIONS__0__CLIENT_SECRET", "a-providers-secret"),
        ("ACQUIT__CONNECTIONS__0__TYPE", "oidc"),
        ("ACQUIT__CONNECTIONS__0__ID_TOKEN_SIGNED_RESPONSE_ALG", "ES256"),
        ("ACQUIT__CONNECTIONS__0__ATTRIBUTES__GROUPS", "roles"),
        ("ACQUIT__APPLICATIONS__0__API_KEY", API_KEY),
        ("ACQUIT__APPLICATIONS__0__ORGANIZATIONS__0", "org_01"),
    ];
    let loaded = read(&[ORGANIZATION, CONNECTION, APPLICATION], environment);
    let words = words(&loaded);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{words}"));
    assert_eq!(settings.organizations[0].domains, ["two.example"]);
    assert_eq!(provider(&settings, 0).algorithm, Algorithm::Es256);
    assert_eq!(settings.connections[0].attributes.groups.as_deref(), Some("roles"));
    assert_eq!(settings.broker_applications[0].organizations.as_ref().map(Vec::len), Some(1));

    let loaded = read(&[CONNECTION], [("ACQUIT__CONNECTIONS__0__CLIENT_SECRT", "hunter2")]);
    let shown = self::words(&loaded);
    assert!(shown.contains("did you mean `CLIENT_SECRET`?") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_webhook_of_the_wrong_kind_is_no_application_without_one() {
    let key = format!("api_key = \"{API_KEY}\"\n");
    let secret = "whsec_0123456789abcdefghijklmnopqrstuv";
    for (webhook, environment) in [
        ("webhook = \"https://saas.example.com/hook\"\n".to_owned(), ""),
        ("webhook = { url = \"https://saas.example.com/hook\" }\n".to_owned(), ""),
        (format!("webhook = {{ url = \"hook\", secret = \"{secret}\" }}\n"), ""),
        (format!("webhook = {{ url = \"http://127.0.0.1/hook\", secret = \"{secret}\" }}\n"), ""),
        ("webhook = { url = \"https://saas.example.com/hook\", secret = { env = \"HOOK\" } }\n".to_owned(), "short"),
    ] {
        let loaded = read(&[APPLICATION, &key, &webhook], [("HOOK", environment)]);
        assert!(loaded.settings.is_none() && !words(&loaded).contains(secret), "{webhook}: {}", words(&loaded));
    }
    let loopback = "webhook = { url = \"http://127.0.0.1/hook\", secret = { env = \"HOOK\" } }\n";
    let loaded = read(&["[egress]\nallow = [\"127.0.0.0/8\"]\n", APPLICATION, &key, loopback], [("HOOK", secret)]);
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.broker_applications[0].webhook.as_ref().unwrap().secret.expose(), secret);
    assert!(!format!("{settings:?}").contains(secret));
}

#[test]
fn a_list_of_organizations_of_the_wrong_kind_grants_nobody_everything() {
    let key = format!("api_key = \"{API_KEY}\"\norganizations = 5\n");
    assert!(read(&[APPLICATION, &key], []).settings.is_none());
    assert!(read(&[CONNECTION, SECRET, "organization = [\"org_01\"]\n"], []).settings.is_none());
}

#[test]
fn long_lists_and_names_have_an_end() {
    let key = format!("api_key = \"{API_KEY}\"\n");
    let long = "x".repeat(300);
    let many = |count: usize| (0..count).map(|n| format!("\"s{n}\"")).collect::<Vec<_>>().join(", ");
    for (parts, expected) in [
        ([CONNECTION, SECRET, &format!("name = \"{long}\"\n")], "a name has 1 to 200 bytes"),
        ([CONNECTION, SECRET, &format!("scopes = [{}]\n", many(101))], "at most 100 scopes"),
        ([CONNECTION, SECRET, &format!("scopes = [\"{long}\"]\n")], "is no scope"),
        ([CONNECTION, SECRET, &format!("attributes = {{ email = \"{long}\" }}\n")], "a claim has a name of 1 to 255"),
        ([ORGANIZATION, "", &format!("domains = [{}]\n", many(1001))], "at most 1000 domains"),
        ([APPLICATION, &key, &format!("name = \"{long}\"\n")], "1 to 200 bytes"),
    ] {
        let loaded = read(&parts, []);
        assert!(loaded.settings.is_none() && words(&loaded).contains(expected), "{expected}: {}", words(&loaded));
    }
    for (line, replacement) in [
        ("client_id = \"acquit\"", format!("client_id = \"{long}\"")),
        ("k3yAbcdefghijklmnopqrstuvwxyz", "k".repeat(129)),
        ("client_secret = \"a-providers-secret\"", format!("client_secret = \"{}\"", "x".repeat(1025))),
    ] {
        let text = [CONNECTION, SECRET].concat().replace(line, &replacement);
        assert!(read(&[&text], []).settings.is_none(), "{line}");
    }
}

#[test]
fn a_saml_connection_is_known_by_its_id_and_by_what_its_metadata_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations/metadata/idp.xml");
    let connection = format!(
        "[[connections]]\nid = \"conn_01\"\ntype = \"saml\"\nmetadata = {{ file = {:?} }}\nname_id = \"transient\"\n\
         attributes = {{ id = \"uid\" }}\nlogout = \"local\"\n",
        path.display().to_string()
    );
    let settings = settings(&[&connection]);
    let connection = &settings.connections[0];
    assert_eq!((connection.connection_type.as_str(), connection.external_key.as_str()), ("GenericSAML", "conn_01"));
    assert!(!connection.propagate);
    assert_eq!(connection.attributes.id.as_deref(), Some("uid"));
    let provider = connection.saml().unwrap();
    assert_eq!(provider.name_id, Some(NameIdKind::Transient));
    let Source::Given(idp) = &provider.source else { panic!("a file") };
    assert_eq!(idp.entity_id, "https://idp.example.com/saml");
    assert_eq!(idp.sign_on().unwrap().location, "https://idp.example.com/sso");
    assert_eq!(idp.role.signing.len(), 1);
}

#[test]
fn a_saml_connection_may_be_written_by_hand_or_refreshed_from_a_url() {
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations/good/wiki.pem");
    let by_hand = format!(
        "[[connections]]\nid = \"conn_01\"\ntype = \"saml\"\nentity_id = \"https://idp.example.com\"\n\
         sso_url = \"https://idp.example.com/sso\"\nslo_url = \"https://idp.example.com/slo\"\nslo_binding = \"post\"\n\
         certificates = [{{ file = {:?} }}]\n",
        pem.display().to_string()
    );
    let at_url = "[[connections]]\nid = \"conn_02\"\ntype = \"saml\"\nconnection_type = \"AzureSAML\"\n\
                  metadata = { url = \"https://idp.example.org/metadata\" }\nentity_id = \"https://idp.example.org\"\n";
    let settings = settings(&[&by_hand, at_url]);
    let Source::Given(idp) = &settings.connections[0].saml().unwrap().source else { panic!("by hand") };
    assert_eq!(idp.role.single_logout[0].location, "https://idp.example.com/slo");
    assert_eq!(idp.role.single_logout[0].binding, SloBinding::Post.uri());
    let document = settings.connections[1].saml().unwrap().source.document().unwrap();
    assert_eq!(document.url, "https://idp.example.org/metadata");
    assert_eq!(document.entity_id.as_deref(), Some("https://idp.example.org"));
}
