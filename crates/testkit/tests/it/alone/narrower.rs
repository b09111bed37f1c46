//! What a node that is only a gateway has open, when its own rules become narrower, and when a person changes whom it cannot describe.

use super::*;

/// The close frames of what would not be let in any more, and of what only a sign-in can tell.
const NOT_ALLOWED: &[u8] = b"\x88\x13\x03\xf0no longer allowed";
const SIGN_IN: &[u8] = b"\x88\x0f\x03\xf0sign in again";

impl World {
    /// The first node lets these people into its first route.
    fn lets(&self, allow: &str) {
        let port = self.nodes[0].port;
        let route = format!(
            "[[gateway.routes]]\nfrom = \"http://grafana.localhost:{port}\"\nto = \"http://{}\"\nallow = {{ {allow} }}\n",
            self.app.address
        );
        let text = configuration(&self.house, &self.database, port, &route);
        self.nodes[0].reload(&AloneNode::settings(&text));
    }

    /// Nothing is said on it.
    async fn is_open(&self, stream: &mut TcpStream) {
        assert!(timeout(Duration::from_millis(50), stream.read_u8()).await.is_err());
    }
}

#[tokio::test]
async fn its_own_narrower_rules_cut_what_it_has_open_and_not_what_another_has() {
    let world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    let cookie = world.cookie("grafana");
    let (mut here, mut there) = (world.websocket(0, &cookie).await, world.websocket(1, &cookie).await);
    world.lets("users = [\"alice\", \"bob\"]");
    world.is_open(&mut here).await;
    world.lets("users = [\"bob\"]");
    assert!(rest(&mut here).await.ends_with(NOT_ALLOWED));
    world.is_open(&mut there).await;
    assert_eq!((world.status(0, &cookie).await.as_str(), world.status(1, &cookie).await.as_str()), ("403", "200"));
}

#[tokio::test]
async fn who_is_described_anew_signs_in_again_where_that_matters_and_goes_on_where_it_does_not() {
    let world = world(OFTEN).await;
    world.enter("grafana", "alice").await;
    world.lets("users = [\"alice\"]");
    let cookie = world.cookie("grafana");
    let (mut listed, mut anyone) = (world.websocket(0, &cookie).await, world.websocket(1, &cookie).await);
    let store = &world.house.runs.app.store;
    let alice = store.user_by_username("alice").await.unwrap().unwrap();
    let changed = acquit_store::user::User { groups: vec!["ops".to_owned()], ..alice };
    store.put_user(changed).await.unwrap().unwrap();
    assert!(rest(&mut listed).await.ends_with(SIGN_IN));
    world.is_open(&mut anyone).await;
    let page = world.browser.open(&world.at("grafana", "/dash")).await;
    assert_eq!((page.status, page.url.path()), (200, "/dash"), "the sign-in asks nothing: {page}");
    world.websocket(0, &world.cookie("grafana")).await;
}
