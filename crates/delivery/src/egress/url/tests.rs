use super::*;

fn refused(text: &str) -> Refusal {
    Target::parse(text).unwrap_err()
}

#[test]
fn a_plain_url_is_taken_and_normalised() {
    let target = Target::parse("HTTPS://App.Example.COM./back?a=b%20c").unwrap();
    assert_eq!(target.uri(), "https://app.example.com/back?a=b%20c");
    assert_eq!((target.host(), target.port(), target.is_https()), ("app.example.com", 443, true));
    assert_eq!(target.destination(), "https://app.example.com:443");
    assert_eq!(Target::parse("http://a.example:8080").unwrap().destination(), "http://a.example:8080");
    assert_eq!(Target::parse("http://[::1]:8080/").unwrap().destination(), "http://[::1]:8080");
    assert_eq!(Target::parse("https://bücher.example/").unwrap().host(), "xn--bcher-kva.example");
}

#[test]
fn an_address_in_disguise_is_refused() {
    for text in [
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://１２７.０.０.１/",
        "https://127。0。0。1/",
        "https://%31%32%37.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::0001]/",
        "https://[0:0:0:0:0:ffff:7f00:1]/",
    ] {
        assert!(matches!(refused(text), Refusal::Spelling(_)), "{text}: {:?}", refused(text));
    }
}

#[test]
fn an_address_in_its_normal_form_is_known_as_an_address() {
    for text in ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:7f00:1]/", "https://[FE81::1]:444/"] {
        assert!(Target::parse(text).unwrap().literal().is_some(), "{text}");
    }
}

#[test]
fn what_parsers_read_differently_is_refused() {
    for text in [
        "",
        "https://",
        "https:///",
        "https:app.example.com/",
        "https:/app.example.com/",
        "https://app.example.com\\@evil.example/",
        "https:\\\\app.example.com/",
        " https://app.example.com/",
        "https://app.example.com/\n",
        "https://app.exa\tmple.com/",
        "https://app.example.com/\u{0}",
        "https://app..example.com/",
        "https://app.example.com../",
        "https://.example.com/",
        "https://./",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://app.example.com:0/",
        "https://app.example.com:65536/",
        "https://app.example.com:http/",
        "https://app.example.com%00.evil.example/",
        "https://app%2eexample%2fcom/",
        "//app.example.com/",
        "app.example.com",
    ] {
        assert!(Target::parse(text).is_err(), "{text:?}: {:?}", Target::parse(text));
    }
    assert!(Target::parse(&format!("https://app.example.com/{}", "a".repeat(3000))).is_err());
    assert!(Target::parse(&format!("https://{}example.com/", "a.".repeat(200))).is_err());
}

#[test]
fn userinfo_fragments_and_other_schemes_are_refused() {
    for text in ["https://a@app.example.com/", "https://a:b@app.example.com/", "https://@app.example.com/"] {
        assert_eq!(refused(text), Refusal::Userinfo, "{text}");
    }
    assert_eq!(refused("https://app.example.com/#a"), Refusal::Fragment);
    assert_eq!(refused("https://app.example.com/#"), Refusal::Fragment);
    for text in
        ["file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "javascript:alert(1)", "ws://a.example/"]
    {
        assert_eq!(refused(text), Refusal::Scheme, "{text}");
    }
}

#[test]
fn the_connector_reads_hosts_just_as_the_parser_did() {
    for text in ["https://app.example.com/x", "http://127.0.0.1:81/x", "https://[::ffff:7f00:1]:444/x"] {
        let target = Target::parse(text).unwrap();
        assert_eq!(Target::of_uri(target.uri()).unwrap(), target);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_disagree_with_the_connector(text in "(https?://)?[\\PC]{0,40}") {
        if let Ok(target) = Target::parse(&text) {
            proptest::prop_assert_eq!(Target::of_uri(target.uri()), Ok(target));
        }
    }
}
