//! No survivor (promise 2): whatever is minted at the same time as a logout is dead when the logout returns, and every
//! application that got a code is told. Races are run many times, with the logout starting at every point.

use std::{collections::BTreeSet, sync::Arc};

use acquit_core::{SessionId, plan::Scope, receipt::State};
use acquit_store::{Hash, code::NewCode, logout::LoggedOut, receipt::LogoutFilter};
use tokio::{sync::Barrier, task::JoinSet};

use crate::world::{LIFETIMES, World, at, back, lease, told};

const ROUNDS: usize = 12;

/// What a racing task got hold of.
#[derive(Debug)]
enum Got {
    /// A code for this application, or none because the session had ended.
    Code(String, Option<Hash>),
    /// An access and a refresh token, or none.
    Tokens(Option<(Hash, Hash)>),
    /// The logout was done.
    Out(LoggedOut),
}

async fn race(world: &Arc<World>, session: &SessionId, scope: Scope, offline: bool) -> (Vec<Got>, Vec<LoggedOut>) {
    let ready = world.tokens(session, "refresher", offline, 0).await;
    let (code, _) = world.join(session, "redeemer", 0).await;
    let barrier = Arc::new(Barrier::new(9));
    let mut tasks = JoinSet::new();
    for index in 0..3 {
        let (world, session, barrier) = (Arc::clone(world), session.clone(), Arc::clone(&barrier));
        tasks.spawn(async move {
            let (name, code) = (format!("joiner{index}"), world.hash());
            let participant = world.participant(&session, &name, back(&name), 5);
            let grant = world.grant(&session, &name, 5);
            barrier.wait().await;
            let issued = world.issue_code(&code, grant, participant, LIFETIMES).await.unwrap();
            Got::Code(name, issued.ok().map(|_| code))
        });
    }
    for _ in 0..2 {
        let (world, barrier) = (Arc::clone(world), Arc::clone(&barrier));
        tasks.spawn(async move {
            let mint = world.mint(offline, 5);
            let hashes = (mint.access.hash, mint.refresh.as_ref().unwrap().hash);
            barrier.wait().await;
            let minted = world.refresh(&ready.refresh, "refresher", mint, at(5), LIFETIMES).await.unwrap();
            Got::Tokens(minted.ok().map(|_| hashes))
        });
    }
    {
        let (world, barrier) = (Arc::clone(world), Arc::clone(&barrier));
        tasks.spawn(async move {
            let mint = world.mint(offline, 5);
            let hashes = (mint.access.hash, mint.refresh.as_ref().unwrap().hash);
            barrier.wait().await;
            let minted = world.redeem_code(&code, mint, at(5), LIFETIMES).await.unwrap();
            Got::Tokens(minted.ok().map(|_| hashes))
        });
    }
    for _ in 0..2 {
        let (world, barrier, scope) = (Arc::clone(world), Arc::clone(&barrier), scope.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            Got::Out(world.log_out(world.order(scope, 5), |_| None).await.unwrap().unwrap())
        });
    }
    {
        let (world, session, barrier) = (Arc::clone(world), session.clone(), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            world.touch_session(&session, at(6)).await.unwrap();
            Got::Tokens(None)
        });
    }
    let (mut minted, mut outs) = (Vec::new(), Vec::new());
    for got in tasks.join_all().await {
        match got {
            Got::Out(out) => outs.push(out),
            other => minted.push(other),
        }
    }
    (minted, outs)
}

