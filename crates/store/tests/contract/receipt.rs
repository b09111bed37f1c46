//! Receipts.

use acquit_core::{
    plan::{By, Scope},
    receipt::State,
    step::{Channel, Outcome},
};
use acquit_store::receipt::LogoutFilter;

use crate::world::{at, back};

contract! {
    async fn a_receipt_says_who_asked_for_what_and_whom_it_told(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        world.join(&session.id, "wiki", 1).await;
        let mut none = back("mute");
        none.back = None;
        world.join_by(&session.id, "mute", none, 1).await;
        let mut order = world.order(Scope::Session(session.id.clone()), 10);
        order.request.by = By::Application;
        order.request.party = Some("wiki".to_owned());
        order.request.reason = Some("<script>".to_owned());
        let logout = world.log_out(order, |_| None).await.unwrap().unwrap();
        let receipt = world.receipt(&logout.logout).await.unwrap().unwrap();
        assert_eq!((receipt.scope, receipt.state), ("session", State::InProgress));
        assert_eq!(receipt.sessions, [session.id.clone()]);
        assert_eq!((receipt.requested.by, receipt.requested.at), (By::Application, at(10)));
        assert_eq!(receipt.requested.party.as_deref(), Some("wiki"));
        assert_eq!(receipt.requested.ip.as_deref(), Some("192.0.2.1"));
        let lines: Vec<_> =
            receipt.steps.iter().map(|line| (line.party.as_str(), line.channel, line.outcome)).collect();
        assert_eq!(
            lines,
            [("wiki", Some(Channel::Backchannel), Outcome::Pending), ("mute", None, Outcome::Unsupported)]
        );
        assert_eq!(world.receipt(&acquit_core::LogoutId::from_random([9; 16])).await.unwrap(), None);
    }

    async fn the_receipts_page_opens_with_its_key_for_thirty_days(world: World) {
        let ann = world.user("ann").await;
        let session = world.begin(&ann, 0).await;
        let (key, other) = (world.hash(), world.hash());
        let mut order = world.order(Scope::Session(session.id), 10);
        order.receipt_key_hash = Some(key);
        let logout = world.log_out(order, |_| None).await.unwrap().unwrap().logout;
        let opens = async |key, now| world.receipt_by_key(&logout, key, at(now)).await.unwrap().is_some();
        let days = 30 * 86_400;
        assert!(opens(&key, 10).await);
        assert!(opens(&key, 9 + days).await);
        assert!(!opens(&key, 10 + days).await);
        assert!(!opens(&other, 11).await);
        // One without a key opens with none.
        let session = world.begin(&ann, 20).await;
        let without = world.end(&session.id, 21).await.logout;
        assert_eq!(world.receipt_by_key(&without, &key, at(22)).await.unwrap(), None);
    }

    async fn receipts_are_listed_by_user_session_and_state(world: World) {
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let one = world.begin(&ann, 0).await;
        world.join(&one.id, "wiki", 1).await;
        let two = world.begin(&ann, 0).await;
        let three = world.begin(&bob, 0).await;
        let first = world.end(&one.id, 10).await.logout;
        let second = world.end(&two.id, 11).await.logout;
        let third = world.end_user(&bob.id, 12).await.logout;
        let list = async |filter: LogoutFilter| {
            let page = world.logouts(&filter, None, 10).await.unwrap();
            page.data.into_iter().map(|receipt| receipt.id).collect::<Vec<_>>()
        };
        let any = LogoutFilter::default();
        assert_eq!(list(any.clone()).await, [third.clone(), second.clone(), first.clone()]);
        assert_eq!(list(LogoutFilter { user: Some(ann.id.clone()), ..any.clone() }).await, [second.clone(), first.clone()]);
        assert_eq!(list(LogoutFilter { session: Some(one.id.clone()), ..any.clone() }).await, [first.clone()]);
        assert_eq!(list(LogoutFilter { session: Some(three.id), ..any.clone() }).await, [third.clone()]);
        assert_eq!(list(LogoutFilter { session: Some(one.id), user: Some(bob.id), ..any.clone() }).await, []);
        assert_eq!(list(LogoutFilter { state: Some(State::InProgress), ..any.clone() }).await, [first.clone()]);
        let both = LogoutFilter { user: Some(ann.id), state: Some(State::Complete), ..any.clone() };
        assert_eq!(list(both).await, [second]);
        let page = world.logouts(&any, None, 2).await.unwrap();
        let rest = world.logouts(&any, page.next.as_deref(), 2).await.unwrap();
        assert_eq!((page.data.len(), rest.data[0].id.clone(), rest.next), (2, first, None));
    }
}
