//! When a step is tried, what an answer to it means, and when a destination is left alone for a while.

pub mod breaker;
pub mod schedule;
pub mod verdict;

pub use breaker::Breaker;
pub use schedule::{FINAL_SLOT, LEASE, SLOTS, SUPERSEDED, give_up, postponed, settle};
pub use verdict::{Answer, Said, StepUpdate, Trouble, Verdict, judge};
