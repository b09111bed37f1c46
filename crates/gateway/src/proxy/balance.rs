//! Several upstreams of one route: each takes its share, and one that takes no connections is left out for a while.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use url::Url;

use super::upstream::{Dialer, Upstream};

/// Whose turn it is among a route's upstreams, and which of them rest. Each clone begins anew.
#[derive(Debug, Default)]
pub struct Balance {
    upstreams: OnceLock<Vec<Arc<Upstream>>>,
    turn: AtomicUsize,
}

impl Clone for Balance {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Balance {
    /// The upstream whose turn it is, and then the others in the order in which they may be tried: those that rest come last.
    /// `to` is the route's.
    pub(crate) fn next(&self, to: &[Url], dialer: &Dialer) -> Turn<'_> {
        let all = || to.iter().filter_map(|url| Upstream::of(url, dialer)).map(Arc::new).collect();
        let upstreams = self.upstreams.get_or_init(all);
        let first = if upstreams.len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 };
        Turn { upstreams, first, tried: 0 }
    }
}

/// The upstreams in the order of one request.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    upstreams: &'a [Arc<Upstream>],
    first: usize,
    /// A bit for each that was tried.
    tried: u64,
}

impl Iterator for Turn<'_> {
    type Item = Arc<Upstream>;

    fn next(&mut self) -> Option<Arc<Upstream>> {
        let count = self.upstreams.len().min(64);
        let order = (0..count).map(|step| (self.first.wrapping_add(step)) % count);
        let mut left = order.filter(|index| self.tried & (1 << index) == 0);
        let chosen = left.clone().find(|index| !self.upstreams[*index].rests()).or_else(|| left.next())?;
        self.tried |= 1 << chosen;
        Some(self.upstreams[chosen].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::upstream::REST, *};

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| Url::parse(text).unwrap()).collect()
    }

    fn order(balance: &Balance, to: &[Url]) -> Vec<String> {
        let turn = balance.next(to, &Dialer::trusting_nobody());
        turn.map(|upstream| upstream.authority().to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_takes_its_turn_and_who_refuses_is_left_out_for_a_while() {
        let to = urls(&["http://a:1", "http://b:1", "http://c:1"]);
        let balance = Balance::default();
        let round: Vec<_> = (0..4).map(|_| order(&balance, &to).remove(0)).collect();
        assert_eq!(round, ["a:1", "b:1", "c:1", "a:1"]);
        let third = balance.next(&to, &Dialer::trusting_nobody()).nth(1).unwrap();
        assert_eq!((third.refused(), third.refused()), (true, false), "it is news once");
        for _ in 0..6 {
            let order = order(&balance, &to);
            assert_eq!((order.len(), order[2].as_str()), (3, "c:1"), "in the end even that one is tried");
        }
        tokio::time::advance(REST).await;
        assert!((0..3).any(|_| order(&balance, &to)[0] == "c:1"));
    }

    #[tokio::test]
    async fn an_upstream_is_known_by_its_url() {
        let to = urls(&["https://app.example.com", "h2c://127.0.0.1:50051", "http://[::1]:80/", "ftp://x"]);
        assert_eq!(order(&Balance::default(), &to), ["app.example.com", "127.0.0.1:50051", "[::1]"]);
        assert!(order(&Balance::default(), &[]).is_empty());
    }
}
