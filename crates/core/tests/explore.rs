//! Walks through every state of small worlds: two users, three applications (one speaks SAML), a crash, two delivery workers with leases,
//! everything in every order. The transactions are small models of the store's; every decision in them is the core's own.
//!
//! `ACQUIT_EXPLORE=large cargo test --release -p acquit-core --test explore -- --nocapture` walks through a larger world.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod explore {
    pub(crate) mod delivery;
    pub(crate) mod invariants;
    pub(crate) mod moves;
    pub(crate) mod search;
    pub(crate) mod transactions;
    pub(crate) mod world;
}

use explore::moves::Mutant;
use explore::{
    invariants,
    moves::Rules,
    search::{Report, search},
    world::{Budget, World},
};

fn walk(mutant: Option<Mutant>, budget: Budget) -> Report {
    search(&Rules { mutant }, World::new(budget))
}

#[test]
fn no_order_of_events_breaks_a_promise_and_every_state_leads_to_a_finished_receipt() {
    let large = std::env::var_os("ACQUIT_EXPLORE").is_some_and(|size| size == "large");
    let budgets = if large { Budget::LARGE } else { Budget::SMALL };
    for budget in budgets {
        let report = walk(None, budget);
        println!("{report}\n  in {budget:?}");
        assert!(report.violation.is_none(), "{report}");
        assert!(report.states > 10_000, "the world is too small to say anything: {report}");
    }
}

#[test]
fn each_mutant_is_caught_by_the_promise_that_it_breaks() {
    println!("| what is done wrong | promise broken | states | moves to it |\n| --- | --- | --- | --- |");
    for (mutant, wrong, promise) in MUTANTS {
        let caught = Budget::SMALL.into_iter().find_map(|budget| {
            let report = walk(Some(mutant), budget);
            report.violation.map(|(name, moves)| (name, moves, report.states))
        });
        let (name, moves, states) = caught.unwrap_or_else(|| panic!("not caught: {wrong}"));
        println!("| {wrong} | {name} | {states} | {} |", moves.join(", "));
        assert_eq!(name, promise, "{wrong}");
    }
}

#[test]
fn the_table_holds_every_mutant_once() {
    for (index, (mutant, ..)) in MUTANTS.into_iter().enumerate() {
        assert_eq!(mutant as usize, index);
    }
    assert_eq!(Mutant::UnprovedCounts as usize + 1, MUTANTS.len(), "the last variant closes the table");
}

const MUTANTS: [(Mutant, &str, &str); 10] = [
    (Mutant::CodeAfterLogout, "a code is redeemed after the logout", invariants::NOTHING_MINTED),
    (Mutant::DoneAtClaim, "a step is marked done when it is claimed, before it is sent", invariants::HONEST),
    (Mutant::RefreshUnchecked, "a refresh does not look at the session again", invariants::NOTHING_MINTED),
    (
        Mutant::SplitLogout,
        "participants are read in another transaction than the plan is applied",
        invariants::ALL_TOLD,
    ),
    (Mutant::Upsert, "a rolling write inserts the session again", invariants::ENDED_FOR_EVER),
    (Mutant::LeaseIgnored, "an attempt is recorded under a lease that was lost", invariants::CONFIRMED_FOR_EVER),
    (Mutant::FromTokens, "participants are rebuilt from the tokens that are alive", invariants::ALL_TOLD),
    (Mutant::EpochKept, "a logout of the user does not raise the epoch", invariants::OVERTAKEN),
    (Mutant::LeaseForEver, "a lease does not run out", invariants::DELIVERED),
    (Mutant::UnprovedCounts, "a SAML answer counts though nothing proves it", invariants::HONEST),
];
