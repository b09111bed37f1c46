//! Whether a request may pass: decided for each one, from what it carries and what this node knows; and again for what is open
//! when that has changed.

use std::sync::Arc;

use crate::{
    hygiene::path::Path,
    identity::Identity,
    live::Opened,
    place::{self, Place},
    route::{Route, Routes},
    standing::{Standing, Verdict},
};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everybody may have it; who it is, if they are signed in.
    Public(Option<Arc<Identity>>),
    /// This person may pass.
    Pass(Arc<Identity>),
    /// Nobody is signed in here.
    SignIn,
    /// Somebody is, whose cookie must be made anew first.
    Renew(Arc<Identity>),
    /// This person may not pass.
    Forbidden(Arc<Identity>),
    /// This node does not know whether the session lives: ask the store, and refuse if that does not answer.
    Unsure,
}

/// Decides about a request for `path`, which must be normal, by the one whose credential came with it.
#[must_use]
pub fn decide(route: &Route, path: &str, identity: Option<Arc<Identity>>, standing: &Standing) -> Decision {
    let verdict = identity.as_deref().map(|identity| standing.of(identity));
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

/// Whether something that is open would be let in by these routes too. `own` is Acquit's own host, as a `Host` header names it.
#[must_use]
pub fn stays(opened: &Opened, routes: &Routes, own: Option<&str>) -> bool {
    now(opened, routes, own, |route, identity| route.allow.admits(identity))
}

/// Whether it would be, however its person is described by now.
#[must_use]
pub fn stays_anyway(opened: &Opened, routes: &Routes, own: Option<&str>) -> bool {
    now(opened, routes, own, |route, identity| route.allow.admits_always(&identity.user))
}

fn now(opened: &Opened, routes: &Routes, own: Option<&str>, admits: impl Fn(&Route, &Identity) -> bool) -> bool {
    let Ok(path) = Path::read(&opened.path) else { return false };
    match place::find(opened.route.from.authority(), &path, routes, own) {
        Ok(Place::Route(route)) => {
            route.is_public(&path.plain) || opened.identity.as_deref().is_some_and(|identity| admits(route, identity))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use acquit_core::{SessionId, Timestamp, UserId};
    use tokio::time::Instant;

    use super::*;
    use crate::{identity::Person, live::Live, origin::Origin, policy::Allow};

    fn identity(username: &str) -> Arc<Identity> {
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 0);
        let person = Person { username: username.to_owned(), ..Person::default() };
        Arc::new(Identity::new(of, person, Timestamp::default()..Timestamp::from_seconds(1)))
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
        let decide =
            |path: &str, identity: Option<&Arc<Identity>>| decide(&route(), path, identity.cloned(), &standing);
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

    #[test]
    fn what_is_open_stays_as_long_as_it_would_be_let_in() {
        let open = |path: &'static str, who: Option<&str>| Opened {
            identity: who.map(identity),
            route: Arc::new(route()),
            path: http::uri::PathAndQuery::from_static(path).path().into(),
        };
        let allow =
            |users: &[&str]| Allow { users: users.iter().map(|&user| user.to_owned()).collect(), ..Allow::default() };
        let id = identity("alice").user.as_str().to_owned();
        let (alice, public) = (open("/live?x", Some("alice")), open("/health/x", None));
        let public_of_bob = open("/health", Some("bob"));
        let other = Origin::parse("https://b.example.com").unwrap();
        for (what, routes, is) in [
            ("the same rules", vec![route()], [true, false, true, true]),
            ("another user", vec![Route { allow: allow(&["carol"]), ..route() }], [false, false, true, true]),
            ("by id", vec![Route { allow: allow(&[&id]), ..route() }], [true, true, true, true]),
            ("everyone", vec![Route { allow: Allow { everyone: true, ..Allow::default() }, ..route() }], [true; 4]),
            ("no public paths", vec![Route { public_paths: Vec::new(), ..route() }], [true, false, false, false]),
            ("another host", vec![Route { from: other, ..route() }], [false; 4]),
            ("no route", Vec::new(), [false; 4]),
            (
                "a narrower route before it",
                vec![route(), Route { prefix: "/live".to_owned(), allow: allow(&["bob"]), ..route() }],
                [false, false, true, true],
            ),
        ] {
            let routes = Routes::new(routes);
            let found = [
                stays(&alice, &routes, None),
                stays_anyway(&alice, &routes, None),
                stays(&public, &routes, None),
                stays(&public_of_bob, &routes, None),
            ];
            assert_eq!(found, is, "{what}");
        }
        assert!(!stays(&alice, &Routes::new([route()]), Some("a.example.com")), "the host is Acquit's own now");
    }
}
