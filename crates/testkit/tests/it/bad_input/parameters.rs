//! Parameters sent twice, too long, or full of what breaks out of headers and pages.

use super::*;

#[tokio::test]
async fn a_parameter_sent_twice_or_far_too_long_is_an_error() {
    for engine in Engine::BOTH {
        a_parameter_sent_twice_or_far_too_long_is_an_error_on(engine).await;
    }
}

async fn a_parameter_sent_twice_or_far_too_long_is_an_error_on(engine: Engine) {
    let world = world_on(engine).await;
    let good = world.end_session(&[("client_id", "payroll"), ("ui_locales", "de"), ("logout_hint", "alice")]);
    for name in ["id_token_hint", "post_logout_redirect_uri", "state", "client_id", "ui_locales", "logout_hint"] {
        let value = url::Url::parse(&good).unwrap().query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let again: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let page = world.browser.open(&format!("{good}&{name}={again}")).await;
        world.error_page(&format!("{name} twice"), &page, name).await;
        let page = world.browser.open(&format!("{good}&{name}=")).await;
        world.error_page(&format!("{name} once more, empty"), &page, name).await;

        let (endpoint, query) = good.split_once('?').unwrap();
        let both = Load::typed(&format!("{endpoint}?{name}={again}")).post(query.to_owned());
        let page = world.browser.load(both).await;
        world.error_page(&format!("{name} in query and body"), &page, name).await;

        for length in [9_000usize, 20_000, 60_000] {
            let long = world.end_session(&[(name, &"x".repeat(length))]);
            let page = world.browser.open(&long).await;
            world.refused(&format!("{name} of {length} bytes"), &page).await;
            assert!((400..500).contains(&page.status), "{name} of {length}: {}", page.status);
            let (endpoint, query) = long.split_once('?').unwrap();
            let page = world.browser.load(Load::typed(endpoint).post(query.to_owned())).await;
            world.refused(&format!("{name} of {length} bytes, posted"), &page).await;
        }
    }
}

#[tokio::test]
async fn no_parameter_breaks_out_of_a_header_or_a_page() {
    for engine in Engine::BOTH {
        no_parameter_breaks_out_of_a_header_or_a_page_on(engine).await;
    }
}

async fn no_parameter_breaks_out_of_a_header_or_a_page_on(engine: Engine) {
    let world = world_on(engine).await;
    let markup = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let header = "x\r\nSet-Cookie: planted=1\r\n\r\n<script>alert(1)</script>";
    let clean = |what: &str, page: &Page| {
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{what}: {}", page.body);
        let pages = page.hops.iter().map(|hop| &hop.headers).chain([&page.headers]);
        for headers in pages {
            for cookie in headers.get_all("set-cookie") {
                assert!(!cookie.to_str().unwrap_or_default().contains("planted"), "{what}: {cookie:?}");
            }
        }
    };
    for value in [markup, header] {
        for name in
            ["id_token_hint", "post_logout_redirect_uri", "client_id", "ui_locales", "logout_hint", "other", value]
        {
            // Without anything that signs out: the question, or an error.
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            for path in
                ["/oauth2/v1/logout", "/sign-out", "/signed-out", "/sign-in", "/account", "/logouts/lgo_x", "/consent"]
            {
                let page = world.browser.open(&world.app.url(&format!("{path}?{query}"))).await;
                clean(&format!("{path} with {name:?}"), &page);
                world.refused(&format!("{path} with {name:?}"), &page).await;
            }
        }
        for name in [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
            "login_hint",
            "id_token_hint",
            "ui_locales",
            "claims",
            "acr_values",
            "response_mode",
            "code_challenge",
            "code_challenge_method",
            "request",
            "request_uri",
            "flow",
            "display",
            "connection",
        ] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            let page = world.payroll.begin(&Browser::new(), &[(name, value)]).await;
            clean(&format!("an authorization request with {name}"), &page);
            assert!(page.status < 500, "{page}");
            let page = Browser::new().open(&world.app.url(&format!("/oauth2/v1/authorize?{query}"))).await;
            clean(&format!("an authorization request of {name} alone"), &page);
            world.refused(&format!("an authorization request of {name} alone"), &page).await;
        }
        let sign_in = Browser::new();
        let page = sign_in.open(&world.app.url("/sign-in")).await;
        let form = page.form_with("username").fill("username", value).fill("password", value);
        let page = sign_in.submit(&page, form).await;
        clean("a username", &page);
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
        world.refused("a username", &page).await;
    }
    // A state may hold what it likes; it comes back encoded.
    let landing = world.browser.open(&world.end_session(&[("state", header)])).await;
    clean("a state", &landing);
    assert_eq!(world.payroll.ledger().by(Way::Landing)[0].parameter("state").as_deref(), Some(header));
}
