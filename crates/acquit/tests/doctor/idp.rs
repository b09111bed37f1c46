//! `acquit doctor idp`, on providers as they are and as they should not be.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use acquit_saml::{
    names::{HTTP_REDIRECT, SOAP_BINDING},
    security::{KeyKind, Signer},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A provider that answers what it is told to, by path, and writes down what it was asked.
struct Provider {
    issuer: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn start(answers: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (own, log) = (issuer.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                let mut whole = first.clone();
                for line in lines.by_ref() {
                    let line = line.unwrap_or_default();
                    if line.is_empty() {
                        break;
                    }
                    whole.push_str(&format!("\n{line}"));
                }
                log.lock().unwrap().push(whole);
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) = answers(&own, &path);
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { issuer, asked }
    }

    /// One that can do everything.
    fn able() -> Self {
        Self::start(|issuer, path| match path {
            "/.well-known/openid-configuration" => (200, discovery(issuer).to_string()),
            "/keys" => (200, keys().to_string()),
            _ => (400, String::new()),
        })
    }

    fn asked(&self, what: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|one| one.starts_with(what)).cloned().collect()
    }
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/logout"), "revocation_endpoint": format!("{issuer}/revoke"),
        "backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
        "scopes_supported": ["openid", "profile", "email"],
    })
}

fn keys() -> Value {
    // RFC 7517 appendix A.1, which is there for everybody.
    json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "kid": "1", "alg": "ES256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" }] })
}

fn doctor(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    super::doctor(folder, "idp", arguments)
}

fn seen(folder: &TempDir, arguments: &[&str]) -> (i32, Value) {
    super::doctor_json(folder, "idp", arguments)
}

/// A folder with a configuration that reaches loopback, and has this connection.
fn configured(issuer: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[server]\npublic_url = \"https://id.example.com\"\n\n[egress]\nallow = [\"127.0.0.0/8\"]\n\n\
         [[connections]]\nid = \"conn_01\"\ntype = \"oidc\"\nissuer = \"{issuer}\"\nclient_id = \"acquit\"\n\
         client_secret = \"never-to-be-sent-by-a-doctor\"\nexternal_key = \"k3yAbcdefghijklmnopqrstuvwxyz\"\n\
         scopes = [\"openid\", \"groups\"]\n"
    );
    std::fs::write(folder.path().join("acquit.toml"), text).unwrap();
    folder
}

