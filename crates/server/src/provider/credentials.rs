//! Which client calls, and has it proved itself? The rules are in [`acquit_oidc::client_auth`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use acquit_core::Timestamp;
use acquit_oidc::{
    client::{Authentication, Client, ClientKeys},
    client_auth::{Credentials, Proof},
    error::{ErrorCode, OAuthError},
    jose::{Jwks, jwk::MAX_JWKS},
    params::Params,
};
use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header},
};

use super::error::{Failure, ours, unreadable};
use crate::{App, form, random};

/// How long a client's key set is used before it is fetched again.
const KEYS_FOR: Duration = Duration::from_secs(5 * 60);
/// How soon a set is fetched again when it did not verify an assertion: the client may have rotated its keys.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Key sets that were fetched from clients. Only their keys are kept, never whether anything lives.
#[derive(Debug, Default)]
pub struct FetchedKeys(Mutex<HashMap<String, Arc<Slot>>>);

/// One address of keys.
#[derive(Debug, Default)]
struct Slot {
    fetched: Mutex<Fetched>,
    /// Held by the one who fetches; whoever else wants the keys waits for what comes of it.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Fetched {
    keys: Option<(Timestamp, Arc<Jwks>)>,
    /// When fetching last failed.
    failed_at: Option<Timestamp>,
}

impl Fetched {
    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<Arc<Jwks>> {
        self.keys.as_ref().filter(|(at, _)| now.since(*at) < age).map(|(_, keys)| keys.clone())
    }

    fn failed_lately(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| now.since(at) < AGAIN_AFTER)
    }
}

impl Slot {
    /// What is known, if that answers the question: keys that are young enough, or none while fetching has just failed.
    fn known(&self, younger_than: Duration, now: Timestamp) -> Option<Option<Arc<Jwks>>> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        // Anybody may write a `client_id`: what does not answer is not called for each of them.
        let keys = fetched.younger_than(younger_than, now);
        (keys.is_some() || fetched.failed_lately(now)).then_some(keys)
    }

    fn is_of_use(&self, now: Timestamp) -> bool {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.younger_than(KEYS_FOR, now).is_some() || fetched.failed_lately(now)
    }

    fn keep(&self, keys: Option<&Arc<Jwks>>, now: Timestamp) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        match keys {
            Some(keys) => *fetched = Fetched { keys: Some((now, keys.clone())), failed_at: None },
            None => fetched.failed_at = Some(now),
        }
    }
}

impl FetchedKeys {
    async fn get(&self, app: &App, uri: &str, younger_than: Duration) -> Option<Arc<Jwks>> {
        self.get_by(uri, younger_than, || app.clock.now(), || Self::fetch(app, uri)).await
    }

    /// The keys at `uri`, fetched by one caller at a time however many want them.
    async fn get_by<F: Future<Output = Option<Arc<Jwks>>>>(
        &self,
        uri: &str,
        younger_than: Duration,
        now: impl Fn() -> Timestamp,
        fetch: impl FnOnce() -> F,
    ) -> Option<Arc<Jwks>> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // One that somebody holds is being fetched for.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.is_of_use(now()));
            slots.entry(uri.to_owned()).or_default().clone()
        };
        if let Some(known) = slot.known(younger_than, now()) {
            return known;
        }
        let _alone = slot.fetching.lock().await;
        if let Some(known) = slot.known(younger_than, now()) {
            return known;
        }
        let keys = fetch().await;
        slot.keep(keys.as_ref(), now());
        keys
    }

    async fn fetch(app: &App, uri: &str) -> Option<Arc<Jwks>> {
        let answer = match app.egress.fetch(uri, MAX_JWKS).await {
            Ok(answer) if answer.status == 200 && !answer.cut => answer,
            Ok(answer) => {
                tracing::warn!(uri, status = %answer.status, "a client's keys could not be fetched");
                return None;
            }
            Err(error) => {
                tracing::warn!(uri, %error, "a client's keys could not be fetched");
                return None;
            }
        };
        Jwks::parse(&answer.body).ok().map(Arc::new)
    }
}

/// A call of a client: its parameters, and the client, which has proved itself as far as it can.
pub(super) struct Call {
    pub(super) client: Arc<Client>,
    pub(super) params: Params,
}

