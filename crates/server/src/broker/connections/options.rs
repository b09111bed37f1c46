//! What a call says of an OpenID provider and of its claims, and what becomes of it.

use acquit_oidc::{
    jose::{Algorithm, MIN_SECRET},
    rp::provider::{Expected, MAX_DOCUMENT, Provider, discovery_url},
    uri,
};
use serde_json::Value;

use crate::{
    App,
    broker::{
        body::Body,
        error::Failure,
        stored::{Method, StoredAttributes, StoredOidc},
    },
    settings::Secret,
};

/// The longest name of a claim, and the most custom attributes.
const MAX_CLAIM: usize = 255;
const MAX_CUSTOM: usize = 50;
/// The longest secret, in bytes.
const MAX_SECRET: usize = 1024;

/// `oidc_options`, as they were sent: what is absent stays as it is.
#[derive(Default)]
pub(super) struct Asked {
    discovery_endpoint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    method: Option<Method>,
    algorithm: Option<Algorithm>,
    userinfo: Option<bool>,
}

impl Asked {
    /// Reads them. `redirect_uri` is where our callback is, once there is a connection.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub(super) fn read(mut body: Body, redirect_uri: Option<&str>) -> Result<Self, Failure> {
        let invalid = |message: &str| Failure::invalid(format!("oidc_options.{message}"));
        if let Some(asked) = body.some_text("redirect_uri")?
            && Some(asked.as_str()) != redirect_uri
        {
            return Err(invalid("redirect_uri is ours to choose; leave it out, and register the one of logout_setup"));
        }
        if body.truth("pkce")? == Some(false) {
            return Err(invalid("pkce cannot be switched off: every sign-in uses it"));
        }
        let client_id = body.some_text("client_id")?;
        let visible = |id: &String| id.len() <= MAX_CLAIM && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if client_id.as_ref().is_some_and(|id| !visible(id)) {
            return Err(invalid("client_id is 1 to 255 visible ASCII characters"));
        }
        let client_secret = body.some_text("client_secret")?;
        if client_secret.as_ref().is_some_and(|secret| secret.len() > MAX_SECRET) {
            return Err(invalid("client_secret is too long"));
        }
        let method = body.some_text("token_authentication_method")?.map(|name| {
            Method::parse(&name).ok_or_else(|| {
                invalid(
                    "token_authentication_method must be client_secret_basic, client_secret_post, client_secret_jwt or \
                     private_key_jwt",
                )
            })
        });
        let algorithm = body.some_text("id_token_signature_algorithm")?.map(|name| {
            Algorithm::parse(&name)
                .ok_or_else(|| invalid("id_token_signature_algorithm must be RS256, ES256, PS256 or EdDSA"))
        });
        let asked = Self {
            discovery_endpoint: body.some_text("discovery_endpoint")?,
            client_id,
            client_secret: client_secret.map(Secret::new),
            method: method.transpose()?,
            algorithm: algorithm.transpose()?,
            userinfo: body.truth("fetch_user_info")?,
        };
        body.done()?;
        Ok(asked)
    }

    /// The provider of a new connection, and our secret there.
    ///
    /// # Errors
    /// [`Failure::Invalid`], also for a discovery document that cannot be used.
    pub(super) async fn provider(self, app: &App) -> Result<(StoredOidc, Option<Secret>), Failure> {
        let need = |name: &str| Failure::invalid(format!("oidc_options.{name} is required"));
        let url = self.discovery_endpoint.ok_or_else(|| need("discovery_endpoint"))?;
        let client_id = self.client_id.ok_or_else(|| need("client_id"))?;
        let authentication = self.method.unwrap_or(Method::ClientSecretBasic);
        let secret = fitting(authentication, self.client_secret, None)?;
        let provider = discovered(app, &url).await?;
        taken(&provider, authentication)?;
        let algorithm = agreed(&provider, self.algorithm)?;
        let oidc = StoredOidc {
            issuer: provider.issuer.clone(),
            client_id,
            authentication,
            algorithm: algorithm.as_str().to_owned(),
            userinfo: self.userinfo.unwrap_or(true),
        };
        Ok((oidc, secret))
    }

    /// A provider with what is to be changed, and our secret there. It stays the same one: people are known by the names that it
    /// gives them, and another one might give theirs to others.
    ///
    /// # Errors
    /// As [`Asked::provider`].
    pub(super) async fn changed(
        self,
        app: &App,
        known: &StoredOidc,
        secret: Option<Secret>,
    ) -> Result<(StoredOidc, Option<Secret>), Failure> {
        let authentication = self.method.unwrap_or(known.authentication);
        let secret = fitting(authentication, self.client_secret, secret)?;
        let asks = (self.method == Some(Method::ClientSecretJwt)).then(|| discovery_url(&known.issuer).ok()).flatten();
        if let Some(url) = self.discovery_endpoint.or(asks) {
            let provider = discovered(app, &url).await?;
            if provider.issuer != known.issuer {
                return Err(Failure::invalid(
                    "oidc_options.discovery_endpoint is another provider's; make a new connection for it",
                ));
            }
            taken(&provider, authentication)?;
        }
        let oidc = StoredOidc {
            issuer: known.issuer.clone(),
            client_id: self.client_id.unwrap_or_else(|| known.client_id.clone()),
            authentication,
            algorithm: self.algorithm.map_or_else(|| known.algorithm.clone(), |alg| alg.as_str().to_owned()),
            userinfo: self.userinfo.unwrap_or(known.userinfo),
        };
        Ok((oidc, secret))
    }
}

