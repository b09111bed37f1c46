//! What the configuration says of a SAML application, and of metadata.

use acquit_core::{
    AppId,
    participant::{Channels, HopBinding, SamlChannel, SamlHop},
};
use acquit_oidc::client::SingleLogout;
use acquit_saml::{
    metadata::{Endpoint, Role, ServiceProvider},
    names::{
        FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED, HTTP_POST, HTTP_REDIRECT, SOAP_BINDING,
    },
    security::Certificate,
};

/// A SAML application.
#[derive(Clone, Debug)]
pub struct SamlApplication {
    /// Its id.
    pub app: AppId,
    /// Its name for people.
    pub name: String,
    /// What stands for it in Okta's URLs, beside the id.
    pub key: Option<String>,
    /// Where its metadata comes from.
    pub source: Source,
    /// The one binding that tells it of logouts; whatever its metadata has when absent, SOAP first.
    pub slo_binding: Option<SloBinding>,
    /// Whether a LogoutRequest to it names the session.
    pub session_index_required: bool,
    /// Whether it is told in a frame instead of by a hop.
    pub slo_frame: bool,
    /// How far a logout reaches that it asks for.
    pub single_logout: SingleLogout,
    /// How people are named to it; absent: as it asks, else what its metadata lists first.
    pub name_id: Option<NameIdKind>,
    /// The attributes of its assertions, by name.
    pub attributes: Vec<(String, AttributeSource)>,
    /// Whether its assertions are encrypted to it; then it gets none that are not.
    pub encrypt_assertions: bool,
    /// Whether it is told when a session ends by age or idleness.
    pub tell_on_expiry: bool,
}

/// Where a party's metadata comes from: `M` is what it says of the party's role.
#[derive(Clone, Debug)]
pub enum Source<M = ServiceProvider> {
    /// The file that the configuration names, or written in the configuration by hand.
    Given(Box<M>),
    /// A document that is fetched and refreshed.
    Url(Document),
}

/// A metadata document at a URL, and the rules that it is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where.
    pub url: String,
    /// The entity in it, when it names several.
    pub entity_id: Option<String>,
    /// Who must have signed the document.
    pub signed_by: Option<Certificate>,
}

impl<M> Source<M> {
    /// The document, where there is one to be fetched.
    #[must_use]
    pub const fn document(&self) -> Option<&Document> {
        match self {
            Self::Given(_) => None,
            Self::Url(document) => Some(document),
        }
    }

    /// Whether it is the same document at a URL, held to the same rules: what was fetched from the one is then good for the
    /// other.
    #[must_use]
    pub fn is_same_document(&self, other: &Self) -> bool {
        self.document().is_some_and(|own| other.document() == Some(own))
    }
}

/// How an application is told of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SloBinding {
    /// HTTP-Redirect, by the browser.
    Redirect,
    /// HTTP-POST, by the browser.
    Post,
    /// SOAP, from server to server.
    Soap,
}

impl SloBinding {
    /// The binding's name in metadata.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Redirect => HTTP_REDIRECT,
            Self::Post => HTTP_POST,
            Self::Soap => SOAP_BINDING,
        }
    }
}

/// How people are named to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameIdKind {
    /// By a random name that is the same each time, and at no other application.
    Persistent,
    /// By a random name for one session.
    Transient,
    /// By their e-mail address.
    Email,
    /// By their username, in no declared format.
    Username,
}

impl NameIdKind {
    /// All of them, as metadata lists them.
    pub const ALL: [Self; 4] = [Self::Persistent, Self::Transient, Self::Email, Self::Username];

    /// The format's name.
    #[must_use]
    pub const fn format(self) -> &'static str {
        match self {
            Self::Persistent => FORMAT_PERSISTENT,
            Self::Transient => FORMAT_TRANSIENT,
            Self::Email => FORMAT_EMAIL,
            Self::Username => FORMAT_UNSPECIFIED,
        }
    }
}

/// What of a person an attribute shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeSource {
    /// Their id here, the same at every application.
    Id,
    /// What they sign in with.
    Username,
    /// Their address.
    Email,
    /// Their name for people.
    Name,
    /// Their groups, a value for each.
    Groups,
}

impl SamlApplication {
    /// How it is told of logouts, by what its metadata says.
    #[must_use]
    pub fn channels(&self, sp: &ServiceProvider) -> Channels {
        let (soap, hop) = told_at(self.slo_binding, &sp.role);
        let channel = SamlChannel {
            soap,
            hop,
            frame: self.slo_frame,
            session_index_required: self.session_index_required,
            expired: false,
        };
        let told = channel.soap.is_some() || channel.hop.is_some();
        Channels { tell_on_expiry: self.tell_on_expiry, saml: told.then_some(channel), ..Channels::default() }
    }
}

/// Where a party is told of logouts by what its metadata says, of which one binding may be the only one wanted: over SOAP, and
/// through the browser.
#[must_use]
pub fn told_at(only: Option<SloBinding>, role: &Role) -> (Option<String>, Option<SamlHop>) {
    let wanted = |binding: SloBinding| {
        let allowed = only.is_none_or(|only| only == binding);
        role.logout_by(binding.uri()).filter(|_| allowed)
    };
    let hop = |binding, endpoint: &Endpoint| SamlHop {
        binding,
        uri: endpoint.location.clone(),
        response_uri: endpoint.response_location.clone(),
    };
    let redirect = wanted(SloBinding::Redirect).map(|endpoint| hop(HopBinding::Redirect, endpoint));
    let post = || wanted(SloBinding::Post).map(|endpoint| hop(HopBinding::Post, endpoint));
    (wanted(SloBinding::Soap).map(|endpoint| endpoint.location.clone()), redirect.or_else(post))
}
