//! SimpleSAMLphp as the identity provider of our service provider's role: what `acquit_saml` writes as one it takes, and what it
//! signs `acquit_saml` takes, and neither takes anything altered.

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_saml::{
    Error,
    binding::{Arrived, post},
    message::{Answer, Expect, Kind, Message, ResponseRules},
    security::Trust,
};
use acquit_testkit::{
    Browser, Page, SpRegistration, TestSp,
    browser::Load,
    peers::{self, SamlIdp, saml::altered},
    sp::Binding,
};

/// A peer that hangs fails it earlier: no exchange may take longer than a minute.
const LIMIT: Duration = Duration::from_secs(300);

struct World {
    idp: SamlIdp,
    sp: TestSp,
    browser: Browser,
}

/// The parameters of a request by either binding.
fn parameters(load: &Load) -> Vec<(String, String)> {
    let text = match &load.body {
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None => load.url.query().unwrap_or_default().to_owned(),
    };
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn field(load: &Load, name: &str) -> Option<String> {
    parameters(load).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

impl World {
    async fn new() -> Self {
        // It knows no other keys than RSA.
        let sp = SpRegistration::new("ours", Binding::Redirect).rsa().start().await;
        let idp = SamlIdp::start(&sp.metadata()).await;
        sp.trust_metadata(&idp.metadata_url());
        Self { idp, sp, browser: Browser::new() }
    }

    /// What the browser is about to send with this SAML message to an address that begins so; else the page where it is left.
    async fn up_to(&self, mut load: Load, to: &str, name: &str) -> Result<Load, Page> {
        for _ in 0..20 {
            if load.url.as_str().starts_with(to) && field(&load, name).is_some() {
                return Ok(load);
            }
            let page = self.browser.step(&load).await.unwrap();
            let forms = page.forms();
            let form =
                forms.iter().find(|form| ["SAMLRequest", "SAMLResponse"].iter().any(|f| form.value(f).is_some()));
            load = match (page.location(), form) {
                (Some(next), _) => load.redirected(&page, next),
                (None, Some(form)) => Load::form(&page, form),
                (None, None) => return Err(page),
            };
        }
        panic!("round in circles: {}", load.url);
    }

    /// Begins a sign-in; the Response as the browser is about to post it. The person signs in if asked.
    async fn response(&self) -> Load {
        let begin = Load::typed(&self.sp.url("/login"));
        let acs = self.sp.url("/acs");
        let page = match self.up_to(begin, &acs, "SAMLResponse").await {
            Ok(load) => return load,
            Err(page) => page,
        };
        let form = page.form_with("username").fill("username", SamlIdp::USER).fill("password", SamlIdp::PASSWORD);
        let load = self.up_to(Load::form(&page, &form), &acs, "SAMLResponse").await;
        load.unwrap_or_else(|page| panic!("{page}\n{}", self.idp.log()))
    }

    async fn enter(&self) {
        let page = self.browser.load(self.response().await).await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
        assert!(self.sp.knows(&self.browser).await);
    }

    /// The provider refuses every altered form of this message, by a signature that it misses or finds wrong.
    async fn idp_refuses(&self, message: &Load) {
        for (what, bad) in altered(message) {
            let page = self.browser.load(bad).await;
            let refused = page.body.to_lowercase().contains("signature");
            assert!(refused, "{what}: {page}\n{}", self.idp.log());
        }
    }
}

/// What our role says of the Response in this request, by these rules.
fn received(sp: &TestSp, trust: &Trust, at: &Load, edit: impl FnOnce(&mut Rules)) -> Result<Answer, Error> {
    let fields = parameters(at);
    let arrived: Arrived = post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap();
    let message = Message::open(&arrived, &[Kind::Response])?;
    let mut rules = Rules {
        audience: sp.entity_id(),
        request: message.in_response_to().map(str::to_owned),
        here: sp.url("/acs"),
        now: sp.now(),
    };
    edit(&mut rules);
    let expect = [rules.here.as_str()];
    let rules_of_role = ResponseRules { audience: &rules.audience, request: rules.request.as_deref(), keys: &[] };
    Answer::receive(&message, trust, &Expect::new(&expect, rules.now), &rules_of_role)
}

struct Rules {
    audience: String,
    request: Option<String>,
    here: String,
    now: Timestamp,
}

async fn a_sign_in(world: &World) {
    let World { idp, sp, browser } = world;
    let begin = Load::typed(&sp.url("/login"));
    let request = world.up_to(begin, &idp.url("/"), "SAMLRequest").await.expect("an AuthnRequest");
    world.idp_refuses(&request).await;

    for at in 0.. {
        // Begun anew each time, as the browser's own sign-in is.
        let response = world.response().await;
        let Some((what, bad)) = altered(&response).into_iter().nth(at) else { break };
        let page = browser.load(bad).await;
        assert_eq!(page.mark().as_deref(), Some("sign-in-failed"), "{what}: {page}");
        assert!(!sp.knows(browser).await, "{what}");
    }

    let response = world.response().await;
    let trust = sp.idp().await.trust().unwrap();
    let hour = Duration::from_secs(3600);
    type Edit = Box<dyn FnOnce(&mut Rules)>;
    let edits: [(Error, Edit); 6] = [
        (Error::Audience, Box::new(|rules| rules.audience.push('x'))),
        (Error::InResponseTo, Box::new(|rules| rules.request = Some("_of-another-browser".to_owned()))),
        (Error::InResponseTo, Box::new(|rules| rules.request = None)),
        (Error::Destination, Box::new(|rules| rules.here.push('x'))),
        (Error::Time, Box::new(move |rules| rules.now = rules.now.plus(hour))),
        (Error::Time, Box::new(move |rules| rules.now = rules.now.minus(hour))),
    ];
    for (expected, edit) in edits {
        assert_eq!(received(sp, &trust, &response, edit), Err(expected));
    }
    let Ok(Answer::Assertion(assertion)) = received(sp, &trust, &response, |_| ()) else { panic!("an assertion") };
    assert_eq!(assertion.issuer, idp.metadata_url());

    let page = browser.load(response.clone()).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    let session = sp.session(browser);
    assert_eq!((&session.name_id, Some(&session.index)), (&assertion.name_id, assertion.authn.session_index.as_ref()));
    let mail = session.attributes.iter().find(|(name, _)| name == "mail").expect("an address");
    assert_eq!(mail.1, [format!("{}@example.org", SamlIdp::USER)]);
    let page = browser.load(response).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in-failed"), "an assertion counts once: {page}");
}

async fn a_sign_out_at_our_side(world: &World) {
    let World { idp, sp, browser } = world;
    let begin = Load::typed(&sp.url("/logout"));
    let request = world.up_to(begin, &idp.url("/"), "SAMLRequest").await.expect("a LogoutRequest");
    world.idp_refuses(&request).await;
    let answer = world.up_to(request, &sp.url("/slo"), "SAMLResponse").await.expect("a LogoutResponse");
    for (what, bad) in altered(&answer) {
        let page = browser.load(bad).await;
        assert_eq!(page.mark().as_deref(), Some("slo-failed"), "{what}: {page}");
        assert!(sp.responses().is_empty(), "{what}");
    }
    let page = browser.load(answer).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(sp.responses(), ["Success"]);
    let again = world.up_to(Load::typed(&sp.url("/login")), &sp.url("/acs"), "SAMLResponse").await;
    assert!(again.is_err_and(|page| page.text().contains("password")), "the provider asks for the password again");
}

async fn a_sign_out_at_the_provider(world: &World) {
    let World { idp, sp, browser } = world;
    let told = sp.requests().len();
    let bye = sp.url("/");
    let begin = Load::typed(&idp.sign_out_url(&bye));
    let request = world.up_to(begin, &sp.url("/slo"), "SAMLRequest").await;
    let request = request.unwrap_or_else(|page| panic!("{page}\n{}", idp.log()));
    for (what, bad) in altered(&request) {
        let page = browser.load(bad).await;
        assert_eq!(page.mark().as_deref(), Some("slo-failed"), "{what}: {page}");
        assert!(sp.knows(browser).await, "{what}");
    }
    let refused = sp.requests().len() - told;
    let answer = world.up_to(request, &idp.url("/"), "SAMLResponse").await.expect("a LogoutResponse");
    assert!(!sp.knows(browser).await);
    let asked = &sp.requests()[told + refused];
    assert_eq!((asked.indexes.len(), asked.ended, asked.said.as_str()), (1, 1, ""), "{asked:?}");
    world.idp_refuses(&answer).await;
    let page = browser.load(answer).await;
    assert_eq!(page.url.as_str(), bye, "it took our answer and went on: {page}\n{}", idp.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_simplesamlphp_signs_as_an_identity_provider_is_taken_and_nothing_else() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        let world = World::new().await;
        a_sign_in(&world).await;
        a_sign_out_at_our_side(&world).await;
        world.enter().await;
        a_sign_out_at_the_provider(&world).await;
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}
