//! Our own metadata.

use super::Endpoint;
use crate::{
    BuildError,
    message::{Draft, MessageId},
    security::{Certificate, Signer, TAKEN},
    xml::{
        Writer,
        names::{ASLO, DS, HTTP_POST, HTTP_REDIRECT, MD, SAMLP, SOAP_BINDING},
    },
};

/// What we say of ourselves as an identity provider.
#[derive(Clone, Debug)]
pub struct IdpDescription<'a> {
    /// Our name.
    pub entity_id: &'a str,
    /// The certificates of all keys that sign now or will soon; the present one first.
    pub signing: &'a [Certificate],
    /// The certificates of keys to encrypt names to us.
    pub encryption: &'a [Certificate],
    /// The address for AuthnRequests by Redirect and POST.
    pub sso: &'a str,
    /// The address for logout messages by Redirect and POST.
    pub slo: &'a str,
    /// The address for logout messages by SOAP.
    pub slo_soap: &'a str,
    /// The address that resolves artifacts, if there is one.
    pub artifact: Option<&'a str>,
    /// The formats of names that we give.
    pub name_id_formats: &'a [&'a str],
}

impl IdpDescription<'_> {
    /// The document, signed if there is a signer.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn to_xml(&self, signer: Option<(&Signer, &MessageId)>) -> Result<String, BuildError> {
        document(self.entity_id, signer, |out| {
            // Unsigned requests are taken from who does not say that it signs.
            out.start("md:IDPSSODescriptor").attr("protocolSupportEnumeration", SAMLP);
            out.attr("WantAuthnRequestsSigned", "false");
            keys(out, self.signing, self.encryption);
            if let Some(artifact) = self.artifact {
                let mut endpoint = Endpoint::new(SOAP_BINDING, artifact);
                endpoint.index = Some(0);
                endpoint.is_default = Some(true);
                write(out, "md:ArtifactResolutionService", &endpoint);
            }
            // The back channel first: peers that take the first they know are told without a browser.
            for (binding, location) in [(SOAP_BINDING, self.slo_soap), (HTTP_REDIRECT, self.slo), (HTTP_POST, self.slo)]
            {
                let mut endpoint = Endpoint::new(binding, location);
                endpoint.asynchronous = true;
                write(out, "md:SingleLogoutService", &endpoint);
            }
            for format in self.name_id_formats {
                out.leaf("md:NameIDFormat", format);
            }
            for binding in [HTTP_REDIRECT, HTTP_POST] {
                write(out, "md:SingleSignOnService", &Endpoint::new(binding, self.sso));
            }
            out.end();
        })
    }
}

/// What we say of ourselves as a service provider.
#[derive(Clone, Debug)]
pub struct SpDescription<'a> {
    /// Our name towards this identity provider.
    pub entity_id: &'a str,
    /// The certificates of all keys that sign now or will soon.
    pub signing: &'a [Certificate],
    /// The certificates of keys to encrypt assertions to us.
    pub encryption: &'a [Certificate],
    /// The address for Responses by POST.
    pub acs: &'a str,
    /// The address for logout messages by Redirect and POST.
    pub slo: &'a str,
    /// The address for logout messages by SOAP, if there is one.
    pub slo_soap: Option<&'a str>,
    /// The formats of names that we take.
    pub name_id_formats: &'a [&'a str],
}

impl SpDescription<'_> {
    /// The document, signed if there is a signer.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn to_xml(&self, signer: Option<(&Signer, &MessageId)>) -> Result<String, BuildError> {
        document(self.entity_id, signer, |out| {
            out.start("md:SPSSODescriptor").attr("protocolSupportEnumeration", SAMLP);
            out.attr("AuthnRequestsSigned", "true").attr("WantAssertionsSigned", "true");
            keys(out, self.signing, self.encryption);
            if let Some(soap) = self.slo_soap {
                write(out, "md:SingleLogoutService", &Endpoint::new(SOAP_BINDING, soap));
            }
            for binding in [HTTP_REDIRECT, HTTP_POST] {
                write(out, "md:SingleLogoutService", &Endpoint::new(binding, self.slo));
            }
            for format in self.name_id_formats {
                out.leaf("md:NameIDFormat", format);
            }
            let mut acs = Endpoint::new(HTTP_POST, self.acs);
            acs.index = Some(0);
            acs.is_default = Some(true);
            write(out, "md:AssertionConsumerService", &acs);
            out.end();
        })
    }
}

fn document(
    entity_id: &str,
    signer: Option<(&Signer, &MessageId)>,
    role: impl FnOnce(&mut Writer),
) -> Result<String, BuildError> {
    let mut out = Writer::new();
    out.start("md:EntityDescriptor").attr("xmlns:md", MD).attr("entityID", entity_id);
    out.attr_some("ID", signer.map(|(_, id)| id.as_str()));
    let signature_at = out.here();
    role(&mut out);
    let draft = Draft { xml: out.finish()?, signature_at };
    match signer {
        Some((signer, _)) => draft.sign(signer),
        None => Ok(draft.xml),
    }
}

fn keys(out: &mut Writer, signing: &[Certificate], encryption: &[Certificate]) {
    let all = signing.iter().map(|key| ("signing", key)).chain(encryption.iter().map(|key| ("encryption", key)));
    for (usage, certificate) in all {
        out.start("md:KeyDescriptor").attr("use", usage).start("ds:KeyInfo").attr("xmlns:ds", DS);
        out.start("ds:X509Data").leaf("ds:X509Certificate", &certificate.base64()).end().end();
        for algorithm in TAKEN.iter().filter(|_| usage == "encryption") {
            out.start("md:EncryptionMethod").attr("Algorithm", algorithm).end();
        }
        out.end();
    }
}

fn write(out: &mut Writer, name: &'static str, endpoint: &Endpoint) {
    out.start(name).attr("Binding", &endpoint.binding).attr("Location", &endpoint.location);
    out.attr_some("ResponseLocation", endpoint.response_location.as_deref());
    out.attr_some("index", endpoint.index.map(|index| index.to_string()).as_deref());
    out.attr_some("isDefault", endpoint.is_default.map(|flag| if flag { "true" } else { "false" }));
    if endpoint.asynchronous {
        out.attr("xmlns:aslo", ASLO).attr("aslo:supportsAsynchronous", "true");
    }
    out.end();
}