contract! {
    async fn nothing_minted_at_the_same_time_survives_a_logout(world: World) {
        let world = Arc::new(world);
        let ann = world.user("ann").await;
        for round in 0..ROUNDS {
            let session = world.begin(&ann, 0).await;
            // A logout of all of the user kills offline grants as well; one of the session leaves them alone.
            let (scope, offline) = if round % 2 == 0 {
                (Scope::Session(session.id.clone()), false)
            } else {
                (Scope::User(ann.id.clone()), round % 4 == 1)
            };
            let (minted, outs) = race(&world, &session.id, scope, offline).await;
            // Two at once are one logout.
            let first: Vec<_> = outs.iter().filter(|out| !out.repeated).collect();
            assert_eq!(first.len(), 1, "{outs:?}");
            assert!(outs.iter().all(|out| out.logout == first[0].logout));
            let told: BTreeSet<_> = told(first[0]).into_iter().collect();
            for got in minted {
                match got {
                    Got::Code(name, Some(code)) => {
                        assert!(told.contains(name.as_str()), "{name} got a code and is not told");
                        let mint = world.mint(false, 7);
                        assert!(world.redeem_code(&code, mint, at(7), LIFETIMES).await.unwrap().is_err());
                    }
                    Got::Tokens(Some((access, refresh))) => {
                        assert!(!world.is_good(&access, 7).await);
                        for client in ["refresher", "redeemer"] {
                            let again = world.refresh(&refresh, client, world.mint(offline, 7), at(7), LIFETIMES).await;
                            assert!(again.unwrap().is_err());
                        }
                    }
                    Got::Code(name, None) => assert!(!told.contains(name.as_str()), "{name} got nothing and is told"),
                    Got::Tokens(None) | Got::Out(_) => {}
                }
            }
        }
    }

    async fn a_sign_in_at_the_same_time_as_a_logout_everywhere_is_ended_or_began_later(world: World) {
        let world = Arc::new(world);
        let ann = world.user("ann").await;
        for _ in 0..ROUNDS {
            let known = world.store.user(&ann.id).await.unwrap().unwrap();
            let barrier = Arc::new(Barrier::new(4));
            let mut begins = JoinSet::new();
            for index in 0..3 {
                let (world, barrier, new) = (Arc::clone(&world), Arc::clone(&barrier), world.new_session(&known, 1));
                begins.spawn(async move {
                    let (hash, grant) = (world.hash(), world.grant(&new.id, "wiki", 1));
                    let participant = world.participant(&new.id, "wiki", back("wiki"), 1);
                    let code = NewCode { hash, grant, participant };
                    barrier.wait().await;
                    if index == 0 {
                        return (world.begin_session(new).await.unwrap(), None);
                    }
                    (world.begin_session_with_code(new, code).await.unwrap(), Some(hash))
                });
            }
            barrier.wait().await;
            let logout = world.end_user(&ann.id, 2).await;
            for (begun, code) in begins.join_all().await {
                // Whoever was let in before the logout is in it; whoever came after it was refused.
                let Ok(session) = begun else { continue };
                assert!(logout.ended.contains(&session.id));
                if let Some(code) = code {
                    assert!(logout.steps.iter().any(|step| step.session.as_ref() == Some(&session.id)), "it is told");
                    assert!(world.redeem_code(&code, world.mint(false, 3), at(3), LIFETIMES).await.unwrap().is_err());
                }
            }
        }
    }

    async fn a_step_is_claimed_by_one_of_many(world: World) {
        let world = Arc::new(world);
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        for index in 0..40 {
            world.join(&session.id, &format!("app{index}"), 0).await;
        }
        world.end(&session.id, 10).await;
        let mut claims = JoinSet::new();
        for node in 0..8 {
            let world = Arc::clone(&world);
            claims.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = world.claim_due(at(10), lease(&format!("n{node}"), 40), 3, &[]).await.unwrap();
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|step| step.id));
                }
            });
        }
        let all: Vec<_> = claims.join_all().await.into_iter().flatten().collect();
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (40, 40));
    }

    async fn steps_recorded_at_the_same_time_complete_their_logout(world: World) {
        let world = Arc::new(world);
        let ann = world.user("ann").await;
        for _ in 0..ROUNDS {
            let session = world.begin(&ann, 0).await;
            for index in 0..8 {
                world.join(&session.id, &format!("app{index}"), 0).await;
            }
            let logout = world.end(&session.id, 10).await;
            let steps = world.claim_due(at(10), lease("n", 40), 10, &[]).await.unwrap();
            let barrier = Arc::new(Barrier::new(steps.len()));
            let mut records = JoinSet::new();
            for step in steps {
                let (world, barrier) = (Arc::clone(&world), Arc::clone(&barrier));
                records.spawn(async move {
                    barrier.wait().await;
                    let update = acquit_core::delivery::StepUpdate {
                        outcome: acquit_core::step::Outcome::Confirmed,
                        detail: None,
                        next_attempt_at: None,
                        again: false,
                        key_retried: false,
                    };
                    let record = acquit_store::outbox::AttemptRecord {
                        step: step.id,
                        logout: step.logout,
                        node: "n".to_owned(),
                        attempt: None,
                        update,
                        at: at(11),
                    };
                    world.record_attempts(vec![record]).await.unwrap();
                });
            }
            records.join_all().await;
            // By the state that the store keeps: a receipt's own is folded anew from its steps.
            let complete = LogoutFilter { state: Some(State::Complete), ..LogoutFilter::default() };
            let newest = world.logouts(&complete, None, 500).await.unwrap().data;
            assert!(newest.iter().any(|receipt| receipt.id == logout.logout));
        }
    }

    async fn a_code_is_redeemed_by_one_of_many_and_then_nothing_of_it_is_good(world: World) {
        let world = Arc::new(world);
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (code, _) = world.join(&session.id, "wiki", 0).await;
        let mut tries = JoinSet::new();
        for _ in 0..8 {
            let world = Arc::clone(&world);
            tries.spawn(async move {
                let mint = world.mint(false, 1);
                let access = mint.access.hash;
                world.redeem_code(&code, mint, at(1), LIFETIMES).await.unwrap().ok().map(|_| access)
            });
        }
        let good: Vec<_> = tries.join_all().await.into_iter().flatten().collect();
        assert_eq!(good.len(), 1);
        assert!(!world.is_good(&good[0], 2).await);
    }
}
