//! What can be wrong with what a peer sent, and with what is to be sent.

use crate::message::Status;

/// Why something that came from a peer is not taken. The peer must act, except where a variant says otherwise. Nothing here
/// carries bytes of the message beyond names that the specification knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes, attributes or depth than any honest message has.
    #[error("larger than messages may be")]
    TooLarge,
    /// The bytes are not UTF-8, or the document says that they are something else.
    #[error("not UTF-8")]
    Encoding,
    /// Base64, DEFLATE or form fields that cannot be decoded.
    #[error("{0} cannot be decoded")]
    Undecodable(&'static str),
    /// A parameter of the binding stands twice, is missing or contradicts another.
    #[error("parameter {0} is missing, given twice or out of place")]
    Parameter(&'static str),
    /// Not well-formed XML.
    #[error("not well-formed XML")]
    Malformed,
    /// A DOCTYPE, a comment, a processing instruction or a CDATA section.
    #[error("DOCTYPE, comments, processing instructions and CDATA are not taken")]
    Markup,
    /// A namespace that is no absolute URI.
    #[error("a namespace is not an absolute URI")]
    Namespace,
    /// Two elements with the same identifier.
    #[error("the same identifier stands twice")]
    DuplicateId,
    /// The document is another message than this endpoint takes.
    #[error("not a message for this endpoint")]
    Kind,
    /// Another version than 2.0.
    #[error("not SAML 2.0")]
    Version,
    /// A part that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part that may be there once is there twice.
    #[error("{0} stands twice")]
    Twice(&'static str),
    /// A part has a value that it cannot have.
    #[error("{0} has a value that it cannot have")]
    Invalid(&'static str),
    /// A signature is required and there is none.
    #[error("not signed")]
    Unsigned,
    /// A signature that is not of the one shape that SAML allows; no cryptography was done.
    #[error("the signature is not of the form that SAML prescribes: {0}")]
    SignatureShape(&'static str),
    /// An algorithm that is not taken.
    #[error("the signature or encryption algorithm is not taken")]
    Algorithm,
    /// None of the peer's registered keys made this signature, or what it signs was altered. If the peer changed its key,
    /// the operator must refresh its metadata.
    #[error("the signature was not made by a registered key of the sender, or the message was altered")]
    Signature,
    /// The operator must act: the peer has no usable signing key registered.
    #[error("no usable signing certificate of the sender is registered")]
    NoKey,
    /// The message is from somebody else than the keys.
    #[error("the issuer is not the expected one")]
    Issuer,
    /// The message was meant for another address.
    #[error("the Destination or Recipient is another address")]
    Destination,
    /// The assertion was meant for another service provider.
    #[error("the audience is another service provider")]
    Audience,
    /// The answer is to another question.
    #[error("InResponseTo names another request")]
    InResponseTo,
    /// Too old, or from the future; perhaps a clock is wrong.
    #[error("expired, or not yet valid: a clock may be wrong")]
    Time,
    /// Cannot be decrypted, whatever the reason: which one it is helps only attackers.
    #[error("cannot be decrypted")]
    Decryption,
    /// A SOAP envelope that is none, or that demands a header to be understood.
    #[error("not a SOAP 1.1 envelope with one SAML message")]
    Soap,
    /// The peer answered with a SOAP fault.
    #[error("the peer answered with a SOAP fault")]
    Fault,
    /// The peer answered, and the answer is no.
    #[error("the peer answered {0}")]
    Status(Box<Status>),
    /// No such entity or role in the metadata.
    #[error("the metadata has no such entity or role")]
    NoEntity,
}

/// Why something cannot be made. The operator must act: a configured value or key is at fault, nobody's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value has a character that XML cannot hold.
    #[error("a value has a character that XML cannot hold")]
    Character,
    /// The key cannot be read, or is not RSA of 2048 bits and more or P-256.
    #[error("not a PKCS#8 private key of RSA (2048 bits and more) or P-256")]
    Key,
    /// The certificate cannot be read, or is not for this key.
    #[error("not a certificate for this key")]
    Certificate,
    /// An endpoint's address is none.
    #[error("not an absolute URL")]
    Url,
    /// The RelayState has more than [`RELAY_STATE_TAKEN`](crate::binding::RELAY_STATE_TAKEN) bytes; ours should have at
    /// most 80 (Bindings section 3.4.3), those of peers are given back as they came.
    #[error("the RelayState is too long")]
    RelayState,
    /// This message may not travel by this binding.
    #[error("this message may not travel by this binding")]
    Binding,
    /// The crypto library or the XML library failed.
    #[error("the crypto library failed")]
    Crypto,
}
