//! An OpenID provider: what it says, what trying shows, and what of a connection does not fit.

use std::time::Duration;

use acquit_delivery::egress::{Egress, Outgoing, Trouble};
use acquit_oidc::{
    jose::{Jwks, MAX_JWKS},
    rp::{
        LogoutSetup,
        client::SECRET_JWT,
        provider::{Provider, Wanted},
    },
};
use acquit_server::settings::{
    Connection, Settings,
    broker::{Authentication, OidcProvider},
};
use http::{HeaderValue, Method};
use serde::Serialize;

/// How long one try may take.
const WITHIN: Duration = Duration::from_secs(5);

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct OpenId {
    protocol: &'static str,
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) setup: LogoutSetup,
    pub(super) tries: Vec<Try>,
    /// The connection that was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection: Option<Compared>,
    /// What is lacking, and what may be done about it.
    pub(super) advice: Vec<&'static str>,
}

/// Something that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Try {
    /// What, by its name in the discovery document.
    pub(super) what: &'static str,
    pub(super) url: String,
    pub(super) ok: bool,
    pub(super) words: String,
}

/// A connection of the configuration, held against its provider.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub(super) id: String,
    /// Whether the configuration's issuer is this one, to the letter.
    pub(super) issuer_matches: bool,
    /// What of its settings the provider does not list.
    pub(super) misfits: Vec<String>,
}

impl OpenId {
    /// Reads the provider's own account and tries it.
    pub(super) async fn of(
        source: &str,
        provider: &Provider,
        ours: Option<(&Connection, &Settings)>,
        egress: &Egress,
    ) -> Self {
        let setup = match ours {
            Some((connection, settings)) => {
                LogoutSetup::for_connection(provider, &connection.urls(&settings.server.issuer))
            }
            None => LogoutSetup::of(provider),
        };
        let advice = setup.advice();
        let connection = ours.map(|(connection, _)| Compared::of(connection, provider));
        Self {
            protocol: "oidc",
            source: source.to_owned(),
            setup,
            tries: tries(provider, egress).await,
            connection,
            advice,
        }
    }

    /// Whether a logout here can end the session there, and nothing that was tried failed.
    pub(super) fn is_well(&self) -> bool {
        let matches = self.connection.as_ref().is_none_or(|compared| compared.issuer_matches);
        self.setup.reaches_provider() && matches && self.tries.iter().all(|one| one.ok)
    }
}

impl Compared {
    fn of(connection: &Connection, provider: &Provider) -> Self {
        let oidc = connection.oidc();
        let misfits = oidc.map(|oidc| {
            let (alg, scopes) = (oidc.algorithm, &oidc.scopes);
            let shared_callback = oidc.shared_callback;
            provider.misfits(Wanted { alg, auth_method: method(oidc), scopes, response_mode: None, shared_callback })
        });
        Self {
            id: connection.id.to_string(),
            issuer_matches: oidc.is_some_and(|oidc| oidc.issuer == provider.issuer),
            misfits: misfits.iter().flatten().map(ToString::to_string).collect(),
        }
    }
}

fn method(oidc: &OidcProvider) -> &'static str {
    match &oidc.authentication {
        Authentication::Basic(_) => "client_secret_basic",
        Authentication::Post(_) => "client_secret_post",
        Authentication::SecretJwt(_) => SECRET_JWT,
        Authentication::PrivateKeyJwt(_) => "private_key_jwt",
        Authentication::None => "none",
    }
}

/// Tries the keys, and every endpoint with a request that asks for nothing: as a browser comes, or as a server does.
async fn tries(provider: &Provider, egress: &Egress) -> Vec<Try> {
    let at = |what, url: Option<&String>, method| {
        let url = url.cloned();
        async move { Some(knock(what, &url?, method, egress).await) }
    };
    let (keys, authorization, token, end_session, revocation) = tokio::join!(
        keys(provider, egress),
        at("authorization_endpoint", Some(&provider.authorization_endpoint), Method::GET),
        at("token_endpoint", Some(&provider.token_endpoint), Method::POST),
        at("end_session_endpoint", provider.end_session_endpoint.as_ref(), Method::GET),
        at("revocation_endpoint", provider.revocation_endpoint.as_ref(), Method::POST),
    );
    [Some(keys), authorization, token, end_session, revocation].into_iter().flatten().collect()
}

async fn keys(provider: &Provider, egress: &Egress) -> Try {
    let read = async {
        let answer = egress.fetch(&provider.jwks_uri, MAX_JWKS).await.map_err(in_words)?;
        if answer.status != 200 {
            return Err(format!("it answers {}", answer.status.as_u16()));
        }
        Jwks::parse(&answer.body).map_err(|error| error.to_string())
    };
    let (ok, words) = match read.await {
        Ok(keys) if keys.is_empty() => (false, "there is no key in it that is spoken here".to_owned()),
        Ok(_) => (true, "its keys can be read".to_owned()),
        Err(why) => (false, why),
    };
    Try { what: "jwks_uri", url: provider.jwks_uri.clone(), ok, words }
}

/// Without a session's cookie, a code or a token, an endpoint that is there refuses.
async fn knock(what: &'static str, url: &str, method: Method, egress: &Egress) -> Try {
    let mut outgoing = match method {
        Method::POST => {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            Outgoing::post(url, form, Vec::new())
        }
        _ => Outgoing::get(url, 1024),
    };
    outgoing.total = Some(WITHIN);
    let (ok, words) = match egress.send(outgoing).await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            let there = !matches!(status, 404 | 405 | 410 | 501) && status < 500;
            (there, format!("it answers {status}{}", if there { "" } else { ", so nothing works there now" }))
        }
        Err(error) => (false, in_words(error)),
    };
    Try { what, url: url.to_owned(), ok, words }
}

fn in_words(error: Trouble) -> String {
    match error {
        Trouble::Blocked(_) => format!("{error}; allow its network in `egress.allow`"),
        error => error.to_string(),
    }
}
