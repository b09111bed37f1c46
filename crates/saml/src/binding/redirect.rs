//! The HTTP Redirect binding (Bindings section 3.4).
//!
//! The signature is over the query's parameters in the specification's order, in the very bytes in which they were encoded:
//! decoding and encoding again would refuse peers that write `%2f`, and has let others sign one thing and mean another.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{Arrived, DetachedSignature, RELAY_STATE_TAKEN, Transport, decode_base64, relay_state};
use crate::{
    BuildError, Error,
    message::Outbound,
    security::{Algorithm, Signer},
    xml::{MESSAGE_BYTES, names::DEFLATE},
};

/// The parameters of the binding; others in the query are left alone, as the endpoint's own.
const NAMES: [&str; 6] = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
/// The longest query.
const QUERY_BYTES: usize = 64 * 1024;

/// Takes a message from the query of a URL, without its `?`, as it came.
///
/// # Errors
/// [`Error`]
pub fn decode(query: &str) -> Result<Arrived, Error> {
    if query.len() > QUERY_BYTES {
        return Err(Error::TooLarge);
    }
    let mut raw: [Option<&str>; 6] = [None; 6];
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A name that is encoded could hide a second parameter from who reads the bytes.
        let name = form_decode(name, "name")?;
        if let Some(at) = NAMES.iter().position(|known| *known == name)
            && (raw[at].replace(value).is_some() || !pair.starts_with(NAMES[at]))
        {
            return Err(Error::Parameter(NAMES[at]));
        }
    }
    let [request, response, relay, sig_alg, signature, encoding] = raw;
    let (name, message) = match (request, response) {
        (Some(message), None) => (NAMES[0], message),
        (None, Some(message)) => (NAMES[1], message),
        _ => return Err(Error::Parameter(NAMES[0])),
    };
    if encoding.map(|value| form_decode(value, "SAMLEncoding")).transpose()?.is_some_and(|value| value != DEFLATE) {
        return Err(Error::Parameter(NAMES[5]));
    }
    let relay_state = relay.map(|value| form_decode(value, NAMES[2])).transpose()?;
    if relay_state.as_ref().is_some_and(|relay| relay.len() > RELAY_STATE_TAKEN) {
        return Err(Error::TooLarge);
    }
    let signature = match (sig_alg, signature) {
        (None, None) => None,
        (Some(algorithm), Some(value)) => {
            let uri = form_decode(algorithm, NAMES[3])?;
            let mut octets = format!("{name}={message}");
            if let Some(relay) = relay {
                octets.push_str("&RelayState=");
                octets.push_str(relay);
            }
            octets.push_str("&SigAlg=");
            octets.push_str(algorithm);
            Some(DetachedSignature {
                algorithm: Algorithm::from_uri(&uri).ok_or(Error::Algorithm)?,
                octets: octets.into_bytes(),
                value: decode_base64(&form_decode(value, NAMES[4])?, NAMES[4])?,
            })
        }
        (Some(_), None) => return Err(Error::Parameter(NAMES[4])),
        (None, Some(_)) => return Err(Error::Parameter(NAMES[3])),
    };
    let deflated = decode_base64(&form_decode(message, NAMES[0])?, NAMES[0])?;
    let xml = miniz_oxide::inflate::decompress_to_vec_with_limit(&deflated, MESSAGE_BYTES).map_err(|error| {
        let full = error.status == miniz_oxide::inflate::TINFLStatus::HasMoreOutput;
        if full { Error::TooLarge } else { Error::Undecodable("DEFLATE") }
    })?;
    Ok(Arrived::new(xml, relay_state, Transport::Redirect { request: request.is_some(), signature }))
}

/// The URL that takes the browser to a peer's endpoint with a message, signed if there is a signer. Logout messages must be
/// signed (Profiles section 4.4.4.1).
///
/// # Errors
/// [`BuildError`]
pub fn encode<M: Outbound>(
    message: &M,
    location: &str,
    relay: Option<&str>,
    signer: Option<&Signer>,
) -> Result<String, BuildError> {
    if !M::BY_REDIRECT {
        return Err(BuildError::Binding);
    }
    let deflated = miniz_oxide::deflate::compress_to_vec(message.plain_xml()?.as_bytes(), 6);
    let mut url = Url::parse(location).map_err(|_| BuildError::Url)?;
    let mut query = String::new();
    query.push_str(if M::REQUEST { "SAMLRequest=" } else { "SAMLResponse=" });
    push(&mut query, &BASE64_STANDARD.encode(deflated));
    if let Some(relay) = relay_state(relay)? {
        query.push_str("&RelayState=");
        push(&mut query, relay);
    }
    if let Some(signer) = signer {
        query.push_str("&SigAlg=");
        push(&mut query, signer.algorithm().uri());
        let signature = signer.sign(query.as_bytes())?;
        query.push_str("&Signature=");
        push(&mut query, &BASE64_STANDARD.encode(signature));
    }
    let whole = match url.query().filter(|own| !own.is_empty()) {
        Some(own) => format!("{own}&{query}"),
        None => query,
    };
    url.set_fragment(None);
    url.set_query(None);
    // Appended as text: the URL library may not touch octets that are signed.
    Ok(format!("{url}?{whole}"))
}

fn push(query: &mut String, value: &str) {
    query.extend(form_urlencoded::byte_serialize(value.as_bytes()));
}

/// Decodes a value of a query: `+` is a space.
fn form_decode(text: &str, what: &'static str) -> Result<String, Error> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| Error::Undecodable(what))
}
