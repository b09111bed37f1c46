//! Front-channel steps.

use acquit_core::{
    Timestamp,
    receipt::State,
    step::{Outcome, Target},
};
use acquit_store::frontchannel::Shown;

use crate::world::{LIFETIMES, World, at, front, lease};

async fn ended(world: &World, sid_required: &[bool]) -> acquit_store::logout::LoggedOut {
    let ann = world.user("ann").await;
    let session = world.begin(&ann, 0).await;
    for (index, required) in sid_required.iter().enumerate() {
        let name = format!("app{index}");
        world.join_by(&session.id, &name, front(&name, *required), 1).await;
    }
    world.end(&session.id, 10).await
}

contract! {
    async fn frames_wait_for_their_browser_and_are_nobodys_to_claim(world: World) {
        let logout = ended(&world, &[true, false]).await;
        assert_eq!(world.next_due(&[]).await.unwrap(), None);
        assert_eq!(world.claim_due(Timestamp::MAX, lease("n", 40), 10, &[]).await.unwrap(), []);
        assert_eq!(world.pending_frontchannel(&logout.ended[0]).await.unwrap(), logout.steps);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!(receipt.state, State::InProgress);
    }

    async fn a_frame_that_was_shown_is_sent_and_never_confirmed(world: World) {
        let logout = ended(&world, &[true]).await;
        let step = &logout.steps[0].id;
        let show = async |now, shown| world.record_frontchannel(&logout.logout, step, at(now), shown).await.unwrap();
        assert!(show(11, Shown::Rendered).await);
        assert!(!show(12, Shown::Rendered).await);
        assert!(show(13, Shown::Loaded).await);
        assert!(!show(14, Shown::Loaded).await);
        assert!(!show(15, Shown::Rendered).await);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Complete, Outcome::Sent));
        assert_eq!(receipt.steps[0].detail.as_deref(), Some("loaded"));
        assert_eq!(receipt.steps[0].attempts.len(), 2);
        assert_eq!(world.pending_frontchannel(&logout.ended[0]).await.unwrap(), []);
    }

    async fn a_frame_of_another_logout_cannot_be_reported(world: World) {
        let logout = ended(&world, &[true]).await;
        let bob = world.user("bob").await;
        let other = world.end_user(&bob.id, 11).await;
        let step = &logout.steps[0].id;
        assert!(!world.record_frontchannel(&other.logout, step, at(12), Shown::Loaded).await.unwrap());
        assert_eq!(world.pending_frontchannel(&logout.ended[0]).await.unwrap().len(), 1);
    }

    async fn a_back_channel_step_cannot_be_reported_by_a_browser(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let logout = world.end(&session.id, 10).await;
        let step = &logout.steps[0].id;
        assert!(!world.record_frontchannel(&logout.logout, step, at(12), Shown::Loaded).await.unwrap());
    }

    async fn a_new_session_fails_the_frames_that_would_end_it_too(world: World) {
        let logout = ended(&world, &[true, false]).await;
        let session = &logout.ended[0];
        assert_eq!(world.fail_frontchannel(session, "a new session began", at(20)).await.unwrap(), 1);
        assert_eq!(world.fail_frontchannel(session, "a new session began", at(20)).await.unwrap(), 0);
        let left = world.pending_frontchannel(session).await.unwrap();
        assert!(matches!(&left[..], [step] if matches!(step.target, Target::Frontchannel { sid: Some(_), .. })));
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        let failed = receipt.steps.iter().find(|line| line.outcome == Outcome::Failed).unwrap();
        assert_eq!(failed.detail.as_deref(), Some("a new session began"));
    }

    async fn a_frame_whose_browser_never_comes_back_fails_at_its_deadline(world: World) {
        let logout = ended(&world, &[true]).await;
        let deadline = 10 + 72 * 3600;
        assert_eq!(world.sweep(at(deadline), LIFETIMES).await.unwrap().given_up, 0);
        assert_eq!(world.sweep(at(deadline + 1), LIFETIMES).await.unwrap().given_up, 1);
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.steps[0].outcome), (State::Incomplete, Outcome::Failed));
        // Too late now.
        let step = &logout.steps[0].id;
        assert!(!world.record_frontchannel(&logout.logout, step, at(deadline + 2), Shown::Loaded).await.unwrap());
    }
}
