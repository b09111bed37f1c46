//! What an application answers when it is told: what it should, or what a test wants it to.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use super::lock;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Checks, ends its session, 200; 400 for what breaks a rule.
    #[default]
    Honour,
    /// The same, but 204.
    HonourSilently,
    /// The same, but only after this long.
    HonourAfter(Duration),
    /// This status, nothing ended.
    Status(u16),
    /// This status with a body of `error` and `error_description`, nothing ended.
    Error(u16, String, String),
    /// This status with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// A redirect there.
    Redirect(String),
    /// Never.
    Hang,
    /// A 200 whose body never ends.
    Endless,
}

/// The answers to come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    next: Mutex<VecDeque<Answer>>,
    always: Mutex<Answer>,
}

impl Script {
    pub(crate) fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.next).extend(answers);
    }

    pub(crate) fn always(&self, answer: Answer) {
        *lock(&self.always) = answer;
    }

    pub(crate) fn take(&self) -> Answer {
        lock(&self.next).pop_front().unwrap_or_else(|| lock(&self.always).clone())
    }
}
