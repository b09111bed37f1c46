//! What the configuration says of customers, of their identity providers, and of the applications that use the broker.

use std::time::Duration;

use acquit_core::{
    AppId, ConnectionId, OrganizationId,
    participant::{Channels, FrontChannel, WebhookChannel},
};
use acquit_oidc::{jose::Algorithm, rp::OurUrls};
use acquit_saml::metadata::IdentityProvider;

use super::{
    Secret, TokenDigest,
    saml::{NameIdKind, SloBinding, Source},
};

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name for people.
    pub name: String,
    /// Its mail domains, in lower case, which the operator vouches for.
    pub domains: Vec<String>,
    /// Whether its providers may also sign in people whose address is in none of its domains.
    pub outsiders: bool,
}

/// A customer's link to its identity provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose people come through it; none for a provider of the operator's own.
    pub organization: Option<OrganizationId>,
    /// Its name for people.
    pub name: String,
    /// What stands for an OpenID connection in its callback and logout URLs: unguessable. Those of a SAML connection have its
    /// id, since every message there is signed; this is its id too.
    pub external_key: String,
    /// What WorkOS calls its type.
    pub connection_type: String,
    /// The provider.
    pub provider: UpstreamProvider,
    /// Whether a logout here goes on to the provider.
    pub propagate: bool,
    /// What a bare `idp-logout` in the browser does.
    pub idp_logout: IdpLogout,
    /// Whether its frames on the hosts of routes must name the session, or may mean the one of the route's cookie.
    pub frames: Frames,
    /// What becomes of the provider's claims.
    pub attributes: AttributeMap,
    /// How often the provider is asked whether a person is still welcome there; never when absent.
    pub revalidate: Option<Duration>,
}

/// What a frame of a provider's on the host of a route has to bring to end a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frames {
    /// `iss` and `sid`.
    #[default]
    Named,
    /// Nothing but the route's cookie: any page that may frame the route can then sign people out there.
    Bare,
}

/// An identity provider, as the configuration names it.
#[derive(Clone, Debug)]
pub enum UpstreamProvider {
    /// By OpenID Connect.
    Oidc(OidcProvider),
    /// By SAML.
    Saml(SamlProvider),
}

impl Connection {
    /// The OpenID provider, if it is one.
    #[must_use]
    pub const fn oidc(&self) -> Option<&OidcProvider> {
        match &self.provider {
            UpstreamProvider::Oidc(oidc) => Some(oidc),
            UpstreamProvider::Saml(_) => None,
        }
    }

    /// The provider behind it, by its issuer or entity ID; none where only fetched metadata tells.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match &self.provider {
            UpstreamProvider::Oidc(oidc) => Some(&oidc.issuer),
            UpstreamProvider::Saml(saml) => match &saml.source {
                Source::Given(idp) => Some(&idp.entity_id),
                Source::Url(document) => document.entity_id.as_deref(),
            },
        }
    }

    /// Whether people of this provider are the ones who come through it now, as far as that is known. Those of another are
    /// signed out, and are nobody whom this one could speak for.
    #[must_use]
    pub fn is_of(&self, issuer: &str) -> bool {
        issuer.is_empty() || self.issuer().is_none_or(|now| now == issuer)
    }

    /// Our URLs for an OpenID connection, under our issuer.
    #[must_use]
    pub fn urls(&self, issuer: &str) -> OurUrls {
        let own = OurUrls::of(issuer, &self.external_key);
        if self.oidc().is_some_and(|oidc| oidc.shared_callback) { own.sharing_callback(issuer) } else { own }
    }

    /// The SAML identity provider, if it is one.
    #[must_use]
    pub const fn saml(&self) -> Option<&SamlProvider> {
        match &self.provider {
            UpstreamProvider::Saml(saml) => Some(saml),
            UpstreamProvider::Oidc(_) => None,
        }
    }
}

/// A SAML identity provider that knows us as a service provider.
#[derive(Clone, Debug)]
pub struct SamlProvider {
    /// Where its metadata comes from.
    pub source: Source<IdentityProvider>,
    /// The one binding that tells it of logouts; whatever its metadata has when absent, SOAP first.
    pub slo_binding: Option<SloBinding>,
    /// How people should be named to us; as the provider likes when absent.
    pub name_id: Option<NameIdKind>,
}

