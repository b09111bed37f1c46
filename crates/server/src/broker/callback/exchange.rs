//! From the code that a browser brought to somebody whom its provider vouches for: the token request, the ID token, userinfo.

use std::sync::Arc;

use acquit_core::{
    Timestamp, UpstreamId,
    participant::Protocol,
    upstream::{Held, UpstreamChannels},
};
use acquit_delivery::egress::Outgoing;
use acquit_oidc::{
    jose::IdToken,
    params::Params,
    rp::{
        callback::{Callback, CallbackRules},
        client::RpClient,
        id_token,
        provider::Provider,
        token::{self, Grant, Tokens},
        userinfo,
    },
};
use acquit_store::upstream::{Graves, NewUpstream};
use axum::http::{HeaderValue, header};
use serde_json::{Map, Value};

use super::{Failed, Recognised};
use crate::{
    App,
    broker::{
        provider::{self, discover},
        revalidate,
        secrets::{NewTokens, Secrets, as_client, grave, grave_of_person},
        trip,
    },
    door::DoorError,
    random,
    settings::{Connection, broker::OidcProvider},
};

/// Somebody whom a provider vouches for.
pub(super) struct SignedIn {
    token: IdToken,
    claims: Map<String, Value>,
    provider: Arc<Provider>,
    tokens: Tokens,
}

/// Gives the code of a provider's answer for tokens, and judges who they say signed in.
///
/// # Errors
/// [`Failed`].
pub(super) async fn sign_in(
    app: &App,
    (connection, oidc): (&Connection, &OidcProvider),
    (nonce, verifier): (&str, &str),
    state: &str,
    params: &Params,
) -> Result<SignedIn, Failed> {
    let failed = |error: &dyn std::error::Error| Failed::new("oauth_failed", error);
    let provider = discover(app, oidc).await.map_err(|error| failed(&error))?;
    let rules = match oidc.shared_callback {
        true => CallbackRules::shared(&provider, state),
        false => CallbackRules::new(&provider, state),
    };
    let code = match Callback::parse(params, rules).map_err(|error| failed(&error))? {
        Callback::Code(code) => code,
        Callback::Failure(failure) => {
            let code =
                if failure.is(acquit_oidc::error::ErrorCode::AccessDenied) { "access_denied" } else { "oauth_failed" };
            return Err(Failed::new(code, failure));
        }
    };
    let tokens = redeem(app, (connection, oidc), &provider, verifier, &code).await?;
    let raw = tokens.id_token().map_err(|error| failed(&error))?;
    let asked = id_token::Asked { client_id: &oidc.client_id, alg: oidc.algorithm, nonce, max_age: None, acr: &[] };
    let now = app.clock.now();
    let judge = |keys: &_| id_token::judge(keys, &provider, &asked, (&code, &tokens.access_token), raw, now);
    let token = provider::judge(app, &provider, judge).await.map_err(|error| failed(&error))?;
    let said = if oidc.userinfo { userinfo(app, &provider, &tokens, &token).await } else { Map::new() };
    Ok(SignedIn { claims: userinfo::together(&token, said), token, provider, tokens })
}

async fn redeem(
    app: &App,
    (connection, oidc): (&Connection, &OidcProvider),
    provider: &Provider,
    verifier: &str,
    code: &str,
) -> Result<Tokens, Failed> {
    let failed = |error: &dyn std::error::Error| Failed::new("oauth_failed", error);
    let redirect_uri = trip::callback(app, connection);
    let grant = Grant::Code { code, verifier, redirect_uri: &redirect_uri };
    let make = |client: &RpClient<'_>| token::request(provider, client, grant);
    let post = as_client(&app.keys, &oidc.client_id, &oidc.authentication, app.clock.now(), make)
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    let answer = provider::post(app, &post, token::MAX_ANSWER).await.map_err(|error| failed(&error))?;
    if answer.cut {
        return Err(Failed::new("oauth_failed", "the token answer broke off or is too long"));
    }
    token::answer(answer.status.as_u16(), &answer.body).map_err(|error| failed(&error))
}

/// What the provider says of its user beside the ID token. Who signed in is known without it.
async fn userinfo(app: &App, provider: &Provider, tokens: &Tokens, token: &IdToken) -> Map<String, Value> {
    let Some(endpoint) = &provider.userinfo_endpoint else { return Map::new() };
    let Ok(mut bearer) = HeaderValue::from_str(&tokens.bearer()) else { return Map::new() };
    bearer.set_sensitive(true);
    let mut outgoing = Outgoing::get(endpoint, userinfo::MAX_ANSWER);
    outgoing.headers.insert(header::AUTHORIZATION, bearer);
    let read = match app.egress.send(outgoing).await {
        Ok(answer) => {
            let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            userinfo::answer(answer.status.as_u16(), kind, &answer.body, token).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    read.unwrap_or_else(|why| {
        tracing::warn!(issuer = provider.issuer, why, "a userinfo answer is not used");
        Map::new()
    })
}

impl SignedIn {
    /// The person, and the sign-in as it becomes part of a session.
    ///
    /// # Errors
    /// [`DoorError`].
    pub(super) fn recognised(
        self,
        app: &App,
        connection: &Connection,
        oidc: &OidcProvider,
        left_at: Timestamp,
    ) -> Result<Recognised, DoorError> {
        let upstream = self.upstream(app, connection, oidc, left_at)?;
        let issuer = self.provider.issuer.clone();
        Ok(Recognised { issuer, idp_id: self.token.subject, claims: self.claims, upstream })
    }

    fn upstream(
        &self,
        app: &App,
        connection: &Connection,
        oidc: &OidcProvider,
        left_at: Timestamp,
    ) -> Result<NewUpstream, DoorError> {
        let now = app.clock.now();
        let text = |token: Option<&zeroize::Zeroizing<String>>| token.map(|token| token.as_str().to_owned());
        let (id_token, refresh) = (text(self.tokens.id_token.as_ref()), text(self.tokens.refresh_token.as_ref()));
        let tokens = NewTokens {
            id_token: id_token.as_deref(),
            access_token: Some(&self.tokens.access_token),
            refresh_token: refresh.as_deref(),
        };
        Ok(NewUpstream {
            id: UpstreamId::from_random(random::id_at(now)?),
            connection: connection.id.clone(),
            organization: connection.organization.clone(),
            left_at: Some(left_at),
            protocol: Protocol::Oidc,
            subject: self.token.subject.clone(),
            sid: self.token.sid.clone(),
            held: Held { access: true, refresh: refresh.is_some() },
            channels: UpstreamChannels {
                revocation: self.provider.revocation_endpoint.clone(),
                end_session: self.provider.end_session_endpoint.clone(),
                saml: None,
                propagate: connection.propagate,
            },
            sealed: Secrets::new(oidc, &tokens).seal(&app.sealer)?,
            revalidate_at: revalidate::first(connection, refresh.is_some(), now),
            graves: Graves {
                names: std::iter::once(grave_of_person(&connection.id, &self.token.subject))
                    .chain(self.token.sid.iter().map(|sid| grave(&connection.id, sid)))
                    .collect(),
                authenticated_at: self.token.issued_at,
            },
        })
    }
}
