//! Authorization codes.

use acquit_core::{grant::CodeRefusal, plan::Scope};
use acquit_store::{
    StoreError,
    code::{NewCode, Pkce, RedeemRefusal, SessionEnded},
    session::BeginRefusal,
};

use crate::world::{LIFETIMES, at, back, front};

contract! {
    async fn a_code_keeps_what_it_was_issued_for(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let mut grant = world.grant(&session.id, "wiki", 1);
        grant.pkce = Some(Pkce { challenge: "E9Melhoa".to_owned(), method: "S256".to_owned() });
        grant.claims = Some("{}".to_owned());
        let code = world.hash();
        let participant = world.participant(&session.id, "wiki", back("wiki"), 1);
        let sid = world.issue_code(&code, grant.clone(), participant, LIFETIMES).await.unwrap().unwrap();
        let record = world.code(&code).await.unwrap().unwrap();
        assert_eq!((&record.grant, &record.sid, &record.user), (&grant, &sid, &ann.id));
        assert_eq!(record.redeemed_at, None);
        assert_eq!(world.code(&world.hash()).await.unwrap(), None);
    }

    async fn a_session_may_begin_together_with_a_code(world: World) {
        let ann = world.user("ann").await;
        let new = world.new_session(&ann, 1);
        let participant = world.participant(&new.id, "wiki", back("wiki"), 1);
        let (hash, grant, sid) = (world.hash(), world.grant(&new.id, "wiki", 1), participant.sid.clone());
        let code = NewCode { hash, grant: grant.clone(), participant };
        let session = world.begin_session_with_code(new, code).await.unwrap().unwrap();
        let record = world.code(&hash).await.unwrap().unwrap();
        assert_eq!((&record.grant, &record.sid, &record.user), (&grant, &sid, &ann.id));
        let kinds: Vec<String> = world.events(0, 100).await.unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, ["session-began", "participant-joined"]);
        let minted = world.redeem_code(&hash, world.mint(false, 2), at(2), LIFETIMES).await.unwrap().unwrap();
        assert_eq!((minted.session.id, minted.sid), (session.id.clone(), sid));
        // Who got a code is told.
        let told: Vec<_> = world.end(&session.id, 3).await.steps.into_iter().map(|step| step.party).collect();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    async fn a_session_that_does_not_begin_leaves_no_code_behind(world: World) {
        let ann = world.user("ann").await;
        let with_code = |hash| {
            let new = world.new_session(&ann, 1);
            let participant = world.participant(&new.id, "wiki", back("wiki"), 1);
            let code = NewCode { hash, grant: world.grant(&new.id, "wiki", 1), participant };
            (new, code)
        };
        let taken = world.hash();
        let (new, code) = with_code(taken);
        world.begin_session_with_code(new, code).await.unwrap().unwrap();
        let before = world.events(0, 100).await.unwrap().len();

        let (new, code) = with_code(taken);
        let id = new.id.clone();
        let refused = world.begin_session_with_code(new, code).await;
        assert!(matches!(refused, Err(StoreError::Duplicate(_))), "{refused:?}");
        assert!(world.session(&id).await.unwrap().is_none());

        let (new, code) = with_code(world.hash());
        let (id, hash) = (new.id.clone(), code.hash);
        world.set_disabled(&ann.id, true, at(2)).await.unwrap();
        assert_eq!(world.begin_session_with_code(new, code).await.unwrap(), Err(BeginRefusal::Disabled));
        assert!(world.session(&id).await.unwrap().is_none() && world.code(&hash).await.unwrap().is_none());
        let after = world.events(0, 100).await.unwrap();
        assert_eq!(after.iter().filter(|event| event.kind == "user-disabled").count() + before, after.len());
    }

    async fn an_application_keeps_its_sid_for_as_long_as_the_session(world: World) {
        let ann = world.user("ann").await;
        let (one, two) = (world.begin(&ann, 0).await, world.begin(&ann, 0).await);
        let (_, first) = world.join(&one.id, "wiki", 1).await;
        let (_, again) = world.join_by(&one.id, "wiki", front("wiki", true), 2).await;
        let (_, other) = world.join(&two.id, "wiki", 3).await;
        assert_eq!(first, again);
        assert_ne!(first, other);
        let view = world.session(&one.id).await.unwrap().unwrap();
        assert_eq!((view.participants.len(), view.participants[0].joined_at), (1, at(2)));
        // The channel that it came with last is the one that is used.
        let logout = world.end(&one.id, 4).await;
        assert_eq!(logout.steps[0].target.uri(), Some("https://wiki.example/frontchannel"));
    }

    async fn a_code_works_once_and_its_replay_revokes_what_it_gave(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (code, _) = world.join(&session.id, "wiki", 0).await;
        let mint = world.mint(false, 1);
        let access = mint.access.hash;
        let minted = world.redeem_code(&code, mint, at(1), LIFETIMES).await.unwrap().unwrap();
        assert_eq!((minted.nonce.as_deref(), minted.scope.as_str()), (Some("n-0S6_WzA2Mj"), "openid"));
        assert!(world.is_good(&access, 2).await);
        let again = world.redeem_code(&code, world.mint(false, 2), at(2), LIFETIMES).await.unwrap();
        assert_eq!(again.unwrap_err(), RedeemRefusal::Refused(CodeRefusal::Replayed));
        assert!(!world.is_good(&access, 2).await);
        let events = world.events(0, 100).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.kind == "token-reused").count(), 1);
    }

    async fn a_code_that_cannot_be_written_leaves_no_participant_behind(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (code, _) = world.join(&session.id, "wiki", 0).await;
        let before = world.events(0, 100).await.unwrap().len();
        // The participant comes first in that write, the code that is not new after it.
        let (grant, channels) = (world.grant(&session.id, "crm", 1), back("crm"));
        let participant = world.participant(&session.id, "crm", channels, 1);
        let refused = world.issue_code(&code, grant, participant, LIFETIMES).await.unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(_)), "{refused:?}");
        let view = world.session(&session.id).await.unwrap().unwrap();
        assert_eq!(view.participants.len(), 1, "{view:?}");
        assert_eq!(world.events(0, 100).await.unwrap().len(), before);
        // And the connection is fit for what comes next.
        let (next, _) = world.join(&session.id, "crm", 2).await;
        assert!(world.code(&next).await.unwrap().is_some());
    }

    async fn a_code_expires(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (code, _) = world.join(&session.id, "wiki", 0).await;
        let late = world.redeem_code(&code, world.mint(false, 60), at(60), LIFETIMES).await.unwrap();
        assert_eq!(late.unwrap_err(), RedeemRefusal::Refused(CodeRefusal::Expired));
        let unknown = world.redeem_code(&world.hash(), world.mint(false, 1), at(1), LIFETIMES).await.unwrap();
        assert_eq!(unknown.unwrap_err(), RedeemRefusal::Unknown);
    }

    async fn a_code_dies_with_its_session(world: World) {
        let ann = world.user("ann").await;
        for scope in [0, 1] {
            let session = world.begin(&ann, 0).await;
            let (code, _) = world.join(&session.id, "wiki", 0).await;
            let scope = if scope == 0 { Scope::Session(session.id.clone()) } else { Scope::User(ann.id.clone()) };
            world.log_out(world.order(scope, 1), |_| None).await.unwrap().unwrap();
            let mint = world.mint(true, 2);
            let access = mint.access.hash;
            let dead = world.redeem_code(&code, mint, at(2), LIFETIMES).await.unwrap();
            assert_eq!(dead.unwrap_err(), RedeemRefusal::Refused(CodeRefusal::SessionEnded));
            assert!(world.access_token(&access).await.unwrap().is_none());
        }
    }

    async fn an_idle_session_issues_no_code(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let participant = world.participant(&session.id, "wiki", back("wiki"), 3600);
        let grant = world.grant(&session.id, "wiki", 3600);
        assert_eq!(world.issue_code(&world.hash(), grant, participant, LIFETIMES).await.unwrap(), Err(SessionEnded));
        assert!(world.session(&session.id).await.unwrap().unwrap().participants.is_empty());
    }
}