/// An OpenID provider that knows us as a client.
#[derive(Clone, Debug)]
pub struct OidcProvider {
    /// Its issuer, to the letter.
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// How we prove who we are at its endpoints.
    pub authentication: Authentication,
    /// What is asked for; `openid` is always among it.
    pub scopes: Vec<String>,
    /// The algorithm of its ID tokens and logout tokens.
    pub algorithm: Algorithm,
    /// Whether claims are also asked from its userinfo endpoint.
    pub userinfo: bool,
    /// The `prompt` of every request there: some give a refresh token with `consent` only.
    pub prompt: Option<String>,
    /// Parameters of its own in every request there, such as `access_type=offline`.
    pub parameters: Vec<(String, String)>,
    /// Whether its answers come to the callback that several connections share: each must say by `iss` whose it is.
    pub shared_callback: bool,
}

/// How we prove who we are to a provider.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// The secret in the `Authorization` header.
    Basic(Secret),
    /// The secret in the body.
    Post(Secret),
    /// A JWT made with the secret, where the provider says that it takes one.
    SecretJwt(Secret),
    /// A JWT signed with our own key.
    PrivateKeyJwt(Algorithm),
    /// Not at all: a public client.
    None,
}

/// What a top-level `idp-logout` that names no session does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdpLogout {
    /// It signs the person out.
    #[default]
    Act,
    /// It asks the person first.
    Confirm,
}

/// Which claims become what of a profile; absent ones take the standard claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeMap {
    /// The SAML attribute that says who the person is, for good; the NameID when absent. OpenID Connect has `sub` for that.
    pub id: Option<String>,
    /// The claim with the person's address.
    pub email: Option<String>,
    /// The claim with the given name.
    pub first_name: Option<String>,
    /// The claim with the family name.
    pub last_name: Option<String>,
    /// The claim with the groups.
    pub groups: Option<String>,
    /// Custom attributes: their names, and the claims that they come from.
    pub custom: Vec<(String, String)>,
    /// What groups of the provider are called here. Others are `conn_…/group`.
    pub group_names: Vec<(String, String)>,
}

/// An application that gets its people through the broker API.
#[derive(Clone, Debug)]
pub struct BrokerApplication {
    /// Its id.
    pub app: AppId,
    /// Its name for people.
    pub name: String,
    /// Its `client_id`.
    pub client_id: String,
    /// What its API key, which is its client secret as well, is compared with.
    pub api_key: TokenDigest,
    /// Where the browser may be sent after a sign-in; compared as strings.
    pub redirect_uris: Vec<String>,
    /// Where the browser goes after a logout that began at the identity provider; it clears the application's cookies.
    pub logout_uri: Option<String>,
    /// Where the browser may be sent after a sign-out; the first is the landing when none is asked for.
    pub post_logout_redirect_uris: Vec<String>,
    /// The customers whose people it gets; all when none is named.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Where it is told by signed events, which is what counts: a frame proves nothing.
    pub webhook: Option<Webhook>,
    /// Whether its API key also makes, changes and deletes organizations, connections and webhook endpoints; otherwise it reads.
    pub manage: bool,
    /// Whether it is told when a session ends by age or idleness.
    pub tell_on_expiry: bool,
}

/// Where an application is told by webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where events are posted.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
}

impl BrokerApplication {
    /// How it can be told of a logout.
    #[must_use]
    pub fn channels(&self) -> Channels {
        let front = self.logout_uri.clone().map(|uri| FrontChannel { uri, session_required: false });
        let configured = |webhook: &Webhook| WebhookChannel {
            endpoint: None,
            uri: webhook.url.clone(),
            started: true,
            completed: true,
        };
        let webhooks = self.webhook.iter().map(configured).collect();
        Channels { front, webhooks, tell_on_expiry: self.tell_on_expiry, ..Channels::default() }
    }

    /// Whether it gets people through a connection of this organization.
    #[must_use]
    pub fn gets(&self, organization: Option<&OrganizationId>) -> bool {
        match (&self.organizations, organization) {
            (None, _) => true,
            (Some(granted), Some(organization)) => granted.contains(organization),
            (Some(_), None) => false,
        }
    }
}
