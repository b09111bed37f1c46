//! Front-channel logout at the host of a route: by `iss` and `sid`, and bare where the operator says so.

use acquit_testkit::{Browser, Engine, Page, Setup, TestApp, acquit::InProcess, browser::Load, peers::free_port};
use url::Url;

use super::{World, evil, routes, sid, world_on, world_with};
use crate::world::only_receipt;

const KEY: &str = "external-key-of-the-tests-0123";

fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn framed(url: &str) -> Load {
    Load::typed(url).by(&evil()).framed_in(&evil())
}

#[tokio::test]
async fn iss_and_sid_end_that_session_in_a_frame_without_any_cookie() {
    for engine in Engine::BOTH {
        let world = world_on(engine).await;
        world.enter(&world.browser, "grafana", "alice").await;
        let cookie = world.cookie(&world.browser, "grafana").unwrap();
        let sid = world.sid(&format!("grafana.localhost:{}", world.port)).await;
        let shown = String::from_utf8_lossy(world.user("grafana", &cookie).await.body()).into_owned();
        assert!(!shown.contains(&sid), "no page of the app learns it");
        let issuer = world.app.url("");
        let other = world.sid_of_vault(&sid);
        for (why, pairs) in [
            ("a wrong sid", vec![("iss", issuer.as_str()), ("sid", other.as_str())]),
            ("a wrong issuer", vec![("iss", "https://evil.example"), ("sid", &sid)]),
            ("no issuer", vec![("sid", sid.as_str())]),
            ("no sid", vec![("iss", issuer.as_str())]),
            ("nothing", vec![]),
        ] {
            let url = world.at("grafana", &format!("/.pomerium/sign_out?{}", query(&pairs)));
            for load in [framed(&url), Load::typed(&url).by(&evil())] {
                let page = Browser::new().load(load).await;
                assert!(page.status < 500, "{why}: {page}");
                world.nothing_happened().await;
            }
        }
        let url =
            |host: &str| world.at(host, &format!("/.pomerium/sign_out?{}", query(&[("iss", &issuer), ("sid", &sid)])));
        Browser::new().load(framed(&url("vault"))).await;
        Browser::new().load(Load::typed(&url("grafana")).with("sec-purpose", "prefetch")).await;
        world.nothing_happened().await;
        let page = Browser::new().load(framed(&url("grafana"))).await;
        assert_eq!((page.status, page.body.as_str(), page.hops.len()), (200, "", 0), "{page}");
        assert!(world.app.live_sessions().await.is_empty());
        assert_eq!(world.user("grafana", &cookie).await.status(), 401);
        assert_eq!(only_receipt(&world.app).await["requested"]["party"], format!("grafana.localhost:{}", world.port));
    }
}

impl World {
    /// A `sid` that nobody has.
    fn sid_of_vault(&self, sid: &str) -> String {
        sid.chars().rev().collect()
    }
}

#[tokio::test]
async fn guesses_are_limited_for_each_address() {
    let limits = "[limits]\nlogout_per_address = 3\nsign_in_per_address = 1000\nsign_in_per_account = 1000";
    let world = world_with(Engine::Sqlite, limits).await;
    world.enter(&world.browser, "grafana", "alice").await;
    let issuer = world.app.url("");
    let guess = |sid: &str| {
        framed(&world.at("grafana", &format!("/.acquit/sign_out?{}", query(&[("iss", &issuer), ("sid", sid)]))))
    };
    let guesser = Browser::new().at([127, 0, 0, 7]);
    let mut answers = Vec::new();
    for number in 0..5 {
        answers.push(guesser.load(guess(&format!("guess-{number}"))).await.status);
    }
    assert_eq!(answers, [200, 200, 200, 429, 429]);
    let sid = world.sid(&format!("grafana.localhost:{}", world.port)).await;
    assert_eq!(guesser.load(guess(&sid)).await.status, 200, "the right one is never refused for its rate");
    assert!(world.app.live_sessions().await.is_empty());
}

/// A route, and another Acquit as the identity provider of its people.
struct Upstream {
    provider: TestApp<InProcess>,
    world: World,
}

