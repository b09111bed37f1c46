use super::*;
use crate::worker::{Dispatched, tests::step};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn lanes(lane_in_flight: usize, in_flight: usize) -> Lanes {
    Lanes::new(Settings { lane_in_flight, in_flight, claimed: 4, batch: 4, ..Settings::default() })
}

fn job(destination: &str, due: i64, now: i64) -> Job {
    Job {
        step: step(u128::from(due.unsigned_abs()), destination),
        destination: destination.into(),
        due: at(due),
        leased_at: at(now),
        ticket: None,
    }
}

fn fresh(destination: &str, now: i64) -> Job {
    Job { ticket: Some(Dispatched::new().ticket(false)), ..job(destination, now, now) }
}

fn start(lanes: &mut Lanes, now: i64) -> Option<(Job, Pass)> {
    match lanes.next(at(now)) {
        Some(Next::Start(job, pass)) => Some((job, pass)),
        Some(Next::PutOff(..)) => panic!("put off"),
        None => None,
    }
}

fn end(lanes: &mut Lanes, pass: &Pass, health: Health, now: i64) -> After {
    lanes.finish(pass, health, at(now))
}

/// Opens the breaker of `destination` at second 0, for 5 seconds.
fn open(lanes: &mut Lanes, destination: &str) {
    for _ in 0..5 {
        lanes.push(job(destination, 0, 0), at(0)).unwrap();
        let (_, pass) = start(lanes, 0).unwrap();
        end(lanes, &pass, Health::Failing, 0);
    }
}

