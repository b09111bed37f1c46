//! `revalidate` of a connection: its provider is asked again and again, with the refresh token, whether a person is still
//! welcome there. One who is not is out by a logout that tells everybody. Providers that notify nobody are caught by it.

use std::time::Duration;

use acquit_core::{
    Timestamp,
    plan::{By, Scope, Tell},
    upstream::TokenKind,
};
use acquit_oidc::rp::{
    client::{RequestError, RpClient},
    revoke,
    token::{self, Grant, TokenError, Tokens},
};
use acquit_store::{
    StoreError,
    upstream::{Asked, Due},
};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    provider::{self, Unreachable, discover},
    secrets::{NoProof, Secrets, as_client},
};
use crate::{
    App,
    logout::{LogoutError, Order, log_out},
    random::{self, NoRandomness},
    seal::SealError,
    settings::{Connection, broker::OidcProvider},
};

/// How often it is looked who is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long one claim holds. Longer than any request takes: a refresh token that two nodes use at once may be the end of both.
const LEASE: Duration = Duration::from_secs(2 * 60);
/// How many are asked about at the same time.
const BATCH: u32 = 32;
/// The first pause after a failure; each further one is twice as long, to the connection's own interval.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The pauses between tries to write new tokens down. All of it fits into a claim.
const WRITE_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];
const REFUSED: &str = "the identity provider no longer vouches for this person (invalid_grant)";

/// Asks until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        match round(&app).await {
            Ok(asked) if asked == BATCH as usize => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "providers could not be asked about their people; trying again soon"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Asks about everybody who is due, up to a bound; about how many.
///
/// # Errors
/// [`Trouble`] when nobody could be asked.
pub async fn round(app: &App) -> Result<usize, Trouble> {
    let now = app.clock.now();
    let lease = random::secret()?;
    let due = app.store.claim_revalidations(now, (&lease, now.plus(LEASE)), BATCH).await?;
    for outcome in join_all(due.iter().map(|one| revalidate(app, one))).await {
        if let Err(error) = outcome {
            // The claim runs out, and somebody asks again.
            tracing::warn!(%error, "a revalidation could not be finished");
        }
    }
    Ok(due.len())
}

/// Why a revalidation cannot be finished. It is tried again by itself.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The logout is not durable yet.
    #[error(transparent)]
    Logout(#[from] LogoutError),
    /// The tokens cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Why a provider did not answer the question.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error(transparent)]
    Proof(#[from] NoProof),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl NoAnswer {
    /// Whether the operator has to do something about it.
    fn is_alarming(&self) -> bool {
        match self {
            Self::Unreachable(_) => false,
            Self::Token(error) => !error.is_temporary(),
            Self::Proof(_) | Self::Request(_) => true,
        }
    }
}

async fn revalidate(app: &App, due: &Due) -> Result<(), Trouble> {
    let connection = app.clients.connections().find(&due.connection);
    let wanted =
        connection.as_deref().and_then(|connection| Some((connection, connection.oidc()?, connection.revalidate?)));
    let secrets = Secrets::open(&app.sealer, &due.sealed);
    // A connection that speaks to another provider now: that one gets no token of the former.
    let same = |secrets: &&Secrets| wanted.is_some_and(|(_, oidc, _)| oidc.issuer == secrets.issuer);
    let held = secrets.as_ref().filter(same).and_then(|secrets| secrets.token(TokenKind::Refresh));
    let (Some((connection, oidc, every)), Some(secrets), Some(refresh_token)) = (wanted, &secrets, held) else {
        // The connection is gone or does not want it any more, or the master key is another.
        return write_down(app, due, Asked::Never).await.map(drop);
    };
    match ask(app, oidc, secrets, refresh_token).await {
        Ok(tokens) => renewed(app, due, (oidc, secrets), &tokens, every).await,
        Err(NoAnswer::Token(error)) if error.is_invalid_grant() => end(app, due, connection).await,
        Err(error) => {
            let why = "a provider could not be asked whether somebody is still welcome there; their session stays";
            if error.is_alarming() {
                tracing::error!(connection = %due.connection, session = %due.session, %error, why);
            } else {
                tracing::warn!(connection = %due.connection, session = %due.session, %error, why);
            }
            let again_at = app.clock.now().plus(pause(due.failures, every));
            write_down(app, due, Asked::Failed { again_at }).await.map(drop)
        }
    }
}

/// How long to leave a provider alone that failed so often before.
fn pause(failures: u32, every: Duration) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(every)
}

