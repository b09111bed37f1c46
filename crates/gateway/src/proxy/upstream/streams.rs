//! How many streams there are on a connection of HTTP/2: an app takes so many at a time, and what would be one too many waits, perhaps
//! for an answer that never ends. It needs another connection.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The most streams on one connection, whatever an app takes: fewer than most do, so that one connection breaks off for so many.
const MOST: usize = 100;

/// The streams of one connection. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Streams(Arc<Count>);

#[derive(Debug)]
struct Count {
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self(Arc::new(Count { open: AtomicUsize::default(), most: AtomicUsize::new(MOST) }))
    }

    /// The app takes this many.
    pub(super) fn allow(&self, most: usize) {
        self.0.most.store(most.min(MOST), Ordering::Relaxed);
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) < self.0.most.load(Ordering::Relaxed)
    }

    /// One more.
    pub(super) fn begin(&self) -> Place {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Place { _begun: Arc::new(Begun(self.clone())) }
    }
}

/// The place of a stream, until all clones of it are dropped: each of its directions has one.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Place {
    _begun: Arc<Begun>,
}

#[derive(Debug)]
struct Begun(Streams);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