#[test]
fn a_lane_has_its_cap_and_lanes_take_turns() {
    let mut lanes = lanes(2, 8);
    for due in 0..10 {
        lanes.push(job("a", due, 0), at(0)).unwrap();
    }
    lanes.push(job("b", 50, 0), at(0)).unwrap();
    lanes.push(job("c", 60, 0), at(0)).unwrap();
    let order: Vec<_> = std::iter::from_fn(|| start(&mut lanes, 0)).map(|(job, _)| job.destination).collect();
    assert_eq!(order.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c", "a"]);
}

#[test]
fn the_oldest_due_goes_first() {
    let mut lanes = lanes(8, 8);
    for due in [30, 10, 20] {
        lanes.push(job("a", due, 0), at(0)).unwrap();
    }
    let order: Vec<_> = std::iter::from_fn(|| start(&mut lanes, 0)).map(|(job, _)| job.due).collect();
    assert_eq!(order, [at(10), at(20), at(30)]);
}

#[test]
fn an_open_breaker_puts_first_attempts_off_and_leaves_retries_to_their_lease() {
    let mut lanes = lanes(8, 8);
    open(&mut lanes, "a");
    lanes.push(job("a", 1, 1), at(1)).unwrap();
    lanes.push(fresh("a", 2), at(2)).unwrap();
    assert!(matches!(lanes.next(at(2)), Some(Next::PutOff(job, until)) if job.due == at(2) && until == at(5)));
    assert!(lanes.next(at(2)).is_none());
    assert_eq!((lanes.queued, lanes.claimed, lanes.in_flight), (0, 0, 0));
}

#[test]
fn after_the_pause_the_oldest_probes_and_the_others_wait_for_its_answer() {
    let mut lanes = lanes(8, 8);
    open(&mut lanes, "a");
    for due in [3, 1, 2] {
        lanes.push(job("a", due, 6), at(6)).unwrap();
    }
    let (probe, pass) = start(&mut lanes, 6).unwrap();
    assert_eq!(probe.due, at(1));
    assert!(start(&mut lanes, 6).is_none());
    assert!(end(&mut lanes, &pass, Health::Alive, 7).drain);
    assert_eq!(start(&mut lanes, 7).unwrap().0.due, at(2));
    assert_eq!(start(&mut lanes, 7).unwrap().0.due, at(3));
}

#[test]
fn a_failed_probe_releases_the_others() {
    let mut lanes = lanes(8, 8);
    open(&mut lanes, "a");
    for due in [1, 2, 3] {
        lanes.push(job("a", due, 6), at(6)).unwrap();
    }
    let (_, pass) = start(&mut lanes, 6).unwrap();
    end(&mut lanes, &pass, Health::Failing, 7);
    assert!(start(&mut lanes, 7).is_none());
    assert_eq!((lanes.queued, lanes.claimed, lanes.in_flight), (0, 0, 0));
}

#[test]
fn a_probe_that_never_left_lets_another_one_go() {
    let mut lanes = lanes(8, 8);
    open(&mut lanes, "a");
    for due in [1, 2] {
        lanes.push(job("a", due, 6), at(6)).unwrap();
    }
    let (_, pass) = start(&mut lanes, 6).unwrap();
    end(&mut lanes, &pass, Health::Unknown, 6);
    assert_eq!(start(&mut lanes, 6).unwrap().0.due, at(2));
}

#[test]
fn requests_under_way_when_the_breaker_opens_do_not_lengthen_its_pause() {
    let mut lanes = lanes(8, 16);
    let passes: Vec<_> = (0..8)
        .map(|due| {
            lanes.push(job("a", due, 0), at(0)).unwrap();
            start(&mut lanes, 0).unwrap().1
        })
        .collect();
    for pass in &passes {
        end(&mut lanes, pass, Health::Failing, 1);
    }
    lanes.push(job("a", 6, 6), at(6)).unwrap();
    assert!(start(&mut lanes, 6).is_some(), "five seconds after it opened");
}

#[test]
fn a_destination_is_drained_by_its_first_success_and_when_it_was_away_and_not_for_one_poisoned_step() {
    let mut lanes = lanes(8, 8);
    let mut tell = |health, now| {
        lanes.push(job("a", now, now), at(now)).unwrap();
        let (_, pass) = start(&mut lanes, now).unwrap();
        end(&mut lanes, &pass, health, now).drain
    };
    assert!(tell(Health::Alive, 0), "a backlog from before this process began");
    for now in 1..100 {
        assert!(!tell(Health::Failing, now));
        assert!(!tell(Health::Alive, now), "one step that always fails must not be hurried by the others");
    }
    for _ in 0..5 {
        assert!(!tell(Health::Failing, 100));
    }
    assert!(tell(Health::Alive, 105), "it was away");
    assert!(!tell(Health::Alive, 106));
}

#[test]
fn a_step_whose_lease_is_nearly_over_is_not_begun() {
    let mut lanes = lanes(8, 8);
    lanes.push(job("a", 0, 0), at(0)).unwrap();
    lanes.push(fresh("a", 0), at(0)).unwrap();
    lanes.push(fresh("a", 10), at(10)).unwrap();
    assert_eq!(start(&mut lanes, 16).unwrap().0.due, at(10));
    assert_eq!((lanes.queued, lanes.claimed, lanes.in_flight), (0, 0, 1));
}

#[test]
fn claims_leave_out_full_lanes_and_wait_for_room() {
    let mut lanes = lanes(2, 8);
    assert_eq!(lanes.claimable(at(0)), Some((4, Vec::new())));
    for due in 0..3 {
        lanes.push(fresh("a", due), at(0)).unwrap();
    }
    assert_eq!(lanes.claimable(at(0)), Some((4, vec!["a".to_owned()])), "first attempts take no place of claimed ones");
    lanes.push(job("b", 0, 0), at(0)).unwrap();
    assert_eq!(lanes.claimable(at(0)), None);
    let mut passes: Vec<_> = std::iter::from_fn(|| start(&mut lanes, 0)).map(|(_, pass)| pass).collect();
    assert_eq!(passes.len(), 3);
    let ends: Vec<_> = passes.drain(..).map(|pass| end(&mut lanes, &pass, Health::Alive, 0).claim).collect();
    assert!(ends.contains(&true), "somebody says that there is room again");
}

#[test]
fn claimed_steps_leave_half_of_the_places_to_first_attempts() {
    let mut lanes = lanes(8, 4);
    for name in ["a", "b", "c"] {
        lanes.push(job(name, 0, 0), at(0)).unwrap();
    }
    let (_, pass) = start(&mut lanes, 0).unwrap();
    assert!(start(&mut lanes, 0).is_some());
    assert!(start(&mut lanes, 0).is_none(), "half of them are taken");
    for name in ["d", "e", "f"] {
        lanes.push(fresh(name, 0), at(0)).unwrap();
    }
    assert!(start(&mut lanes, 0).is_some_and(|(job, _)| job.ticket.is_some()));
    assert!(start(&mut lanes, 0).is_some_and(|(job, _)| job.ticket.is_some()));
    assert!(start(&mut lanes, 0).is_none(), "all of them are taken");
    end(&mut lanes, &pass, Health::Alive, 0);
    assert!(start(&mut lanes, 0).is_some());
}

#[test]
fn more_than_fits_is_left_to_its_lease() {
    let mut lanes = Lanes::new(Settings { queue: 2, ..Settings::default() });
    assert!(lanes.push(job("a", 0, 0), at(0)).is_ok());
    assert!(lanes.push(job("a", 1, 0), at(0)).is_ok());
    assert!(lanes.push(job("b", 2, 0), at(0)).is_err());
    lanes.close();
    assert!(lanes.next(at(0)).is_none());
    assert!(lanes.push(job("b", 2, 0), at(0)).is_err());
}

#[test]
fn idle_lanes_are_forgotten_and_sick_or_busy_ones_are_not() {
    let mut lanes = lanes(8, 8);
    for name in ["idle", "busy"] {
        lanes.push(job(name, 0, 0), at(0)).unwrap();
    }
    let passes: Vec<_> = std::iter::from_fn(|| start(&mut lanes, 0)).map(|(_, pass)| pass).collect();
    end(&mut lanes, passes.iter().find(|pass| &*pass.destination == "idle").unwrap(), Health::Alive, 0);
    open(&mut lanes, "sick");
    lanes.sweep(at(4));
    assert_eq!(lanes.lanes.len(), 3);
    lanes.sweep(at(700));
    assert_eq!(lanes.lanes.len(), 1);
}

/// What the counters should be, counted anew.
fn counted(lanes: &Lanes) -> (usize, usize) {
    (lanes.lanes.values().map(|lane| lane.in_flight).sum(), lanes.lanes.values().map(|lane| lane.queue.len()).sum())
}

proptest::proptest! {
    /// Whatever arrives and however it ends: the caps hold, the counters agree, nothing that may go is forgotten, and
    /// what was pushed either went, was put off, or was left to its lease.
    #[test]
    fn the_books_balance(ops in proptest::collection::vec((0u8..4, 0usize..4, 0u8..3), 1..200)) {
        let mut lanes = lanes(2, 6);
        let mut passes = Vec::new();
        let mut now = 0;
        for (op, which, how) in ops {
            let name = ["a", "b", "c", "d"][which];
            match op {
                0 => drop(lanes.push(job(name, now, now), at(now))),
                1 => drop(lanes.push(fresh(name, now), at(now))),
                2 if !passes.is_empty() => {
                    let pass = passes.swap_remove(which % passes.len());
                    let health = [Health::Alive, Health::Failing, Health::Unknown][usize::from(how)];
                    lanes.finish(&pass, health, at(now));
                }
                _ => now += i64::from(how) * 3,
            }
            while let Some(next) = lanes.next(at(now)) {
                if let Next::Start(_, pass) = next {
                    passes.push(pass);
                }
            }
            proptest::prop_assert_eq!(counted(&lanes), (lanes.in_flight, lanes.queued));
            proptest::prop_assert_eq!(lanes.in_flight, passes.len());
            proptest::prop_assert!(lanes.in_flight <= 6 && lanes.claimed_in_flight <= 3);
            proptest::prop_assert!(lanes.lanes.values().all(|lane| lane.in_flight <= 2));
            let claimed = passes.iter().filter(|pass| pass.claimed).count();
            proptest::prop_assert_eq!(lanes.claimed_in_flight, claimed);
            lanes.sweep(at(now));
        }
        for pass in std::mem::take(&mut passes) {
            lanes.finish(&pass, Health::Alive, at(now));
        }
        // Everything still queued can go now.
        loop {
            match lanes.next(at(now)) {
                Some(Next::Start(_, pass)) => drop(lanes.finish(&pass, Health::Alive, at(now))),
                Some(Next::PutOff(..)) => {}
                None => break,
            }
        }
        proptest::prop_assert_eq!((lanes.queued, lanes.in_flight, lanes.claimed, lanes.claimed_in_flight), (0, 0, 0, 0));
    }
}