async fn ask(app: &App, oidc: &OidcProvider, secrets: &Secrets, refresh_token: &str) -> Result<Tokens, NoAnswer> {
    let provider = discover(app, oidc).await?;
    let authentication = secrets.authentication(Some(oidc));
    let make = |client: &RpClient<'_>| token::request(&provider, client, Grant::Refresh { refresh_token });
    let post = as_client(&app.keys, &secrets.client_id, &authentication, app.clock.now(), make)??;
    let answer = provider::post(app, &post, token::MAX_ANSWER).await?;
    if answer.cut {
        tracing::warn!(issuer = oidc.issuer, "the answer of an identity provider broke off or is too long");
        return Err(Unreachable::Silent.into());
    }
    // An ID token that comes with it is not looked at: who signed in is known, and the first one names their session.
    Ok(token::answer(answer.status.as_u16(), &answer.body)?)
}

/// Keeps the new tokens with the session, if that still lives; else they are given back at once.
async fn renewed(
    app: &App,
    due: &Due,
    (oidc, secrets): (&OidcProvider, &Secrets),
    tokens: &Tokens,
    every: Duration,
) -> Result<(), Trouble> {
    let refresh = tokens.refresh_token.as_ref().map(|token| token.as_str());
    let kept = secrets.renewed(&tokens.access_token, refresh);
    let again_at = app.clock.now().plus(every);
    let asked = Asked::Renewed { sealed: kept.seal(&app.sealer)?, again_at };
    // The former refresh token is used up at most providers: without the new one the person would be taken for gone.
    let mut written = write_down(app, due, asked.clone()).await;
    for pause in WRITE_AGAIN {
        if written.is_ok() {
            break;
        }
        tokio::time::sleep(pause).await;
        written = write_down(app, due, asked.clone()).await;
    }
    if !written? {
        give_back(app, oidc, &kept).await;
    }
    Ok(())
}

async fn write_down(app: &App, due: &Due, asked: Asked) -> Result<bool, Trouble> {
    let (now, lifetimes) = (app.clock.now(), app.settings().lifetimes.session());
    Ok(app.store.record_revalidation(due, asked, now, lifetimes).await?)
}

/// Ends the session of somebody whom their provider does not vouch for any more.
async fn end(app: &App, due: &Due, connection: &Connection) -> Result<(), Trouble> {
    // A newer sign-in there may have taken the place of this one, whose token is no good then.
    if !app.store.holds_revalidation(due).await? {
        return Ok(());
    }
    let order = Order {
        scope: Scope::Session(due.session.clone()),
        by: By::Policy,
        party: Some(connection.id.to_string()),
        reason: Some(REFUSED.to_owned()),
        tell: Tell::Everyone,
        ip: None,
        browser: None,
        named: Vec::new(),
    };
    match log_out(app, order).await {
        Ok(done) => {
            tracing::info!(logout = %done.logout, connection = %connection.id, "signed out by revalidation");
            Ok(())
        }
        // Somebody else was faster.
        Err(LogoutError::UnknownTarget) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives tokens back that came while their session ended: its logout knows the former ones only. Tried once, since most
/// providers take the whole family back with the former.
async fn give_back(app: &App, oidc: &OidcProvider, secrets: &Secrets) {
    let Ok(provider) = discover(app, oidc).await else { return };
    let Some(uri) = &provider.revocation_endpoint else { return };
    for kind in [TokenKind::Refresh, TokenKind::Access] {
        let Some(token) = secrets.token(kind) else { continue };
        let make = |client: &RpClient<'_>| revoke::request((&secrets.issuer, uri), client, kind, token);
        let made = as_client(&app.keys, &secrets.client_id, &oidc.authentication, app.clock.now(), make);
        let Ok(Ok(post)) = made else { continue };
        match provider::post(app, &post, revoke::MAX_ANSWER).await {
            Ok(answer) if answer.status.is_success() => {}
            Ok(answer) => {
                tracing::warn!(issuer = oidc.issuer, status = answer.status.as_u16(), "a token was not taken back");
            }
            Err(error) => tracing::warn!(issuer = oidc.issuer, %error, "a token could not be given back"),
        }
    }
}

/// When a provider is asked for the first time about a sign-in at `now`.
#[must_use]
pub fn first(connection: &Connection, has_refresh: bool, now: Timestamp) -> Option<Timestamp> {
    connection.revalidate.filter(|_| has_refresh).map(|every| now.plus(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_fails_is_left_alone_for_longer_and_longer_up_to_the_interval() {
        let every = Duration::from_secs(600);
        let pauses: Vec<u64> = [0, 1, 2, 5, 6, 100, u32::MAX].map(|failures| pause(failures, every).as_secs()).into();
        assert_eq!(pauses, [15, 30, 60, 480, 600, 600, 600]);
        assert_eq!(pause(9, Duration::from_secs(10)), Duration::from_secs(10));
    }
}
