//! The broker, with SimpleSAMLphp as the customer's identity provider: sign-in and sign-out in both directions, its metadata
//! fetched from where it publishes them, and nothing altered taken on either side.

use std::time::Duration;

use acquit_core::ConnectionId;
use acquit_server::clock::{Clock, SystemClock};
use acquit_testkit::{
    Browser, Engine, Page, Registration, Setup, SpRegistration, TestApp, TestRp,
    acquit::{InProcess, outcome},
    browser::Load,
    peers::{self, SamlIdp, saml::altered},
    rp::ledger::Way,
    sp::{Binding, ride},
    wire,
};
use serde_json::{Value, json};

use crate::{
    broker_wire::{self, API_KEY, CLIENT},
    world::{settled, until},
};

const CONNECTION: &str = "conn_01EXAMPLE";
const SOON: Duration = Duration::from_secs(10);
/// A peer that hangs fails it earlier: no exchange may take longer than a minute.
const LIMIT: Duration = Duration::from_secs(300);

struct World {
    idp: SamlIdp,
    app: TestApp<InProcess>,
    wiki: TestRp,
    saas: TestRp,
    browser: Browser,
}

impl World {
    async fn new(engine: Engine) -> Self {
        // It reads its service provider's metadata each time, and wants some from the beginning.
        let nobody = SpRegistration::new("nobody", Binding::Redirect).rsa().start().await;
        let idp = SamlIdp::start(&nobody.metadata()).await;
        let wiki = Registration::new("wiki").start().await;
        let saas = Registration::new("saas").start().await;
        let configuration = format!(
            "[[organizations]]\nid = \"org_01EXAMPLE\"\nname = \"Example\"\ndomains = [\"example.org\"]\n\n\
             [[connections]]\nid = \"{CONNECTION}\"\norganization = \"org_01EXAMPLE\"\ntype = \"saml\"\n\
             connection_type = \"SimpleSamlPhpSAML\"\nmetadata = {{ url = {:?} }}\n\n\
             [[applications]]\nid = \"saas\"\nprotocol = \"broker\"\nclient_id = \"{CLIENT}\"\napi_key = \"{API_KEY}\"\n\
             redirect_uris = [\"{}\"]\nlogout_uri = \"{}\"\npost_logout_redirect_uris = [\"{}\"]\n",
            idp.metadata_url(),
            saas.url("/callback"),
            saas.url("/frontchannel"),
            saas.url("/bye"),
        );
        let app = Setup::on(engine).host("id.localhost").with(&configuration).start(&[&wiki]).await;
        // Software by others has no other clock than the machine's.
        app.runs.clock.set(SystemClock.now());
        let connection = ConnectionId::parse(CONNECTION).unwrap();
        let known = async || app.runs.app.clients.connections().identity_provider(&connection);
        until(SOON, "its metadata is fetched", known).await;
        let metadata = wire::get(&app.url(&format!("/sso/saml/metadata/{CONNECTION}"))).await.unwrap();
        idp.trust(std::str::from_utf8(metadata.body()).unwrap());
        Self { idp, app, wiki, saas, browser: Browser::new() }
    }

    fn authorize(&self) -> String {
        broker_wire::authorize(&self.app, &self.saas.url("/callback"), CONNECTION, &[])
    }

    /// What the browser is about to send with this SAML message to an address that begins so; else the page where it is left.
    async fn up_to(&self, mut load: Load, to: &str, name: &str) -> Result<Load, Page> {
        for _ in 0..30 {
            if load.url.as_str().starts_with(to) && parameters(&load).iter().any(|(key, _)| key == name) {
                return Ok(load);
            }
            let page = self.browser.step(&load).await.unwrap();
            let forms = page.forms();
            let messages = ["SAMLRequest", "SAMLResponse"];
            let form = forms.iter().find(|form| messages.iter().any(|name| form.value(name).is_some()));
            load = match (page.location(), form) {
                (Some(next), _) => load.redirected(&page, next),
                (None, Some(form)) => Load::form(&page, form),
                (None, None) if page.mark().as_deref() == Some("signing-out") => {
                    acquit_testkit::sp::load_frames(&self.browser, &page).await;
                    Load::typed(page.link("data-continue").expect("a way on").as_str()).by(&page.url)
                }
                (None, None) => match page.refresh() {
                    Some((_, next)) => Load::typed(next.as_str()).by(&page.url),
                    None => return Err(page),
                },
            };
        }
        panic!("round in circles: {}", load.url);
    }

    /// Begins a sign-in; the Response as the browser is about to post it. The person signs in if asked; whether they were.
    async fn response(&self) -> (Load, bool) {
        self.app.runs.clock.set(SystemClock.now());
        let acs = self.app.url(&format!("/sso/saml/acs/{CONNECTION}"));
        let page = match self.up_to(Load::typed(&self.authorize()), &acs, "SAMLResponse").await {
            Ok(load) => return (load, false),
            Err(page) => page,
        };
        let form = page.form_with("username").fill("username", SamlIdp::USER).fill("password", SamlIdp::PASSWORD);
        let load = self.up_to(Load::form(&page, &form), &acs, "SAMLResponse").await;
        (load.unwrap_or_else(|page| panic!("{page}\n{}", self.idp.log())), true)
    }

    /// Signs in at the broker application, and is asked for the password; its token reply.
    async fn enter(&self) -> Value {
        let (response, asked) = self.response().await;
        assert!(asked, "nobody is signed in at the provider");
        let page = self.browser.load(response).await;
        assert!(page.url.as_str().starts_with(&self.saas.url("/callback")), "{page}");
        broker_wire::exchange(&self.app, &page.query()).await
    }