impl Call {
    /// Reads the form and checks the client.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let uri = request.uri().clone();
        let body = form::read_form(request).await.map_err(unreadable)?;
        let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
        let client = authenticate(app, &headers, &uri, &params).await?;
        Ok(Self { client, params })
    }
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "more than one Authorization header was sent"));
    }
    Ok(value.map(|value| value.to_str().unwrap_or_default()))
}

async fn authenticate(app: &App, headers: &HeaderMap, uri: &Uri, params: &Params) -> Result<Arc<Client>, Failure> {
    let credentials = Credentials::parse(authorization(headers)?, params)?;
    let challenge = |failure: Failure| if credentials.in_header() { failure.with_basic_challenge() } else { failure };
    let client = app.clients.find(credentials.client_id()).await.map_err(|error| ours(&error))?;
    let endpoint = format!("{}{}", app.issuer(), uri.path());
    let token_endpoint = format!("{}{}", app.issuer(), acquit_oidc::discovery::Paths::NATIVE.token);
    let audiences = [app.issuer(), endpoint.as_str(), token_endpoint.as_str()];
    let now = app.clock.now();
    let verify = |fetched: Option<&Jwks>| credentials.verify(client.as_deref(), fetched, &audiences, now);
    let proof = match client.as_deref().map(|client| &client.authentication) {
        Some(Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), .. }) => {
            let fetched = app.fetched_keys.get(app, uri, KEYS_FOR).await;
            match verify(fetched.as_deref()) {
                Ok(proof) => Ok(proof),
                Err(_) => verify(app.fetched_keys.get(app, uri, AGAIN_AFTER).await.as_deref()),
            }
        }
        _ => verify(None),
    };
    let proof = proof.map_err(|error| challenge(error.into()))?;
    if let Proof::Assertion(assertion) = proof {
        let key = random::hash(&format!("{}\0{}", credentials.client_id(), assertion.jti));
        let fresh = app.store.remember_once("assertion", &key, assertion.remember_until).await;
        if !fresh.map_err(|error| ours(&error))? {
            return Err(OAuthError::new(ErrorCode::InvalidClient, "the assertion was used before").into());
        }
    }
    client.ok_or_else(|| OAuthError::new(ErrorCode::InvalidClient, "the client did not prove itself").into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn however_many_want_the_keys_of_one_address_they_are_fetched_once() {
        let known = FetchedKeys::default();
        let calls = AtomicUsize::new(0);
        let get = async |uri: &'static str, good: bool, at: i64| {
            let fetch = async || {
                calls.fetch_add(1, Ordering::Relaxed);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                good.then(|| Arc::new(Jwks::default()))
            };
            known.get_by(uri, AGAIN_AFTER, || Timestamp::from_seconds(at), fetch).await.is_some()
        };
        let many = futures_util::future::join_all((0..20).map(|_| get("a", true, 0))).await;
        assert_eq!((many, calls.load(Ordering::Relaxed)), (vec![true; 20], 1));
        let many = futures_util::future::join_all((0..20).map(|_| get("b", false, 0))).await;
        assert_eq!((many, calls.load(Ordering::Relaxed)), (vec![false; 20], 2), "also what fails, fails for all");
        assert!(get("a", true, 9).await);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(get("a", true, 10).await && get("b", true, 10).await);
        assert_eq!(calls.load(Ordering::Relaxed), 4);
        // One that goes away while it fetches leaves it to the next.
        let gone = futures_util::FutureExt::now_or_never(get("c", true, 10));
        assert!(gone.is_none() && get("c", true, 10).await);
    }

    #[test]
    fn a_key_set_that_failed_is_left_alone_for_a_while_and_the_good_one_stays_in_use() {
        let at = Timestamp::from_seconds;
        let mut fetched = Fetched { keys: Some((at(0), Arc::new(Jwks::default()))), failed_at: None };
        assert!(!fetched.failed_lately(at(11)));
        fetched.failed_at = Some(at(11));
        assert!(fetched.failed_lately(at(20)) && !fetched.failed_lately(at(21)));
        assert!(fetched.younger_than(KEYS_FOR, at(20)).is_some(), "what was good before still is");
        assert!(fetched.younger_than(AGAIN_AFTER, at(20)).is_none());
    }
}
