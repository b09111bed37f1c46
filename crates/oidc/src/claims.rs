//! What is told about a user, by scope and by the `claims` parameter (OpenID Connect Core sections 5.1 to 5.5).

use std::time::Duration;

use acquit_core::Timestamp;
use serde_json::{Map, Value};

use crate::{
    client::Client,
    jose::{Algorithm, IdTokenClaims},
    scope::{Scope, Scopes},
};

mod request;

pub use request::{ClaimsRequest, RequestedClaim};

/// The claims about a user that can be told.
pub const USER_CLAIMS: [&str; 8] =
    ["sub", "name", "preferred_username", "email", "email_verified", "groups", "updated_at", "locale"];

/// A user, as far as claims tell of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The subject, as the client knows them.
    pub subject: String,
    /// `preferred_username`.
    pub username: String,
    /// `name`.
    pub name: Option<String>,
    /// `email`.
    pub email: Option<String>,
    /// `email_verified`: whether somebody made sure that the address is theirs.
    pub email_verified: bool,
    /// `groups`.
    pub groups: Vec<String>,
    /// `locale`, as a BCP 47 tag.
    pub locale: Option<String>,
    /// `updated_at`.
    pub updated_at: Option<Timestamp>,
}

impl Person {
    /// One claim, if there is something to tell. Never `sub`, which every answer has anyway.
    fn claim(&self, name: &str) -> Option<Value> {
        match name {
            "name" => self.name.clone().map(Value::from),
            "preferred_username" => Some(self.username.clone().into()),
            "email" => self.email.clone().map(Value::from),
            "email_verified" => self.email.is_some().then(|| self.email_verified.into()),
            "groups" => Some(self.groups.clone().into()),
            "locale" => self.locale.clone().map(Value::from),
            "updated_at" => self.updated_at.map(|at| at.as_seconds().into()),
            _ => None,
        }
    }

    fn tell<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
        names.into_iter().filter_map(|name| Some((name.to_owned(), self.claim(name)?))).collect()
    }
}

/// The claims that a scope opens.
#[must_use]
pub const fn of_scope(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::OpenId | Scope::OfflineAccess => &[],
        Scope::Profile => &["name", "preferred_username", "locale", "updated_at"],
        Scope::Email => &["email", "email_verified"],
        Scope::Groups => &["groups"],
    }
}

/// The answer of the userinfo endpoint: `sub`, what the scopes open, and what `claims` asked for there.
#[must_use]
pub fn userinfo(client: &Client, person: &Person, scopes: Scopes, request: &ClaimsRequest) -> Map<String, Value> {
    let mut names: Vec<&str> = scopes.iter().flat_map(of_scope).copied().collect();
    names.extend(permitted(client, scopes, &request.userinfo));
    let mut told = person.tell(names);
    told.insert("sub".to_owned(), person.subject.clone().into());
    told
}

/// What the `claims` parameter may bring. Where the person is asked, they are asked about scopes, and the parameter does
/// not get around that: it then only says where a claim goes.
fn permitted<'a>(client: &Client, scopes: Scopes, requested: &'a [RequestedClaim]) -> Vec<&'a str> {
    let open = |name: &str| !client.consent || scopes.iter().any(|scope| of_scope(scope).contains(&name));
    requested.iter().map(|claim| claim.name.as_str()).filter(|name| open(name)).collect()
}

/// The facts of a sign-in that an ID token tells.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// How strongly.
    pub acr: Option<&'a str>,
    /// By what means (RFC 8176), such as `pwd`.
    pub amr: &'a [&'a str],
    /// The session at this client.
    pub sid: &'a str,
}

/// The circumstances of one ID token.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// When it is made.
    pub now: Timestamp,
    /// How long it is good.
    pub lifetime: Duration,
    /// The `nonce` of the authorization request. A refreshed ID token has none (OpenID Connect Core section 12.2).
    pub nonce: Option<&'a str>,
    /// The access token that goes with it.
    pub access_token: Option<&'a str>,
}

/// The claims of an ID token. What scopes open is told at userinfo (OpenID Connect Core section 5.4); the `claims`
/// parameter brings it here.
#[must_use]
pub fn id_token(
    client: &Client,
    person: &Person,
    scopes: Scopes,
    request: &ClaimsRequest,
    sign_in: SignIn<'_>,
    issue: Issue<'_>,
) -> IdTokenClaims {
    let alg: Algorithm = client.id_token_signed_response_alg;
    IdTokenClaims {
        iss: issue.issuer.to_owned(),
        sub: person.subject.clone(),
        aud: client.client_id.clone(),
        exp: issue.now.plus(issue.lifetime),
        iat: issue.now,
        auth_time: Some(sign_in.authenticated_at),
        nonce: issue.nonce.map(str::to_owned),
        acr: sign_in.acr.map(str::to_owned),
        amr: sign_in.amr.iter().map(|&means| means.to_owned()).collect(),
        sid: Some(sign_in.sid.to_owned()),
        at_hash: issue.access_token.map(|token| alg.half_hash(token)),
        c_hash: None,
        user: person.tell(permitted(client, scopes, &request.id_token)),
    }
}

#[cfg(test)]
mod tests;
