//! What is open ends when its right ends: when the rules become narrower, and when its person is described otherwise.
//!
//! A request registers what it opens, and then looks whether the rules that it was let in by are still the rules: either the walk that
//! follows a change finds it, or it finds the change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use acquit_core::SessionId;
use futures_util::{StreamExt, stream};
use http::uri::PathAndQuery;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Admitted, House, Proxy, Rules, Shared};
use crate::{
    decide::{stays, stays_anyway},
    live::{Cut, Opened},
    route::Route,
    standing::{BOUND, Verdict},
};

/// How many people are asked about at the same time.
const AT_ONCE: usize = 16;
/// How long to wait before somebody is asked about again.
const AGAIN: Duration = Duration::from_millis(250);

impl<H: House> Proxy<H> {
    /// Takes other rules from the next request on. What is open and would not be let in by them is cut, all else goes on.
    pub fn set_rules(&self, rules: Rules) {
        let (shared, rules) = (&self.0, Arc::new(rules));
        *shared.rules.write().unwrap_or_else(PoisonError::into_inner) = rules.clone();
        shared.changes.fetch_add(1, Ordering::Release);
        shared.standing.live().cut_where(Cut::NotAllowed, |opened| !stays(opened, &rules.routes, rules.own.as_deref()));
        // What stays by how its person was described may not by how they are.
        shared.standing.described.notify_one();
    }

    /// Watches over people who are described otherwise than when they opened something, and is never done: the house is asked who they
    /// are now, and what they would not be let in to is cut. So is what the house cannot say for as long as a node may not know.
    pub async fn watch_people(&self) {
        let mut since = HashMap::new();
        loop {
            let described = self.0.standing.described.notified();
            let doubtful = self.0.doubtful();
            since = doubtful.iter().filter_map(session).map(|id| (id.clone(), since_when(&since, id))).collect();
            if doubtful.is_empty() {
                described.await;
                continue;
            }
            let asking = doubtful.into_iter().filter_map(|opened| {
                let until = *since.get(session(&opened)?)? + BOUND;
                Some(self.0.ask_again(opened, until))
            });
            let left =
                stream::iter(asking).buffer_unordered(AT_ONCE).filter(|done| std::future::ready(!done)).count().await;
            if left > 0 {
                sleep(AGAIN).await;
            }
        }
    }
}

fn session(opened: &Opened) -> Option<&SessionId> {
    opened.identity.as_deref().map(|identity| &identity.session)
}

fn since_when(known: &HashMap<SessionId, Instant>, session: &SessionId) -> Instant {
    known.get(session).copied().unwrap_or_else(Instant::now)
}

impl<H: House> Shared<H> {
    pub(super) fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges a request by the rules that there are now, if they changed since it read them.
    pub(super) fn judge_again(&self, admitted: &Admitted, changes: u64, (route, path): (&Arc<Route>, &PathAndQuery)) {
        if self.changes.load(Ordering::Acquire) == changes {
            return;
        }
        let rules = self.rules();
        let opened = Opened { identity: admitted.identity.clone(), route: route.clone(), path: path.path().into() };
        if !stays(&opened, &rules.routes, rules.own.as_deref()) {
            admitted.stream.end(Cut::NotAllowed);
        }
    }

    /// One of each session that has something open of which it is not known whether its person, as they are now, would be let in.
    fn doubtful(&self) -> Vec<Opened> {
        let rules = self.rules();
        self.standing.live().find(|opened| self.is_doubtful(opened, &rules))
    }

    fn is_doubtful(&self, opened: &Opened, rules: &Rules) -> bool {
        opened.identity.as_deref().is_some_and(|identity| self.standing.is_outdated(identity))
            && !stays_anyway(opened, &rules.routes, rules.own.as_deref())
    }

    /// Asks who the person of this session is now, and cuts what they would not be let in to; whether that is done.
    async fn ask_again(&self, opened: Opened, until: Instant) -> bool {
        let Some(identity) = opened.identity else { return true };
        let (live, session) = (self.standing.live(), &identity.session);
        let why = match timeout_at(until, self.house.renew(&opened.route, &identity)).await {
            Ok(Ok(Some(renewed))) if self.standing.of(&renewed.identity) == Verdict::Good => {
                live.describe(&renewed.identity);
                // Read after that: a change of the rules either sees it or is seen.
                let rules = self.rules();
                live.cut_of(session, Cut::NotAllowed, |opened| !stays(opened, &rules.routes, rules.own.as_deref()));
                return true;
            }
            Ok(Ok(None)) => Cut::SignIn,
            _ if Instant::now() < until => return false,
            _ => Cut::Unsure,
        };
        let rules = self.rules();
        live.cut_of(session, why, |opened| self.is_doubtful(opened, &rules));
        true
    }
}
