//! How we prove to an upstream provider who we are, at its token and revocation endpoints (RFC 6749 section 2.3,
//! RFC 7523, OpenID Connect Core section 9).

use std::fmt;

use acquit_core::Timestamp;
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::{
    client_auth::JWT_BEARER,
    jose::{KeyError, SigningKey, client_assertion::client_assertion_by_secret},
};

/// The name of the method by which an assertion is made of the secret.
pub const SECRET_JWT: &str = "client_secret_jwt";

/// The content type of every request that is posted here.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// What is asked for in answer.
pub const ACCEPT: &str = "application/json";

/// Whom an assertion is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The provider's issuer: the default. It is the one value that a lying discovery document cannot choose, so that an
    /// assertion made for one provider is never good at another (the revision of RFC 7523 demands it for that reason).
    #[default]
    Issuer,
    /// The URL that the request goes to, for providers that insist on it (Microsoft). Never another endpoint's: whoever
    /// receives the request could use the assertion there.
    Endpoint,
}

impl AssertionAudience {
    const fn of<'a>(self, issuer: &'a str, url: &'a str) -> &'a str {
        match self {
            Self::Issuer => issuer,
            Self::Endpoint => url,
        }
    }
}

/// How we prove who we are.
#[derive(Clone, Copy)]
pub enum ClientAuth<'a> {
    /// `none`: only our name; PKCE protects the code.
    None,
    /// `client_secret_basic`.
    Basic {
        /// The secret.
        secret: &'a str,
    },
    /// `client_secret_post`.
    Post {
        /// The secret.
        secret: &'a str,
    },
    /// `client_secret_jwt`: the secret itself stays here.
    SecretJwt {
        /// The secret, of at least [`MIN_SECRET`](crate::jose::MIN_SECRET) bytes.
        secret: &'a str,
        /// Whom the assertion is for.
        audience: AssertionAudience,
        /// Fresh for each request, random.
        jti: &'a str,
        /// The time.
        now: Timestamp,
    },
    /// `private_key_jwt`.
    PrivateKeyJwt {
        /// Our key, whose public part the provider has.
        key: &'a SigningKey,
        /// Whom the assertion is for.
        audience: AssertionAudience,
        /// Fresh for each request, random.
        jti: &'a str,
        /// The time.
        now: Timestamp,
    },
}

impl ClientAuth<'_> {
    /// Its name in `token_endpoint_auth_methods_supported`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic { .. } => "client_secret_basic",
            Self::Post { .. } => "client_secret_post",
            Self::SecretJwt { .. } => SECRET_JWT,
            Self::PrivateKeyJwt { .. } => "private_key_jwt",
        }
    }
}

/// The method only.
impl fmt::Debug for ClientAuth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Us, as a client of an upstream provider.
#[derive(Clone, Copy, Debug)]
pub struct RpClient<'a> {
    /// Our name there.
    pub id: &'a str,
    /// How we prove it.
    pub auth: ClientAuth<'a>,
}

/// Why a request for tokens cannot be made. The operator must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Our own key or secret cannot sign.
    #[error("our own proof cannot be made: {0}")]
    Key(#[from] KeyError),
    /// The provider does not say that it takes an assertion of the secret.
    #[error("the provider does not list client_secret_jwt by HS256 for its token endpoint")]
    SecretJwt,
}

/// A request to be posted, with [`CONTENT_TYPE`] and [`ACCEPT`]. Its redirects must not be followed: they would carry the
/// secret elsewhere.
pub struct Post {
    /// Where to.
    pub url: String,
    /// The `Authorization` header.
    pub authorization: Option<Zeroizing<String>>,
    /// The body.
    pub body: Zeroizing<String>,
}

/// Where to, only.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("url", &self.url).finish_non_exhaustive()
    }
}

impl RpClient<'_> {
    /// A request to `url`, an endpoint of `issuer`, with `fields` and the proof of who we are.
    ///
    /// # Errors
    /// [`KeyError`] when our own key cannot sign.
    pub(super) fn post(&self, issuer: &str, url: &str, fields: &[(&str, &str)]) -> Result<Post, KeyError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut authorization = None;
        match self.auth {
            ClientAuth::None => {
                form.append_pair("client_id", self.id);
            }
            // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined; the name is then not repeated
            // in the body, which some servers take for a second method.
            ClientAuth::Basic { secret } => authorization = Some(basic(self.id, secret)),
            ClientAuth::Post { secret } => {
                form.append_pair("client_id", self.id).append_pair("client_secret", secret);
            }
            ClientAuth::SecretJwt { secret, audience, jti, now } => {
                let audience = audience.of(issuer, url);
                self.assert(&mut form, &client_assertion_by_secret(secret, self.id, audience, jti, now)?);
            }
            ClientAuth::PrivateKeyJwt { key, audience, jti, now } => {
                let audience = audience.of(issuer, url);
                self.assert(&mut form, &key.sign_client_assertion(self.id, audience, jti, now)?);
            }
        }
        Ok(Post { url: url.to_owned(), authorization, body: Zeroizing::new(form.finish()) })
    }

    fn assert(&self, form: &mut form_urlencoded::Serializer<'_, String>, assertion: &str) {
        form.append_pair("client_id", self.id)
            .append_pair("client_assertion_type", JWT_BEARER)
            .append_pair("client_assertion", assertion);
    }
}

fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let pair = Zeroizing::new(format!("{}:{}", *encoded(id), *encoded(secret)));
    Zeroizing::new(format!("Basic {}", *Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()))))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        client_auth::Credentials,
        jose::{Algorithm, ClientAssertionError, Jwks, verify_client_assertion},
        params::Params,
    };

    const ISSUER: &str = "https://login.example.org/tenant";
    const TOKEN: &str = "https://login.example.org/tenant/token";
    const REVOKE: &str = "https://login.example.org/tenant/revoke";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    pub(crate) fn pairs(post: &Post) -> Params {
        Params::parse(post.body.as_bytes()).unwrap()
    }

    fn post(auth: ClientAuth<'_>) -> Post {
        RpClient { id: "we:us+", auth }.post(ISSUER, TOKEN, &[("grant_type", "x y")]).unwrap()
    }

    #[test]
    fn basic_is_form_encoded_first_so_that_a_colon_in_the_name_or_the_secret_does_no_harm() {
        let post = post(ClientAuth::Basic { secret: "s:e %+ä" });
        let header = post.authorization.as_ref().unwrap();
        let pair = BASE64_STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "we%3Aus%2B:s%3Ae+%25%2B%C3%A4");
        assert_eq!(post.body.as_str(), "grant_type=x+y");
        // The provider's side of this crate reads it back.
        let read = Credentials::parse(Some(header), &pairs(&post)).unwrap();
        let Credentials::Basic { client_id, secret } = read else { panic!() };
        assert_eq!((client_id.as_str(), secret.as_str()), ("we:us+", "s:e %+ä"));
    }

    #[test]
    fn a_posted_secret_is_in_the_body_only() {
        let post = post(ClientAuth::Post { secret: "s&e" });
        assert!(post.authorization.is_none());
        assert_eq!(post.body.as_str(), "grant_type=x+y&client_id=we%3Aus%2B&client_secret=s%26e");
    }

    #[test]
    fn a_public_client_says_its_name() {
        let post = post(ClientAuth::None);
        assert!(post.authorization.is_none());
        assert_eq!(post.body.as_str(), "grant_type=x+y&client_id=we%3Aus%2B");
    }

    #[test]
    fn an_assertion_is_good_at_the_issuer_or_at_the_very_endpoint_and_nowhere_else() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = Jwks::of([key.public_jwk()]);
        let judge = |audience, url: &str, at: &str| {
            let auth = ClientAuth::PrivateKeyJwt { key: &key, audience, jti: "j-1", now: NOW };
            let post = RpClient { id: "we", auth }.post(ISSUER, url, &[]).unwrap();
            let params = pairs(&post);
            assert_eq!(params.get("client_assertion_type"), Some(JWT_BEARER));
            assert_eq!(params.get("client_id"), Some("we"));
            assert!(post.authorization.is_none() && params.get("client_secret").is_none());
            verify_client_assertion(&keys, None, "we", &[at], params.get("client_assertion").unwrap(), NOW)
        };
        let good = judge(AssertionAudience::Issuer, TOKEN, ISSUER).unwrap();
        assert_eq!((good.jti.as_str(), good.remember_until), ("j-1", Timestamp::from_seconds(1_800_000_120)));
        assert!(judge(AssertionAudience::Endpoint, TOKEN, TOKEN).is_ok());
        let refused = Err(ClientAssertionError::Audience);
        assert_eq!(judge(AssertionAudience::Issuer, TOKEN, TOKEN), refused);
        // What the revocation endpoint receives is no use at the token endpoint.
        assert_eq!(judge(AssertionAudience::Endpoint, REVOKE, TOKEN), refused);
    }

    #[test]
    fn an_assertion_of_the_secret_is_read_with_the_secret_and_does_not_carry_it() {
        use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
        let secret = "a secret of more than 32 bytes: ä%+&";
        let auth = |secret| ClientAuth::SecretJwt { secret, audience: AssertionAudience::Issuer, jti: "j-1", now: NOW };
        let client = |secret| RpClient { id: "we", auth: auth(secret) };
        let post = client(secret).post(ISSUER, REVOKE, &[("token", "t")]).unwrap();
        let params = pairs(&post);
        assert!(post.authorization.is_none() && params.get("client_secret").is_none());
        assert_eq!((params.get("client_assertion_type"), params.get("client_id")), (Some(JWT_BEARER), Some("we")));
        let read = |secret: &str| {
            let mut rules = Validation::new(Algorithm::HS256);
            rules.set_audience(&[ISSUER]);
            rules.validate_exp = false;
            let key = DecodingKey::from_secret(secret.as_bytes());
            decode::<serde_json::Value>(params.get("client_assertion").unwrap(), &key, &rules)
        };
        let claims = read(secret).unwrap().claims;
        let now = NOW.as_micros() / 1_000_000;
        let expected = serde_json::json!({
            "iss": "we", "sub": "we", "aud": ISSUER, "jti": "j-1", "iat": now, "exp": now + 60,
        });
        assert_eq!(claims, expected);
        assert!(read("another secret of more than 32 bytes").is_err());
        let short = client("thirty-one bytes are not enough").post(ISSUER, TOKEN, &[]);
        assert_eq!(short.unwrap_err(), KeyError::ShortSecret);
    }

    #[test]
    fn neither_a_request_nor_a_client_shows_its_secrets() {
        let client = RpClient { id: "we", auth: ClientAuth::Post { secret: "hush" } };
        let shown = format!("{client:?} {:?}", client.post(ISSUER, TOKEN, &[("code", "hush")]).unwrap());
        assert!(shown.contains("client_secret_post") && !shown.contains("hush"), "{shown}");
        assert!(!format!("{:?}", post(ClientAuth::Basic { secret: "hush" })).contains("Basic"));
    }
}
