//! Promise 3 at the SAML doors where the store does not take a logout.

use acquit_saml::binding::soap;
use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration,
    sp::{Binding, post_soap, ride},
};

use crate::failing_store::{fill_the_disk, make_room};

#[tokio::test]
async fn a_request_that_could_not_be_made_durable_is_done_when_it_comes_again() {
    for by in [Binding::Redirect, Binding::Post, Binding::Soap] {
        let wiki = SpRegistration::new("wiki", Binding::Redirect).start().await;
        let app = Setup::on(Engine::Postgres).with(&wiki.configuration()).start(&[]).await;
        wiki.trust(app.as_issuer());
        let browser = Browser::new();
        let page = wiki.begin(&browser, "").await;
        ride(&browser, app.sign_in(&browser, &page, "alice").await).await;

        let request = wiki.logout_request(&browser, by).await;
        fill_the_disk(&app);
        for _ in 0..2 {
            let status = if by == Binding::Soap {
                let to = request.header.destination.clone().unwrap();
                let (status, body) = post_soap(&to, soap::encode(&request, wiki.signer()).unwrap()).await;
                assert!(String::from_utf8_lossy(&body).contains("soap:Fault"), "{by:?}");
                if status == 500 { 503 } else { status }
            } else {
                wiki.send_first(&browser, &request, by, None).await.status
            };
            assert_eq!(status, 503, "{by:?}: not durable is an error, however often it is asked for");
        }
        make_room(&app);
        if by == Binding::Soap {
            assert_eq!(wiki.sign_out_by_soap(&request).await, (200, "Success".to_owned()));
        } else {
            let page = wiki.send(&browser, &request, by, None).await;
            assert_eq!(page.mark().as_deref(), Some("landing"), "{by:?}: {page}");
            assert_eq!(wiki.responses(), ["Success"], "{by:?}");
        }
        assert!(app.live_sessions().await.is_empty(), "{by:?}");
        // And now it was answered.
        if by == Binding::Soap {
            assert_eq!(wiki.sign_out_by_soap(&request).await.1, "Requester/RequestDenied");
        } else {
            assert_eq!(wiki.send_first(&browser, &request, by, None).await.status, 400, "{by:?}");
        }
    }
}
