//! Which sessions people used at routes: noted in memory for each request, and written down now and then, together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use acquit_core::{SessionId, Timestamp};
use acquit_store::StoreError;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::App;

/// How many are written down at a time: the store makes few commits of them.
const AT_ONCE: usize = 64;

/// Sessions and when they were used last.
#[derive(Debug, Default)]
pub struct Uses(Mutex<HashMap<SessionId, Use>>);

#[derive(Debug)]
struct Use {
    last: Timestamp,
    /// What was written down last.
    written: Option<Timestamp>,
}

impl Use {
    fn is_due(&self, every: Duration) -> bool {
        self.written.is_none_or(|written| self.last.since(written) >= every)
    }
}

impl Uses {
    /// A session is used now.
    pub fn note(&self, session: &SessionId, now: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.get_mut(session) {
            Some(known) => known.last = known.last.max(now),
            None => drop(uses.insert(session.clone(), Use { last: now, written: None })),
        }
    }

    /// Takes what is to be written down: the last use of each session of which none was for `every`. What was not used for twice
    /// as long is forgotten.
    fn take(&self, now: Timestamp, every: Duration) -> Vec<(SessionId, Timestamp)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        uses.retain(|session, known| {
            if known.is_due(every) {
                due.push((session.clone(), known.last));
                known.written = Some(known.last);
                return true;
            }
            now.since(known.last) < every * 2
        });
        due
    }

    /// It could not be written down: it is due again.
    fn again(&self, due: &[(SessionId, Timestamp)]) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (session, last) in due {
            uses.entry(session.clone()).or_insert(Use { last: *last, written: None }).written = None;
        }
    }
}

/// Writes down what was used.
///
/// # Errors
/// [`StoreError`]; it is tried again the next time.
pub async fn write_down(app: &App) -> Result<(), StoreError> {
    let every = app.settings().lifetimes.session().touch_every();
    let due = app.gate.uses().take(app.clock.now(), every);
    let writes: Vec<_> = due.iter().map(|(session, last)| app.store.touch_session(session, *last)).collect();
    let written = stream::iter(writes).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await;
    if written.is_err() {
        app.gate.uses().again(&due);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_last_use_of_each_session_is_written_down_once_in_a_while() {
        let (uses, every) = (Uses::default(), Duration::from_secs(60));
        let (one, two) = (SessionId::from_random([1; 16]), SessionId::from_random([2; 16]));
        uses.note(&one, at(10));
        uses.note(&one, at(12));
        uses.note(&one, at(11));
        assert_eq!(uses.take(at(12), every), [(one.clone(), at(12))]);
        uses.note(&one, at(71));
        uses.note(&two, at(71));
        assert_eq!(uses.take(at(71), every), [(two.clone(), at(71))], "that of the last minute is near enough");
        uses.note(&one, at(72));
        assert_eq!(uses.take(at(72), every), [(one.clone(), at(72))]);
        uses.again(&[(one.clone(), at(72))]);
        assert_eq!(uses.take(at(73), every), [(one.clone(), at(72))], "the store did not take it");
        assert!(uses.take(at(500), every).is_empty());
        assert!(uses.0.lock().unwrap().is_empty(), "what nobody uses is forgotten");
    }
}
