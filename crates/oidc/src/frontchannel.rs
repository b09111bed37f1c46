//! Front-channel logout (Front-Channel Logout 1.0): the URI that is loaded in a frame, and what such a URI carries.

use url::Url;

use crate::{
    params::{BadParam, Params},
    response::add_query,
};

/// The URI for the frame: the registered one with its query kept (FC-2), and `iss` and `sid` added both or not at all
/// (FC-5).
#[must_use]
pub fn frame_uri(registered: &str, session: Option<Session<'_>>) -> String {
    match session {
        Some(Session { iss, sid }) => add_query(registered, &[("iss", iss.to_owned()), ("sid", sid.to_owned())]),
        None => registered.to_owned(),
    }
}

/// The origin of a frame, for the page's `frame-src`; absent for what is no HTTP URI.
#[must_use]
pub fn frame_origin(registered: &str) -> Option<String> {
    let origin = Url::parse(registered).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// A session as a frame names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The session at that client.
    pub sid: &'a str,
}

/// Reads what a frame's URI carries, on the receiving side.
///
/// # Errors
/// [`BadParam`] when one of `iss` and `sid` comes without the other (FC-5).
pub fn parse(params: &Params) -> Result<Option<Session<'_>>, BadParam> {
    match (params.get("iss"), params.get("sid")) {
        (Some(iss), Some(sid)) => Ok(Some(Session { iss, sid })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(BadParam { name: "sid", why: "is missing" }),
        (None, Some(_)) => Err(BadParam { name: "iss", why: "is missing" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Session<'_> = Session { iss: "https://id.example.com", sid: "s+/=&1" };

    #[test]
    fn a_frame_keeps_the_registered_query_and_adds_both() {
        assert_eq!(
            frame_uri("https://a.example/f?x=%20&y", Some(SESSION)),
            "https://a.example/f?x=%20&y&iss=https%3A%2F%2Fid.example.com&sid=s%2B%2F%3D%261"
        );
        assert_eq!(frame_uri("https://a.example/f?x=1", None), "https://a.example/f?x=1");
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let uri = frame_uri("https://a.example/f", Some(SESSION));
        let params = Params::parse(uri.split_once('?').unwrap().1.as_bytes()).unwrap();
        assert_eq!(parse(&params), Ok(Some(SESSION)));
    }

    #[test]
    fn one_of_iss_and_sid_alone_is_refused() {
        for alone in ["iss=a", "sid=a", "iss=a&sid="] {
            assert!(parse(&Params::parse(alone.as_bytes()).unwrap()).is_err());
        }
        assert_eq!(parse(&Params::default()), Ok(None));
    }

    #[test]
    fn the_origin_of_a_frame_has_no_path_and_no_default_port() {
        assert_eq!(frame_origin("https://A.example:443/f?x").as_deref(), Some("https://a.example"));
        assert_eq!(frame_origin("http://127.0.0.1:81/f").as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(frame_origin("com.example.app:/f"), None);
    }
}
