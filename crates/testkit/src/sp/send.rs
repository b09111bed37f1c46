//! What the application sends of itself: LogoutRequests by each binding, whole or as a test wants them.

use std::collections::HashMap;

use acquit_saml::{
    binding::{post, redirect, soap},
    message::{AuthnRequest, Header, LogoutRequest, NameId},
    names::{HTTP_POST, HTTP_REDIRECT, SOAP_BINDING},
    security::Signer,
};

use super::{Binding, TestSp, new_id, ride};
use crate::{Browser, Page, browser::Load, rp::lock, wire};

impl TestSp {
    /// A LogoutRequest for this browser's session here, as it would be sent: signed when it is encoded.
    pub async fn logout_request(&self, browser: &Browser, by: Binding) -> LogoutRequest {
        let session = self.session(browser);
        self.logout_request_for(session.name_id, vec![session.index], by).await
    }

    /// A LogoutRequest for these.
    ///
    /// # Panics
    /// The identity provider has no such endpoint.
    pub async fn logout_request_for(&self, name_id: NameId, indexes: Vec<String>, by: Binding) -> LogoutRequest {
        let idp = self.idp().await;
        let binding = match by {
            Binding::Soap => SOAP_BINDING,
            Binding::Redirect => HTTP_REDIRECT,
            Binding::Post => HTTP_POST,
        };
        let to = idp.role.logout_by(binding).expect("an endpoint").location.clone();
        let id = new_id();
        lock(&self.shared.asked).push(id.as_str().to_owned());
        LogoutRequest {
            header: Header::new(&id, self.now(), &self.entity_id(), &to),
            not_on_or_after: None,
            reason: Some(acquit_saml::message::REASON_USER.to_owned()),
            name_id,
            session_indexes: indexes,
            asynchronous: false,
        }
    }

    /// A request for an assertion by the Redirect binding, as it would be sent.
    ///
    /// # Panics
    /// The identity provider has no such endpoint.
    pub async fn authn_request(&self) -> AuthnRequest {
        let idp = self.idp().await;
        let to = idp.single_sign_on.iter().find(|endpoint| endpoint.binding == HTTP_REDIRECT).expect("an endpoint");
        self.shared.authn_request(&to.location, &HashMap::new())
    }

    /// The URL that takes a browser to the identity provider with it, with the RelayState `r`.
    ///
    /// # Panics
    /// Its destination is no URL.
    #[must_use]
    pub fn authn_url(&self, request: &AuthnRequest, signer: Option<&Signer>) -> String {
        redirect::encode(request, request.header.destination.as_deref().unwrap(), Some("r"), signer).unwrap()
    }

    /// Signs out in this browser: by the Redirect or POST binding. Gives where that ends.
    pub async fn sign_out(&self, browser: &Browser, by: Binding, relay: Option<&str>) -> Page {
        let request = self.logout_request(browser, by).await;
        self.send(browser, &request, by, relay).await
    }

    /// Sends a request through the browser.
    ///
    /// # Panics
    /// SOAP needs no browser.
    pub async fn send(&self, browser: &Browser, request: &LogoutRequest, by: Binding, relay: Option<&str>) -> Page {
        ride(browser, self.send_first(browser, request, by, relay).await).await
    }

    /// The same, to the first page that the browser shows.
    ///
    /// # Panics
    /// SOAP needs no browser.
    pub async fn send_first(
        &self,
        browser: &Browser,
        request: &LogoutRequest,
        by: Binding,
        relay: Option<&str>,
    ) -> Page {
        let here = url::Url::parse(&self.url("/")).unwrap();
        browser.load(self.load(request, by, relay).by(&here)).await
    }

    /// The request as the browser would send it.
    ///
    /// # Panics
    /// SOAP needs no browser.
    #[must_use]
    pub fn load(&self, request: &LogoutRequest, by: Binding, relay: Option<&str>) -> Load {
        let to = request.header.destination.clone().unwrap_or_default();
        match by {
            Binding::Redirect => Load::typed(&redirect::encode(request, &to, relay, Some(self.signer())).unwrap()),
            Binding::Post => {
                let form = post::encode(request, &to, relay, self.signer()).unwrap();
                let relay = form.relay_state.as_deref().map(|relay| ("RelayState", relay));
                let fields: Vec<_> = std::iter::once((form.field, form.message.as_str())).chain(relay).collect();
                Load::typed(&to).post(form_body(&fields))
            }
            Binding::Soap => panic!("SOAP needs no browser"),
        }
    }

    /// Sends a request from server to server, and gives the HTTP status and the status that was answered.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn sign_out_by_soap(&self, request: &LogoutRequest) -> (u16, String) {
        let to = request.header.destination.clone().unwrap_or_default();
        let (status, body) = post_soap(&to, soap::encode(request, self.signer()).unwrap()).await;
        (status, self.shared.read_answer(body, &request.header.id).await)
    }
}

/// The body of a form.
pub(crate) fn form_body(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Posts an envelope.
///
/// # Panics
/// Nobody answers.
pub async fn post_soap(to: &str, body: String) -> (u16, Vec<u8>) {
    let request = http::Request::post(to)
        .header(http::header::CONTENT_TYPE, soap::CONTENT_TYPE)
        .header("soapaction", soap::SOAP_ACTION)
        .body(hyper::body::Bytes::from(body))
        .unwrap();
    let response = wire::exchange(request, None).await.unwrap();
    (response.status().as_u16(), response.body().to_vec())
}
