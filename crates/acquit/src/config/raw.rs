//! The configuration as it is written: one type per section, whose documentation is that of the JSON Schema.
//!
//! Every field is optional for serde, because [`shape`](super::shape) has already noted what is missing; what the schema
//! requires is marked with `schemars(required)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    api_tokens::ApiTokenSection, applications::ApplicationSection, connections::ConnectionSection,
    egress::EgressSection, gateway::GatewaySection, lifetimes::LifetimesSection, limits::LimitsSection,
    log::LogSection, metrics::MetricsSection, organizations::OrganizationSection, registration::RegistrationSection,
    server::ServerSection, store::StoreSection, users::UserSection,
};

/// The configuration of Acquit. Any key can be overridden by the environment: `ACQUIT__SERVER__LISTEN` sets `listen` in
/// `[server]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// How the world reaches this server; it holds at least `public_url`.
    #[schemars(required)]
    pub server: Option<ServerSection>,
    /// Where state is kept: one SQLite file unless it says otherwise.
    pub store: Option<StoreSection>,
    /// How long things live. Durations are a number and a unit: "5s", "10m", "12h", "7d".
    pub lifetimes: Option<LifetimesSection>,
    /// How often things may be tried, per minute.
    pub limits: Option<LimitsSection>,
    /// The log of what happened, which `/api/v1/logs` shows.
    pub log: Option<LogSection>,
    /// What outbound requests may reach beyond public addresses.
    pub egress: Option<EgressSection>,
    /// Who may read `/metrics`.
    pub metrics: Option<MetricsSection>,
    /// Dynamic client registration (RFC 7591), off unless it has an initial access token.
    pub registration: Option<RegistrationSection>,
    /// Tokens of operators for the API, presented as "Authorization: Bearer …".
    pub api_tokens: Option<Vec<ApiTokenSection>>,
    /// People who sign in with a password.
    pub users: Option<Vec<UserSection>>,
    /// Customers, whose people come through their connections.
    pub organizations: Option<Vec<OrganizationSection>>,
    /// Identity providers upstream, by which people sign in.
    pub connections: Option<Vec<ConnectionSection>>,
    /// What people sign in to.
    pub applications: Option<Vec<ApplicationSection>>,
    /// Apps with no login of their own, and where browsers reach them.
    pub gateway: Option<GatewaySection>,
}