async fn upstream(frames: &str) -> Upstream {
    let port = free_port();
    let provider = Setup::on(Engine::Sqlite)
        .with(&format!(
            "[[applications]]\nid = \"broker\"\nprotocol = \"oidc\"\nclient_id = \"acquit\"\n\
             client_secret = \"a-secret-of-the-broker-at-its-upstream-0123\"\n\
             redirect_uris = [\"http://id.localhost:{port}/sso/oidc/{KEY}/callback\"]\n\
             id_token_signed_response_alg = \"ES256\""
        ))
        .start(&[])
        .await;
    let connection = format!(
        "[[connections]]\nid = \"conn_01EXAMPLE\"\ntype = \"oidc\"\nissuer = {:?}\nclient_id = \"acquit\"\n\
         client_secret = \"a-secret-of-the-broker-at-its-upstream-0123\"\nexternal_key = \"{KEY}\"\n\
         id_token_signed_response_alg = \"ES256\"\nlogout = \"local\"\n{frames}\n",
        provider.url("")
    );
    let setup = Setup::on(Engine::Sqlite).host("id.localhost").port(port).with(&routes(port)).with(&connection);
    let app = setup.mail("staff.example").start(&[]).await;
    let payroll = acquit_testkit::Registration::new("payroll").start().await;
    Upstream { provider, world: World { app, payroll, port, browser: Browser::new() } }
}

impl Upstream {
    /// Gets the browser into the route by way of the provider.
    async fn enter(&self) -> Page {
        let browser = &self.world.browser;
        let page = self.world.begin(browser, "grafana", "/dash").await;
        let link = page.tags("a").into_iter().find(|tag| tag.get("data-connection").is_some()).expect("the provider");
        let page = browser.open(page.url.join(link.get("href").unwrap()).unwrap().as_str()).await;
        let page = self.provider.sign_in(browser, &page, "alice").await;
        assert_eq!(page.url.as_str(), self.world.at("grafana", "/dash"), "{page}");
        page
    }
}

#[tokio::test]
async fn the_providers_own_iss_and_sid_end_it_too() {
    let upstream = upstream("").await;
    let world = &upstream.world;
    upstream.enter().await;
    let sid = sid(&upstream.provider, "broker").await;
    let bare = framed(&world.at("grafana", "/.pomerium/sign_out"));
    assert_eq!(world.browser.load(bare).await.status, 403, "bare frames are not taken unless the operator says so");
    let same_site = Url::parse(&world.at("grafana", "/x")).unwrap();
    let bare = Load::typed(&world.at("grafana", "/.pomerium/sign_out")).by(&same_site).framed_in(&same_site);
    assert_eq!(world.browser.load(bare).await.status, 403);
    world.nothing_happened().await;
    let pairs = query(&[("iss", &upstream.provider.url("")), ("sid", &sid)]);
    let page = Browser::new().load(framed(&world.at("grafana", &format!("/.pomerium/sign_out?{pairs}")))).await;
    assert_eq!(page.status, 200, "{page}");
    assert!(world.app.live_sessions().await.is_empty());
    let receipt = only_receipt(&world.app).await;
    assert_eq!(
        (&receipt["requested"]["by"], &receipt["requested"]["party"]),
        (&"upstream".into(), &"conn_01EXAMPLE".into())
    );
}

#[tokio::test]
async fn a_bare_frame_means_the_routes_cookie_where_the_operator_says_so() {
    let upstream = upstream("frontchannel_logout = \"bare\"").await;
    let world = &upstream.world;
    upstream.enter().await;
    let here = world.url_at("grafana");
    let url = world.at("grafana", "/.pomerium/sign_out");
    for load in [framed(&url), Load::typed(&url).by(&evil()), Load::typed(&url).post("").by(&here).framed_in(&here)] {
        world.browser.load(load).await;
        world.nothing_happened().await;
    }
    let page = world.browser.load(Load::typed(&url).by(&here).framed_in(&here)).await;
    assert_eq!(
        (page.status, page.hops.len()),
        (200, 0),
        "the cookie goes along with frames of the same site only: {page}"
    );
    assert!(world.app.live_sessions().await.is_empty());
    assert!(world.cookie(&world.browser, "grafana").is_none());
}
