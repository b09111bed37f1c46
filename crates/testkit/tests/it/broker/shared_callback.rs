//! `/sso/oidc/callback`, which connections share: `iss` says whose an answer is, and nothing else is believed there (RFC 9207).

use acquit_testkit::wire;

use super::{misbehaving::Liar, *};

const SHARED: &str = "/sso/oidc/callback";
const SHARING: &str = "shared_callback = true";
const LIAR: &str = "conn_02LIAR";
const KEY_OF_LIAR: &str = "external-key-of-the-liar-0123";
const NAMES_ITSELF: &str = "authorization_response_iss_parameter_supported";

/// A world with a second connection, to a provider that lies.
async fn beside(liar: &Liar, first: &str, second: &str) -> World {
    let connection = format!(
        "\n[[connections]]\nid = \"{LIAR}\"\norganization = \"org_01EXAMPLE\"\ntype = \"oidc\"\nissuer = {:?}\n\
         client_id = \"acquit\"\nclient_secret = \"s\"\nexternal_key = \"{KEY_OF_LIAR}\"\n\
         id_token_signed_response_alg = \"ES256\"\n{second}\n",
        liar.origin
    );
    liar.says(liar.document(NAMES_ITSELF, json!(true)), (400, r#"{"error":"invalid_grant"}"#.to_owned()));
    world_of(Engine::Sqlite, first, &connection).await
}

impl World {
    /// A sign-in begun at the liar: the `state` that it was sent, and where it was asked to answer.
    async fn begun_at_liar(&self) -> (String, String) {
        let page = self.browser.open(&self.authorize(&format!("connection={LIAR}"))).await;
        let of = |name: &str| parameter(&page.url, name).unwrap_or_else(|| panic!("no {name}: {page}"));
        (of("state"), of("redirect_uri"))
    }

    /// An answer at a callback.
    fn answer(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.broker.url(path)).unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }

    /// Brings an answer that leads back to the application; what that is told. Nobody is signed in.
    async fn refused(&self, answer: &str, what: &str) -> String {
        let lost = self.browser.try_load(Load::typed(answer)).await.expect_err("the application is not there");
        self.told(&lost.url, what).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_names_itself_answers_at_the_shared_callback() {
    for engine in Engine::BOTH {
        let world = world_with(engine, SHARING).await;
        let page = world.browser.open(&world.authorize("connection=conn_01EXAMPLE")).await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        let reply = world.enter("alice").await;
        assert_eq!(reply["profile"]["email"], "alice@example.com");
        land(&world, &world.logout_url(profile_id(&reply)).await).await;
        assert!(!world.is_signed_in().await && !world.is_signed_in_upstream().await);
        let setup = world.call_setup().await;
        assert_eq!(setup["callback_url"], world.broker.url(SHARED), "what is to be registered there");
    }
}

impl World {
    async fn call_setup(&self) -> Value {
        let path = "/connections/conn_01EXAMPLE/logout_setup";
        broker_wire::call(&self.broker, Some(API_KEY), Method::GET, path, None).await.1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_iss_or_with_anothers_is_refused_before_its_code_is_given_to_anybody() {
    let liar = Liar::start().await;
    let world = beside(&liar, SHARING, SHARING).await;
    let honest = world.upstream.url("");
    for (iss, why) in [
        (None, "does not say which provider it is from"),
        (Some(""), "does not say which provider it is from"),
        (Some(honest.as_str()), "is from another provider"),
        (Some("https://idp.example"), "is from another provider"),
    ] {
        for what in [("code", "the code of somebody at the honest provider"), ("error", "access_denied")] {
            let (state, to) = world.begun_at_liar().await;
            assert_eq!(to, world.broker.url(SHARED));
            let mut pairs = vec![what, ("state", state.as_str())];
            pairs.extend(iss.map(|iss| ("iss", iss)));
            let said = world.refused(&world.answer(SHARED, &pairs), what.0).await;
            assert!(said.contains(why), "{iss:?}: {said}");
        }
    }
    assert_eq!(liar.asked(), 0, "a code of the honest provider's never gets there");
    let (state, _) = world.begun_at_liar().await;
    let good = world.answer(SHARED, &[("code", "c"), ("state", &state), ("iss", &liar.origin)]);
    world.refused(&good, "its own answer, at least, is asked about there").await;
    assert_eq!(liar.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_is_taken_at_the_callback_that_it_was_asked_to_come_to_and_at_no_other() {
    let liar = Liar::start().await;
    let (honest, own) = (format!("/sso/oidc/{KEY}/callback"), format!("/sso/oidc/{KEY_OF_LIAR}/callback"));
    for (second, asked, others) in
        [(SHARING, SHARED, [&own, &honest]), ("", own.as_str(), [&SHARED.to_owned(), &honest])]
    {
        let world = beside(&liar, SHARING, second).await;
        let (state, to) = world.begun_at_liar().await;
        assert_eq!(to, world.broker.url(asked));
        let pairs = [("code", "c"), ("state", state.as_str()), ("iss", liar.origin.as_str())];
        for other in others {
            let page = world.browser.open(&world.answer(other, &pairs)).await;
            assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{other}: {page}");
        }
        assert_eq!(liar.asked(), 0, "{asked}");
        let stranger = Browser::new().open(&world.answer(asked, &pairs)).await;
        assert_eq!(stranger.status, 400, "nor in another browser: {stranger}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_say_that_it_names_itself_is_not_asked_at_the_shared_callback() {
    let liar = Liar::start().await;
    let world = beside(&liar, "", SHARING).await;
    for says in [json!(false), Value::Null, json!("true")] {
        liar.says(liar.document(NAMES_ITSELF, says.clone()), (200, String::new()));
        world.broker.runs.advance(Duration::from_secs(3700));
        let came = world.go(&world.authorize(&format!("connection={LIAR}")), "nobody").await;
        let why = world.told(&came, &says.to_string()).await;
        assert!(why.contains("`iss`"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_posted_to_the_shared_callback_goes_on_with_the_browsers_cookie() {
    let liar = Liar::start().await;
    let world = beside(&liar, SHARING, SHARING).await;
    let (state, _) = world.begun_at_liar().await;
    let form = [("code", "c"), ("state", state.as_str()), ("iss", liar.origin.as_str())];
    let posted = wire::post_form(&world.broker.url(SHARED), &form, &[]).await.unwrap();
    let next = posted.headers()[http::header::LOCATION].to_str().unwrap().to_owned();
    assert!(posted.status() == 303 && !next.contains("code=") && liar.asked() == 0, "{posted:?}");
    let next = Url::parse(&world.broker.url("/")).unwrap().join(&next).unwrap();
    world.refused(next.as_str(), "the liar gives no tokens").await;
    assert_eq!(liar.asked(), 1, "but it was its answer");
}
