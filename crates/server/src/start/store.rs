//! Opening the store at a start. PostgreSQL often starts at the same time as Acquit, on the same machine or in the same
//! pod: that it takes no connections yet is waited for; a mistake in the configuration is not.

use std::time::Duration;

use acquit_store::{Store, StoreError};
use tokio::time::{Instant, sleep};
use url::Url;

use super::StartError;
use crate::settings;

/// How long PostgreSQL is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to pause after the first try; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Opens the store, waiting for PostgreSQL within bounds. Drop it to stop waiting.
pub(super) async fn open(settings: &settings::Store) -> Result<Store, StartError> {
    settings.prepare().map_err(StartError::Prepare)?;
    let url = settings.url();
    if matches!(settings, settings::Store::Sqlite(_)) {
        return Ok(Store::open(url.expose()).await?);
    }
    patiently(url.expose(), || Store::open(url.expose())).await
}

/// Opens what servers share, as a node that changes nothing of its schema, likewise.
pub(crate) async fn attach(url: &str) -> Result<Store, StartError> {
    patiently(url, || Store::attach(url)).await
}

async fn patiently<F>(url: &str, open: impl Fn() -> F) -> Result<Store, StartError>
where
    F: Future<Output = Result<Store, StoreError>>,
{
    let place = place(url);
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match open().await {
            Err(error @ StoreError::Unavailable(_)) if begun.elapsed() + pause <= PATIENCE => {
                tracing::warn!(%error, "waiting for PostgreSQL at {place} to take connections");
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(error @ StoreError::Unavailable(_)) => {
                return Err(StartError::NoDatabase { place, waited: begun.elapsed().as_secs(), error });
            }
            result => return Ok(result?),
        }
    }
}

/// Host and port of a URL, without the password that may stand beside them.
fn place(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
    host.map_or_else(
        || "the store's URL".to_owned(),
        |host| format!("{host}:{}", parsed.as_ref().and_then(Url::port).unwrap_or(5432)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    #[test]
    fn the_place_is_named_without_the_password() {
        assert_eq!(place("postgres://acquit:secret@db.example/acquit"), "db.example:5432");
        assert_eq!(place("postgres://acquit:secret@[::1]:6432/acquit"), "[::1]:6432");
        assert_eq!(place("postgres:///acquit?host=/run/postgresql"), "the store's URL");
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_never_comes_up_is_waited_for_a_minute_and_no_longer() {
        // Bound and let go: nobody listens there.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let store = settings::Store::Postgres(Secret::new(format!("postgres://acquit:s3cret@127.0.0.1:{port}/x")));
        let begun = Instant::now();
        let Err(error) = open(&store).await else { panic!("it opened") };
        assert!((50..=75).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}")) && !text.contains("s3cret"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_that_is_wrong_is_not_waited_for() {
        let begun = Instant::now();
        let store = settings::Store::Postgres(Secret::new("postgres://127.0.0.1:port/x".to_owned()));
        assert!(matches!(open(&store).await, Err(StartError::Store(StoreError::Url(_)))));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