/// The secret that a method needs, of those given and known.
fn fitting(method: Method, given: Option<Secret>, known: Option<Secret>) -> Result<Option<Secret>, Failure> {
    match (method, given.is_some()) {
        (Method::PrivateKeyJwt, true) => {
            Err(Failure::invalid("oidc_options.client_secret is not used with private_key_jwt"))
        }
        (Method::PrivateKeyJwt, false) => Ok(None),
        _ => match given.or(known) {
            Some(secret) if method == Method::ClientSecretJwt && secret.expose().len() < MIN_SECRET => Err(
                Failure::invalid("oidc_options.client_secret has fewer than 32 bytes, too few for client_secret_jwt"),
            ),
            Some(secret) => Ok(Some(secret)),
            None => Err(Failure::invalid("oidc_options.client_secret is required")),
        },
    }
}

/// Whether the provider takes this proof, where that must be known before one is sent.
fn taken(provider: &Provider, method: Method) -> Result<(), Failure> {
    if method == Method::ClientSecretJwt && !provider.takes_secret_jwt() {
        return Err(Failure::invalid("the provider does not list client_secret_jwt by HS256 for its token endpoint"));
    }
    Ok(())
}

/// The algorithm of its ID tokens: the one that is asked for, or the first that both sides speak.
fn agreed(provider: &Provider, asked: Option<Algorithm>) -> Result<Algorithm, Failure> {
    let common = provider.common_algs();
    asked.or_else(|| common.first().copied()).ok_or_else(|| {
        Failure::invalid(
            "the provider lists no algorithm for ID tokens that is accepted here: RS256, ES256, PS256 or EdDSA",
        )
    })
}

/// The document at an address that somebody sent. What lies behind an address that we may not or cannot reach is not told.
async fn discovered(app: &App, url: &str) -> Result<Provider, Failure> {
    let invalid = |why: &str| Failure::invalid(format!("oidc_options.discovery_endpoint {why}"));
    uri::check(url, uri::Purpose::Http).map_err(|error| invalid(&error.to_string()))?;
    let answer = app.egress.fetch(url, MAX_DOCUMENT).await;
    let answer = answer.map_err(|error| {
        tracing::warn!(url, %error, "a discovery document cannot be had");
        invalid("cannot be read")
    })?;
    if answer.status != 200 {
        return Err(invalid("cannot be read"));
    }
    Provider::parse(&answer.body, Expected::At(url)).map_err(|error| invalid(&format!("is of no use: {error}")))
}

/// Reads `attribute_maps` into what is known; what is absent stays as it is.
///
/// # Errors
/// [`Failure::Invalid`].
pub(super) fn attributes(mut body: Body, known: &mut StoredAttributes) -> Result<(), Failure> {
    let invalid = |message: &str| Failure::invalid(format!("attribute_maps.{message}"));
    if let Some(mut standard) = body.object("standard_attributes")? {
        if standard.some_text("idp_id")?.is_some_and(|claim| claim != "sub") {
            return Err(invalid(
                "standard_attributes.idp_id is always sub: no other claim is never given to anybody else",
            ));
        }
        if standard.some_text("name")?.is_some_and(|claim| claim != "name") {
            return Err(invalid("standard_attributes.name is always name"));
        }
        for (name, to) in [
            ("email", &mut known.email),
            ("first_name", &mut known.first_name),
            ("last_name", &mut known.last_name),
            ("groups", &mut known.groups),
        ] {
            if let Some(claim) = standard.text(name)? {
                *to = claim.map(|claim| checked(claim, name)).transpose()?;
            }
        }
        standard.done()?;
    }
    if let Some(custom) = body.object("custom_attributes")? {
        for (name, claim) in custom.rest() {
            match claim {
                Value::Null => drop(known.custom.remove(&name)),
                Value::String(claim) => {
                    let name = checked(name, "custom_attributes")?;
                    known.custom.insert(name, checked(claim, "custom_attributes")?);
                }
                _ => return Err(invalid("custom_attributes must be names of claims")),
            }
        }
        if known.custom.len() > MAX_CUSTOM {
            return Err(invalid("custom_attributes are too many"));
        }
    }
    body.done()
}

fn checked(claim: String, what: &str) -> Result<String, Failure> {
    let fits = (1..=MAX_CLAIM).contains(&claim.len()) && !claim.chars().any(char::is_control);
    if fits { Ok(claim) } else { Err(Failure::invalid(format!("attribute_maps: {what} is no name of a claim"))) }
}