    async fn join_wiki(&self) {
        self.wiki.begin(&self.browser, &[]).await;
        assert!(self.wiki.knows(&self.browser).await);
    }

    async fn is_signed_in(&self) -> bool {
        self.browser.open(&self.app.url("/account")).await.mark().as_deref() == Some("account")
    }

    fn slo(&self) -> String {
        self.app.url(&format!("/sso/saml/slo/{CONNECTION}"))
    }

    /// The newest receipt, once nothing of it is pending.
    async fn receipt(&self) -> Value {
        let newest = self.app.receipts().await.into_iter().max_by_key(|receipt| receipt["id"].to_string());
        settled(&self.app, newest.expect("a receipt")["id"].as_str().unwrap(), SOON).await
    }
}

/// The parameters of a request by either binding.
fn parameters(load: &Load) -> Vec<(String, String)> {
    let text = match &load.body {
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None => load.url.query().unwrap_or_default().to_owned(),
    };
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

async fn a_sign_in(world: &World) {
    for at in 0.. {
        // Begun anew each time, as the browser's own sign-in is.
        let (response, _) = world.response().await;
        let Some((what, bad)) = altered(&response).into_iter().nth(at) else { break };
        world.browser.load(bad).await;
        assert!(world.app.live_sessions().await.is_empty(), "{what}");
    }
    // It is signed in there since, and so is not asked for the password.
    let (response, asked) = world.response().await;
    assert!(!asked);
    let page = world.browser.load(response).await;
    let reply = broker_wire::exchange(&world.app, &page.query()).await;
    let profile = &reply["profile"];
    assert_eq!(profile["idp_id"], SamlIdp::USER, "a persistent name: {profile}");
    assert_eq!(profile["email"], format!("{}@example.org", SamlIdp::USER));
    assert_eq!(profile["connection_type"], "SimpleSamlPhpSAML");
    sign_out_here(world, &reply).await;
}

/// The application has the person signed out, and they are out at the provider too.
async fn sign_out_here(world: &World, reply: &Value) {
    world.join_wiki().await;
    let begin = Load::typed(&broker_wire::logout_url(&world.app, reply).await);
    let request = world.up_to(begin, &world.idp.url("/"), "SAMLRequest").await.expect("a LogoutRequest");
    for (what, bad) in altered(&request) {
        let page = world.browser.load(bad).await;
        assert!(page.body.to_lowercase().contains("signature"), "{what}: {page}\n{}", world.idp.log());
    }
    let answer = world.up_to(request, &world.slo(), "SAMLResponse").await;
    let answer = answer.unwrap_or_else(|page| panic!("{page}\n{}", world.idp.log()));
    for (what, bad) in altered(&answer) {
        let page = world.browser.load(bad).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
    }
    let landed = ride(&world.browser, world.browser.load(answer).await).await;
    assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
    let receipt = world.receipt().await;
    assert_eq!(outcome(&receipt, CONNECTION, "saml-redirect"), "confirmed", "{receipt:#}");
    assert_eq!(outcome(&receipt, "wiki", "backchannel"), "confirmed");
    assert!(!world.is_signed_in().await && !world.wiki.knows(&world.browser).await);
}

async fn a_sign_out_at_the_provider(world: &World) {
    world.enter().await;
    world.join_wiki().await;
    let told = world.wiki.ledger().by(Way::Back).len();
    let bye = world.saas.url("/bye");
    let begin = Load::typed(&world.idp.sign_out_url(&bye));
    let request = world.up_to(begin, &world.slo(), "SAMLRequest").await;
    let request = request.unwrap_or_else(|page| panic!("{page}\n{}", world.idp.log()));
    for (what, bad) in altered(&request) {
        let page = world.browser.load(bad).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
        assert!(world.is_signed_in().await, "{what}");
    }
    let answer = world.up_to(request.clone(), &world.idp.url("/"), "SAMLResponse").await.expect("a LogoutResponse");
    assert!(!world.is_signed_in().await && !world.wiki.knows(&world.browser).await);
    assert_eq!(world.wiki.ledger().by(Way::Back).len(), told + 1);
    for (what, bad) in altered(&answer) {
        let page = world.browser.load(bad).await;
        assert!(page.body.to_lowercase().contains("signature"), "{what}: {page}\n{}", world.idp.log());
    }
    let page = world.browser.load(answer).await;
    assert_eq!(page.url.as_str(), bye, "it took our answer and went on: {page}\n{}", world.idp.log());
    let receipt = world.receipt().await;
    assert_eq!((&receipt["requested"]["by"], &receipt["requested"]["party"]), (&json!("upstream"), &json!(CONNECTION)));
    let steps = receipt["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["party"] != CONNECTION), "never back to where it came from: {receipt:#}");
    assert_eq!(world.browser.load(request).await.status, 400, "and not again");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_simplesamlphp_sign_in_through_the_broker_and_out_in_both_directions() {
    if !peers::take_part() {
        return;
    }
    for engine in Engine::BOTH {
        let run = async {
            let world = World::new(engine).await;
            a_sign_in(&world).await;
            // Its session there is over: the password is asked for again.
            a_sign_out_at_the_provider(&world).await;
            let reply = world.enter().await;
            sign_out_here(&world, &reply).await;
        };
        tokio::time::timeout(LIMIT, run).await.expect("in time");
    }
}
