//! Whether a request may pass: decided for each one, from what it carries and what this node knows.

use crate::{
    identity::Identity,
    route::Route,
    standing::{Standing, Verdict},
};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everybody may have it; who it is, if they are signed in.
    Public(Option<Identity>),
    /// This person may pass.
    Pass(Identity),
    /// Nobody is signed in here.
    SignIn,
    /// Somebody is, whose cookie must be made anew first.
    Renew(Identity),
    /// This person may not pass.
    Forbidden(Identity),
    /// This node does not know whether the session lives: ask the store, and refuse if that does not answer.
    Unsure,
}

/// Decides about a request for `path`, which must be normal, by the one whose credential came with it.
#[must_use]
pub fn decide(route: &Route, path: &str, identity: Option<Identity>, standing: &Standing) -> Decision {
    let verdict = identity.as_ref().map(|identity| standing.of(identity));
    if route.is_public(path) {
        return Decision::Public(identity.filter(|_| verdict == Some(Verdict::Good)));
    }
    match (identity, verdict) {
        (None, _) | (_, None | Some(Verdict::Over)) => Decision::SignIn,
        (_, Some(Verdict::Unsure)) => Decision::Unsure,
        (Some(identity), Some(Verdict::Changed)) => Decision::Renew(identity),
        (Some(identity), Some(Verdict::Good)) if route.allow.admits(&identity) => Decision::Pass(identity),
        (Some(identity), Some(Verdict::Good)) => Decision::Forbidden(identity),
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{SessionId, Timestamp, UserId};
    use tokio::time::Instant;

    use super::*;
    use crate::{identity::Person, live::Live, origin::Origin, policy::Allow};

    fn identity(username: &str) -> Identity {
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
        Identity::new(
            of,
            Person { username: username.to_owned(), ..Person::default() },
            Timestamp::default()..Timestamp::from_seconds(1),
        )
    }

    fn route() -> Route {
        let origin = Origin::parse("https://a.example.com").unwrap();
        Route {
            allow: Allow { users: vec!["alice".to_owned()], ..Allow::default() },
            public_paths: vec!["/health".to_owned()],
            ..Route::new(origin, Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_signed_in_and_on_the_list_passes() {
        let standing = Standing::new(Live::default());
        standing.heard(Instant::now());
        let (alice, bob) = (identity("alice"), identity("bob"));
        let decide = |path: &str, identity: Option<&Identity>| decide(&route(), path, identity.cloned(), &standing);
        assert_eq!(decide("/", Some(&alice)), Decision::Pass(alice.clone()));
        assert_eq!(decide("/", Some(&bob)), Decision::Forbidden(bob.clone()));
        assert_eq!(decide("/", None), Decision::SignIn);
        assert_eq!(decide("/health", None), Decision::Public(None));
        assert_eq!(decide("/health", Some(&bob)), Decision::Public(Some(bob.clone())));
        standing.changed(&alice.user, 1, Timestamp::default());
        assert_eq!(decide("/", Some(&alice)), Decision::Renew(alice.clone()));
        standing.deny(&alice.session);
        assert_eq!(decide("/", Some(&alice)), Decision::SignIn);
        assert_eq!(decide("/health", Some(&alice)), Decision::Public(None), "who is out is nobody there too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_heard_nothing_for_too_long_lets_nobody_pass() {
        let standing = Standing::new(Live::default());
        for who in ["alice", "bob"] {
            assert_eq!(decide(&route(), "/", Some(identity(who)), &standing), Decision::Unsure);
        }
        assert_eq!(decide(&route(), "/", None, &standing), Decision::SignIn);
        assert_eq!(decide(&route(), "/health", Some(identity("alice")), &standing), Decision::Public(None));
    }
}
