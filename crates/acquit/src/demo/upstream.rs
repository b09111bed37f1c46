//! Example Corp's identity provider, upstream: a second Acquit in the same process, and the connection of the first one to it.

use std::{net::SocketAddr, sync::Arc};

use acquit_core::{AppId, ConnectionId, OrganizationId};
use acquit_oidc::{
    client::{Authentication, Client, SecretMethod},
    jose::Algorithm,
    rp::OurUrls,
};
use acquit_server::{
    clock::SystemClock,
    listener, random,
    router::router,
    settings::{
        Connection, Organization, Secret, Settings, TokenDigest,
        broker::{AttributeMap, BrokerApplication, Frames, IdpLogout, OidcProvider, UpstreamProvider, Webhook},
        connection_type,
    },
    start::{Running, start},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{DemoError, app::Account, kind::Kind, loopback, ports, settings};

/// Who has an account there, and nowhere else.
pub const USERNAME: &str = "erin";
/// With what. No secret, like [`super::PASSWORD`].
pub const PASSWORD: &str = "looking-glass";
/// The name of the customer.
pub const CUSTOMER: &str = "Example Corp";

const ORGANIZATION: &str = "org_01examplecorp";
/// The connection to its identity provider.
pub const CONNECTION: &str = "conn_01examplecorp";
const BROKER_CLIENT: &str = "client_01acme";
/// Acquit's name at the customer's provider.
pub const CLIENT: &str = "acquit";

/// What the two ends of the connection have to know of each other before either runs.
pub(super) struct Link {
    issuer: String,
    listener: TcpListener,
    external_key: String,
    secret: String,
}

/// The running identity provider.
pub(super) struct Upstream {
    pub(super) issuer: String,
    running: Running,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Link {
    pub(super) async fn take(preferred: Option<u16>) -> Result<Self, DemoError> {
        let listener = ports::listen(preferred).await.map_err(loopback)?;
        // By its address: cookies do not respect ports, so the two have to be at different hosts.
        let issuer = format!("http://{}", listener.local_addr().map_err(loopback)?);
        Ok(Self { issuer, listener, external_key: random::secret()?, secret: random::secret()? })
    }

    /// Makes the broker know the customer and its connection.
    pub(super) fn register(&self, settings: &mut Settings) -> Result<(), DemoError> {
        let organization =
            OrganizationId::parse(ORGANIZATION).map_err(|error| DemoError::Address(error.to_string()))?;
        settings.organizations.push(Organization {
            id: organization.clone(),
            name: CUSTOMER.to_owned(),
            domains: vec!["example.org".to_owned()],
            outsiders: false,
        });
        settings.connections.push(Connection {
            id: ConnectionId::parse(CONNECTION).map_err(|error| DemoError::Address(error.to_string()))?,
            organization: Some(organization),
            name: CUSTOMER.to_owned(),
            external_key: self.external_key.clone(),
            connection_type: connection_type::GENERIC.to_owned(),
            provider: UpstreamProvider::Oidc(OidcProvider {
                issuer: self.issuer.clone(),
                client_id: CLIENT.to_owned(),
                authentication: acquit_server::settings::broker::Authentication::Basic(Secret::new(&self.secret)),
                scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
                algorithm: Algorithm::Rs256,
                userinfo: true,
                prompt: None,
                parameters: Vec::new(),
                shared_callback: false,
            }),
            propagate: true,
            idp_logout: IdpLogout::Act,
            frames: Frames::Named,
            attributes: AttributeMap::default(),
            revalidate: None,
        });
        Ok(())
    }

    /// Starts the identity provider, which has Acquit at `broker` as its one application. `back` is where Acquit listens: an
    /// address, since a resolver need not know `localhost`.
    pub(super) async fn start(
        self,
        broker: &str,
        back: SocketAddr,
        stop: CancellationToken,
    ) -> Result<Upstream, DemoError> {
        let folder = super::folder()?;
        let address = self.listener.local_addr().map_err(loopback)?;
        let user = settings::user(USERNAME, "Erin", "erin@example.org", PASSWORD);
        let mut settings = settings::settings(&folder, &self.issuer, address, user)?;
        settings.applications.push(self.registration(broker, back));
        let running = start(settings, Arc::new(SystemClock)).await?;
        let task = tokio::spawn(listener::serve(self.listener, router(running.app.clone()), stop));
        Ok(Upstream { issuer: self.issuer, running, task, _folder: folder })
    }

    fn registration(&self, broker: &str, back: SocketAddr) -> Client {
        let ours = OurUrls::of(broker, &self.external_key);
        let told = OurUrls::of(&format!("http://{back}"), &self.external_key);
        Client {
            name: "Acquit".to_owned(),
            redirect_uris: vec![ours.callback],
            post_logout_redirect_uris: vec![ours.post_logout],
            backchannel_logout_uri: Some(told.backchannel),
            backchannel_logout_session_required: true,
            require_pkce: true,
            ..Client::new(AppId::new(CLIENT), CLIENT, Authentication::secret(SecretMethod::Basic, &self.secret))
        }
    }
}

impl Upstream {
    /// For looking at what it recorded.
    pub(super) fn app(&self) -> &acquit_server::App {
        &self.running.app
    }

    pub(super) async fn stop(self) {
        let _ = self.task.await;
        self.running.stop().await;
    }
}

/// A fresh account of a SaaS developer at the broker.
pub(super) fn account() -> Result<Account, DemoError> {
    Ok(Account {
        client_id: BROKER_CLIENT.to_owned(),
        api_key: format!("sk_{}", random::secret()?),
        webhook_secret: format!("whsec_{}", random::secret()?),
        connection: CONNECTION.to_owned(),
    })
}

/// Its registration. It names no page to land on after a sign-out, so that a person lands at the receipt. `back` is where it
/// listens for events: an address, as for back channels.
pub(super) fn application(kind: Kind, origin: &str, back: SocketAddr, account: &Account) -> BrokerApplication {
    BrokerApplication {
        app: AppId::new(kind.id),
        name: kind.name.to_owned(),
        client_id: account.client_id.clone(),
        api_key: TokenDigest::of(&account.api_key),
        redirect_uris: vec![format!("{origin}/callback")],
        logout_uri: Some(format!("{origin}/logout")),
        post_logout_redirect_uris: Vec::new(),
        organizations: None,
        webhook: Some(Webhook { url: format!("http://{back}/webhook"), secret: Secret::new(&account.webhook_secret) }),
        manage: false,
        tell_on_expiry: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_broker_may_be_registered_at_the_provider() {
        let link = Link::take(None).await.unwrap();
        let client = link.registration("http://localhost:8080", ([127, 0, 0, 1], 8080).into());
        assert_eq!(client.problems(), []);
        assert!(!client.backchannel_logout_uri.unwrap().contains("localhost"));
    }
}
