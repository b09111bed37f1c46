//! The inputs that the fuzz targets keep, run once each through the very functions of the targets.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[expect(unreachable_pub, reason = "they are public in the crate of the targets")]
#[path = "../../../fuzz/src/lib.rs"]
mod checks;
#[path = "fuzz/seeds.rs"]
mod seeds;

use std::time::{Duration, Instant};

use checks::{TARGETS, mutate, parties::files};

/// Far above what any of these takes, also unoptimised on a machine that is busy; what is quadratic is not done by then.
const AT_MOST: Duration = Duration::from_secs(10);

#[test]
fn every_kept_input_holds_what_the_targets_assert() {
    for (target, run) in TARGETS {
        let inputs: Vec<_> = ["seeds", "found"].iter().flat_map(|folder| files(folder, target)).collect();
        assert!(inputs.len() > 3, "no seeds of {target}");
        for (name, input) in inputs {
            let began = Instant::now();
            run(&input);
            assert!(began.elapsed() < AT_MOST, "{name} took {:?}", began.elapsed());
        }
    }
}

/// The same moves that the fuzzer makes, a few of each, so that they are made here too.
#[test]
fn elements_that_move_are_never_believed() {
    for (target, run) in TARGETS {
        for (_, input) in files("seeds", target) {
            for seed in 0..40 {
                if let Some(moved) = mutate::elements(&input, 64 * 1024, seed) {
                    run(&moved);
                }
            }
        }
    }
}
