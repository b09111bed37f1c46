//! Okta's guide to single logout, its three events: two OpenID applications and a SAML one, three browsers of one person.
//! Event 1 begins at App 1, event 2 tells the others in frames, event 3 is what they make of what they were sent.

use std::time::Duration;

use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, SpRegistration, TestApp, TestRp, TestSp,
    acquit::{InProcess, outcome},
    rp::ledger::Way,
    sp::{Binding, load_frames},
};
use serde_json::Value;

use crate::{
    logs::logs,
    world::{enter_all, only_receipt, settled},
};

/// How Apps 2 and 3 are configured in one run of the scene.
#[derive(Clone, Copy, Debug)]
struct Run {
    engine: Engine,
    /// By which binding App 3 is told and answers.
    by: Binding,
    /// Whether App 2 is sent `iss` and `sid`.
    sid: bool,
    /// Whether App 3 is sent a SessionIndex.
    index: bool,
}

struct Scene {
    run: Run,
    app: TestApp<InProcess>,
    app1: TestRp,
    app2: TestRp,
    app3: TestSp,
    /// The person's.
    browsers: [Browser; 3],
    /// Of somebody else.
    stranger: Browser,
}

/// Which of these browsers each application still knows, by its own page: App 1, App 2, App 3.
type Known = [[bool; 3]; 3];

impl Scene {
    async fn new(run: Run) -> Self {
        // A site for each, so that no cookie and no frame works only because all are of one site.
        let app1 = Registration::new("app1").host("app1.localhost").untold().start().await;
        let app2 = Registration::new("app2").host("app2.localhost");
        let app2 = if run.sid { app2.front_only() } else { app2.front_only_bare() }.start().await;
        let more = format!("slo_frame = true\nsession_index_required = {}", run.index);
        let app3 = SpRegistration::new("app3", run.by).with(&more).start().await;
        let setup = Setup::on(run.engine).host("id.localhost").with(&app3.configuration());
        let app = setup.start(&[&app1, &app2]).await;
        app3.trust(app.as_issuer());
        app3.answer_at(&app.url("/app/app3/exkapp3/slo/saml/callback"));
        let browsers = [Browser::new(), Browser::new(), Browser::new()];
        let scene = Self { run, app, app1, app2, app3, browsers, stranger: Browser::new() };
        for browser in &scene.browsers {
            scene.enter(browser, "alice").await;
            scene.app.runs.advance(Duration::from_secs(60));
        }
        scene.enter(&scene.stranger, "bob").await;
        scene
    }

    async fn enter(&self, browser: &Browser, user: &str) {
        enter_all(&self.app, browser, &[&self.app1, &self.app2], user).await;
        let page = self.app3.begin(browser, "").await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    }

    async fn known(&self) -> Known {
        let mut known = [[false; 3]; 3];
        for (at, browser) in self.browsers.iter().enumerate() {
            known[0][at] = self.app1.knows(browser).await;
            known[1][at] = self.app2.knows(browser).await;
            known[2][at] = self.app3.knows(browser).await;
        }
        known
    }

    /// Event 1: the person signs out of App 1 in the first browser.
    async fn sign_out_of_app1(&self) -> Page {
        let [first, ..] = &self.browsers;
        let page = first.open(&self.app1.url("/logout?state=some%20state")).await;
        let asked: Vec<_> = page.hops.iter().filter(|hop| hop.url.path() == "/oauth2/v1/logout").collect();
        assert_eq!(asked.len(), 1, "GET /oauth2/v1/logout: {:?}", page.hops);
        let mut names: Vec<_> = asked[0].url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        names.sort_unstable();
        assert_eq!(names, ["id_token_hint", "post_logout_redirect_uri", "state"]);
        assert_eq!(page.mark().as_deref(), Some("signing-out"), "{page}");
        page
    }

    /// Event 2: the frames are loaded, and the browser goes back to App 1.
    async fn load_the_frames(&self, page: &Page) -> Page {
        let [first, ..] = &self.browsers;
        let told: Vec<_> = page.tags("iframe").iter().map(|frame| frame.get("src").unwrap().to_owned()).collect();
        assert_eq!(told.len(), 2, "one each for Apps 2 and 3: {told:?}");
        assert!(told.iter().all(|url| !url.contains("app1")), "who asked is not told: {told:?}");
        for frame in load_frames(first, page).await {
            assert_eq!(frame.status, 200, "{frame}");
        }
        first.click(page, page.link("data-continue").expect("a way on").as_str()).await
    }