#[test]
fn a_proof_that_the_provider_does_not_list_is_said_to_be_refused() {
    let listing = |methods: Value| {
        Provider::start(move |issuer, path| match path {
            "/.well-known/openid-configuration" => {
                let mut document = discovery(issuer);
                document["token_endpoint_auth_methods_supported"] = methods.clone();
                (200, document.to_string())
            }
            _ => (200, keys().to_string()),
        })
    };
    for (methods, fits) in [(json!(["client_secret_basic"]), false), (json!(["client_secret_jwt"]), true)] {
        let provider = listing(methods);
        let folder = configured(&provider.issuer);
        let file = folder.path().join("acquit.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text
            .replace("never-to-be-sent-by-a-doctor", "never-to-be-sent-by-a-doctor-also-as-a-MAC")
            .replace("scopes = ", "token_endpoint_auth_method = \"client_secret_jwt\"\nscopes = ");
        std::fs::write(&file, text).unwrap();
        let (_, about) = seen(&folder, &[&provider.issuer]);
        let misfits = about["connection"]["misfits"].to_string();
        assert_eq!(misfits.contains("client_secret_jwt by HS256: every sign-in is refused"), !fits, "{misfits}");
    }
}

#[test]
fn a_provider_that_can_do_everything_is_well_and_what_to_register_there_is_said() {
    let provider = Provider::able();
    let folder = configured(&provider.issuer);
    let (code, about) = seen(&folder, &[&provider.issuer]);
    assert_eq!(code, 0, "{about:#}");
    assert_eq!((&about["protocol"], &about["issuer"]), (&json!("oidc"), &json!(provider.issuer)));
    let able: Vec<_> = about["abilities"].as_array().unwrap().iter().map(|one| one["able"].clone()).collect();
    assert_eq!(able, [true, true, true, false, true]);
    let tried: Vec<_> = about["tries"].as_array().unwrap().iter().map(|one| one["what"].clone()).collect();
    let names = ["jwks_uri", "authorization_endpoint", "token_endpoint", "end_session_endpoint", "revocation_endpoint"];
    assert_eq!(tried, names);
    assert!(about["tries"].as_array().unwrap().iter().all(|one| one["ok"] == true), "{about:#}");
    assert_eq!(about["connection"]["id"], "conn_01", "the one of this issuer");
    assert!(about["connection"]["misfits"].to_string().contains("groups"), "{about:#}");
    let urls: Vec<_> = about["register"].as_array().unwrap().iter().map(|one| one["url"].as_str().unwrap()).collect();
    let own = "https://id.example.com/sso/oidc";
    let key = "k3yAbcdefghijklmnopqrstuvwxyz";
    assert_eq!(
        urls,
        [
            format!("{own}/{key}/callback"),
            format!("{own}/logout-callback"),
            format!("{own}/backchannel-logout/{key}"),
            format!("{own}/idp-logout/{key}"),
            format!("{own}/idp-logout/{key}"),
        ]
    );
    let (_, by_name) = seen(&folder, &["--connection", "conn_01"]);
    assert_eq!(by_name["register"], about["register"]);
    let (_, by_document) = seen(&folder, &[&format!("{}/.well-known/openid-configuration", provider.issuer)]);
    assert_eq!(by_document["register"], about["register"]);

    let (_, text, _) = doctor(&folder, &[&provider.issuer]);
    for words in ["Register there", "backchannel_logout_session_required = true", "called with iss and sid"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // What it asked, it asked as nobody.
    for asked in provider.asked("") {
        assert!(!asked.to_ascii_lowercase().contains("authorization:") && !asked.contains("never-to-be"), "{asked}");
    }
    assert!(!provider.asked("POST /revoke").is_empty() && !provider.asked("GET /logout").is_empty());
}

#[test]
fn a_provider_that_lacks_or_fails_is_not_well_and_it_is_said_why() {
    let provider = Provider::start(|issuer, path| match path {
        "/.well-known/openid-configuration" => (200, discovery(issuer).to_string()),
        "/keys" => (200, json!({ "keys": [] }).to_string()),
        "/revoke" => (404, String::new()),
        "/logout" => (503, String::new()),
        _ => (400, String::new()),
    });
    let folder = configured("https://another.example");
    let (code, about) = seen(&folder, &[&provider.issuer]);
    assert_eq!(code, 1);
    let bad: Vec<_> = about["tries"].as_array().unwrap().iter().filter(|one| one["ok"] == false).collect();
    let names: Vec<_> = bad.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(names, ["jwks_uri", "end_session_endpoint", "revocation_endpoint"], "{about:#}");
    assert!(about.get("connection").is_none() && about["register"] == json!([]), "no connection is to this issuer");
    let (code, about) = seen(&folder, &[&provider.issuer, "--connection", "conn_01"]);
    assert_eq!((code, &about["connection"]["issuer_matches"]), (1, &json!(false)));

    let bare = Provider::start(|issuer, path| match path {
        "/.well-known/openid-configuration" => {
            let mut document = discovery(issuer);
            for name in ["end_session_endpoint", "backchannel_logout_supported"] {
                document.as_object_mut().unwrap().remove(name);
            }
            (200, document.to_string())
        }
        "/keys" => (200, keys().to_string()),
        _ => (400, String::new()),
    });
    let (code, about) = seen(&folder, &[&bare.issuer]);
    assert_eq!(code, 1, "a logout here does not reach it");
    assert_eq!(about["advice"].as_array().unwrap().len(), 2, "{about:#}");
    assert!(bare.asked("GET /logout").is_empty(), "what is not there is not tried");
}

#[test]
fn a_provider_that_lies_or_is_none_is_an_error() {
    let liar = Provider::start(|_, path| match path {
        "/.well-known/openid-configuration" => (200, discovery("https://victim.example").to_string()),
        "/page" => (200, "<html></html>".to_owned()),
        _ => (404, String::new()),
    });
    let folder = configured("https://another.example");
    let (code, _, err) = doctor(&folder, &[&liar.issuer]);
    assert!(code == 1 && err.contains("another issuer"), "{err}");
    let (code, _, err) = doctor(&folder, &[&format!("{}/nothing", liar.issuer)]);
    assert!(code == 1 && err.contains("404"), "{err}");
    let (code, _, err) = doctor(&folder, &[&format!("{}/page", liar.issuer)]);
    assert!(code == 1 && err.contains("cannot be used"), "{err}");
    let (code, _, err) = doctor(&folder, &["no-such-file.xml"]);
    assert!(code == 2 && err.contains("no-such-file.xml"), "{err}");
    let (code, _, err) = doctor(&folder, &["--connection", "conn_02"]);
    assert!(code == 2 && err.contains("it has conn_01"), "{err}");
    let (code, _, _) = doctor(&folder, &[]);
    assert_eq!(code, 2);
    // Without a configuration nothing on this machine is reached.
    let nowhere = tempfile::tempdir().unwrap();
    let (code, _, err) = doctor(&nowhere, &[&liar.issuer]);
    assert!(code == 1 && err.contains("cannot be fetched"), "{err}");
    assert!(liar.asked("GET /authorize").is_empty());
}

#[test]
fn a_saml_provider_is_read_from_its_metadata() {
    let signer = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "idp.example").unwrap();
    let metadata = |logout: &str| {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example.com/saml\">\
             <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>{logout}\
             <SingleSignOnService Binding=\"{HTTP_REDIRECT}\" Location=\"https://idp.example.com/sso\"/>\
             </IDPSSODescriptor></EntityDescriptor>",
            signer.certificate().base64()
        )
    };
    let slo = |binding: &str| {
        format!("<SingleLogoutService Binding=\"{binding}\" Location=\"https://idp.example.com/slo\"/>")
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("both.xml", metadata(&format!("{}{}", slo(SOAP_BINDING), slo(HTTP_REDIRECT))));
    write("none.xml", metadata(""));
    write("garbage.xml", "<EntityDescriptor".to_owned());
    let (code, about) = seen(&folder, &["both.xml"]);
    assert_eq!(code, 0, "{about:#}");
    let bindings: Vec<_> = about["logout"].as_array().unwrap().iter().map(|one| one["binding"].clone()).collect();
    assert_eq!(bindings, ["soap", "redirect"]);
    assert_eq!(
        (&about["protocol"], &about["reaches_provider"], &about["believed"]),
        (&json!("saml"), &json!(true), &json!(true))
    );
    let (_, text, _) = doctor(&folder, &["both.xml"]);
    assert!(text.contains("Yes, also from server to server"), "{text}");
    let (code, text, _) = doctor(&folder, &["none.xml"]);
    assert!(code == 1 && text.contains("names no SingleLogoutService"), "{text}");
    let (code, _, err) = doctor(&folder, &["garbage.xml"]);
    assert!(code == 1 && err.contains("garbage.xml"), "{err}");

    let served = both(&folder);
    let provider = Provider::start(move |_, path| match path {
        "/metadata" => (200, served.clone()),
        _ => (404, String::new()),
    });
    let folder = configured("https://another.example");
    let (code, about) = seen(&folder, &[&format!("{}/metadata", provider.issuer)]);
    assert_eq!((code, &about["entity_id"]), (0, &json!("https://idp.example.com/saml")), "{about:#}");
}

fn both(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("both.xml")).unwrap()
}
