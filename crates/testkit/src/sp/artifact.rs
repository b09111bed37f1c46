//! The Artifact binding: a reference comes by the browser, its Response from server to server.

use acquit_saml::{
    Error,
    binding::{artifact::Artifact, soap},
    message::{Answer, ArtifactResolve, ArtifactResponse, Expect, Header, Kind, Message},
    security::Signer,
};

use super::{Shared, TestSp, new_id, post_soap};

/// What an ArtifactResponse brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
    /// An assertion about somebody of this name.
    Assertion(String),
    /// A Response that says no, or is not taken; why.
    Refused(String),
    /// No message.
    Nothing,
}

/// The artifact that a URL carries.
///
/// # Panics
/// It carries none.
#[must_use]
pub fn artifact_in(url: &url::Url) -> Artifact {
    let pairs: Vec<_> = url.query_pairs().collect();
    Artifact::decode(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))).expect("an artifact").0
}

/// What came by the browser, fetched.
pub(super) async fn received(shared: &Shared, query: &str) -> Result<(Answer, Option<String>), String> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameters = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let (artifact, relay) = Artifact::decode(parameters).map_err(|error| error.to_string())?;
    let (to, request) = shared.artifact_resolve(&artifact).await;
    let (status, body) = post_soap(&to, soap::encode(&request, &shared.signer).unwrap()).await;
    if status != 200 {
        return Err(format!("{to} answers {status}"));
    }
    let answer = shared.read_artifact_response(body, &request.header.id).await?;
    Ok((answer.ok_or("nothing there")?, relay))
}

impl Shared {
    /// A request for the message behind an artifact, and where it goes.
    async fn artifact_resolve(&self, artifact: &Artifact) -> (String, ArtifactResolve) {
        let (idp, _) = self.idp().await;
        let endpoints = &idp.role.artifact_resolution;
        let endpoint = endpoints.iter().find(|endpoint| endpoint.index == Some(artifact.index())).expect("an endpoint");
        let to = endpoint.location.clone();
        let header = Header::new(&new_id(), self.now(), &self.entity_id(), &to);
        (to, ArtifactResolve { header, artifact: artifact.clone() })
    }

    /// The Response in an answer over SOAP, if there is one.
    async fn read_artifact_response(&self, body: Vec<u8>, request: &str) -> Result<Option<Answer>, String> {
        let words = |error: Error| error.to_string();
        let (_, trust) = self.idp().await;
        let arrived = soap::decode(body).map_err(words)?;
        let message = Message::open(&arrived, &[Kind::ArtifactResponse]).map_err(words)?;
        let here = format!("{}/acs", self.origin);
        let here = [here.as_str()];
        let expect = Expect::new(&here, self.now());
        let signed = message.verify(&trust, &expect).map_err(words)?;
        let inner = ArtifactResponse::inner(&signed, request, Kind::Response, &expect).map_err(words)?;
        let Some(inner) = inner else { return Ok(None) };
        self.judge(inner.header().in_response_to.as_deref(), |expect, rules| {
            Answer::from_signed(&inner, &trust, expect, rules).map(Some).map_err(words)
        })
    }
}

impl TestSp {
    /// A request for the message behind an artifact, and where it goes; signed when it is encoded.
    pub async fn artifact_resolve(&self, artifact: &Artifact) -> (String, ArtifactResolve) {
        self.shared.artifact_resolve(artifact).await
    }

    /// Asks for the message behind an artifact.
    ///
    /// # Errors
    /// Why the answer is none: a status of HTTP, or what is wrong with it.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn resolve(&self, artifact: &Artifact, signer: &Signer) -> Result<Brought, String> {
        let (to, request) = self.artifact_resolve(artifact).await;
        self.resolve_by(&to, soap::encode(&request, signer).unwrap(), &request.header.id).await
    }

    /// The same with an envelope as a test wants it.
    ///
    /// # Errors
    /// As above.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn resolve_by(&self, to: &str, envelope: String, request: &str) -> Result<Brought, String> {
        let (status, body) = post_soap(to, envelope).await;
        if status != 200 {
            return Err(status.to_string());
        }
        Ok(match self.shared.read_artifact_response(body, request).await? {
            None => Brought::Nothing,
            Some(Answer::Assertion(assertion)) => Brought::Assertion(assertion.name_id.value),
            Some(Answer::Refused(status)) => Brought::Refused(status.to_string()),
        })
    }
}