    /// What App 2 was sent, and what App 3: the first browser's session by name, or no name at all.
    fn were_sent(&self) {
        let [first, ..] = &self.browsers;
        assert!(self.app1.ledger().by(Way::Front).is_empty() && self.app1.ledger().by(Way::Back).is_empty());
        let told = self.app2.ledger().by(Way::Front);
        assert_eq!((told.len(), told[0].body.as_str()), (1, ""), "{told:?}");
        let named = (told[0].parameter("iss"), told[0].parameter("sid"));
        let expected = (Some(self.app.url("")), self.app2.session(first).unwrap().sid);
        assert_eq!(named, if self.run.sid { expected } else { (None, None) });
        let told = self.app3.requests();
        assert_eq!((told.len(), told[0].by, told[0].said.as_str()), (1, self.run.by, ""), "{told:?}");
        let index = self.run.index.then(|| self.app3.session(first).index);
        assert_eq!(told[0].indexes, index.into_iter().collect::<Vec<_>>());
    }

    /// The System Log as an operator reads it.
    async fn is_in_the_log(&self, receipt: &Value) {
        let ends = logs(&self.app, &[("filter", "eventType eq \"user.session.end\"")]).await.events();
        assert_eq!(ends.len(), 1, "one session ended: {ends:#?}");
        let end = &ends[0];
        let data = &end["debugContext"]["debugData"];
        assert_eq!(data["TotalOidcLogoutRequests"], "1", "{end:#}");
        assert_eq!(data["TotalSamlLogoutRequests"], "1", "{end:#}");
        assert_eq!(end["authenticationContext"]["externalSessionId"], receipt["sessions"][0], "{end:#}");
        assert_eq!(end["transaction"]["id"], receipt["id"], "{end:#}");
        assert_eq!(end["outcome"]["result"], "SUCCESS", "{end:#}");
        assert_eq!(end["actor"]["alternateId"], "alice@example.com", "{end:#}");
    }
}

async fn three_events(run: Run) {
    let scene = Scene::new(run).await;
    assert_eq!(scene.known().await, [[true; 3]; 3], "{run:?}");
    let sessions = scene.app.live_sessions().await;
    assert_eq!(sessions.len(), 4, "three of the person, one of somebody else");

    let page = scene.sign_out_of_app1().await;
    let receipt = only_receipt(&scene.app).await;
    let ended = receipt["sessions"].as_array().unwrap().clone();
    let live = scene.app.live_sessions().await;
    assert_eq!((ended.len(), live.len()), (1, 3), "only the first browser's: {receipt:#}");
    assert!(live.iter().all(|session| session["id"] != ended[0]));
    assert_eq!(scene.known().await, [[false, true, true], [true; 3], [true; 3]], "Apps 2 and 3 can still be used");

    let back = scene.load_the_frames(&page).await;
    assert_eq!(back.mark().as_deref(), Some("landing"), "{back}");
    assert_eq!(back.url.as_str(), scene.app1.url("/bye?state=some%20state"));
    scene.were_sent();
    let receipt = settled(&scene.app, receipt["id"].as_str().unwrap(), Duration::from_secs(10)).await;
    let channel = if run.by == Binding::Post { "saml-post" } else { "saml-redirect" };
    assert_eq!(outcome(&receipt, "app3", channel), "confirmed", "it answered at its callback: {receipt:#}");
    assert_eq!(outcome(&receipt, "app2", "frontchannel"), "sent", "a frame proves nothing: {receipt:#}");
    assert_eq!(scene.app.live_sessions().await, live, "sessions 2 and 3 here go on");

    // Event 3: with a name exactly that session has ended, without one all of the person's at that application.
    let app2 = [false, run.sid, run.sid];
    let app3 = [false, run.index, run.index];
    assert_eq!(scene.known().await, [[false, true, true], app2, app3], "{run:?}");
    let stranger = &scene.stranger;
    assert!(scene.app1.knows(stranger).await && scene.app2.knows(stranger).await && scene.app3.knows(stranger).await);
    scene.is_in_the_log(&receipt).await;

    // In the other browsers the session here lets the person in again without a password; in the first it is gone.
    let [first, others @ ..] = &scene.browsers;
    for browser in others {
        let page = scene.app2.begin(browser, &[]).await;
        assert_eq!(page.mark().as_deref(), Some("home"), "{run:?}: {page}");
        let page = scene.app3.begin(browser, "").await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{run:?}: {page}");
    }
    for page in [scene.app2.begin(first, &[]).await, scene.app3.begin(first, "").await] {
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{run:?}: {page}");
    }
}

async fn every_way(engine: Engine) {
    for by in [Binding::Post, Binding::Redirect] {
        for (sid, index) in [(true, true), (true, false), (false, true), (false, false)] {
            three_events(Run { engine, by, sid, index }).await;
        }
    }
}

#[tokio::test]
async fn the_three_events_happen_as_the_guide_has_them_on_sqlite() {
    every_way(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_events_happen_as_the_guide_has_them_on_postgres() {
    every_way(Engine::Postgres).await;
}
