use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Params, ParamsError> {
    Params::parse(text.as_bytes())
}

#[test]
fn a_parameter_sent_twice_is_an_error_that_names_it() {
    let repeated = Err(ParamsError::Repeated { name: "state".into() });
    assert_eq!(parse("state=a&x=1&state=b"), repeated);
    assert_eq!(parse("state=a&st%61te=a"), repeated);
    assert_eq!(parse("state=&state=a"), repeated);
    assert_eq!(parse("state&state"), repeated);
}

#[test]
fn a_parameter_in_the_query_and_in_the_body_is_sent_twice() {
    let both = Params::parse_request(b"client_id=a", b"client_id=a");
    assert_eq!(both, Err(ParamsError::Repeated { name: "client_id".into() }));
}

#[test]
fn an_empty_parameter_counts_as_absent() {
    let params = parse("state=&nonce&x=1&=y").unwrap();
    assert_eq!((params.get("state"), params.get("nonce"), params.get("x")), (None, None, Some("1")));
    assert!(params.require("state").is_err());
}

#[test]
fn escapes_are_read_strictly() {
    assert_eq!(parse("a=%41+%2B%26").unwrap().get("a"), Some("A +&"));
    for bad in ["a=%", "a=%4", "a=%4g", "a=%zz", "%=1", "a=%ff", "a=%c3%28", "a=%ed%a0%80"] {
        assert_eq!(parse(bad), Err(ParamsError::Encoding), "{bad}");
    }
    assert_eq!(Params::parse(b"a=\xff"), Err(ParamsError::Encoding));
}

#[test]
fn too_much_is_refused_by_its_limit() {
    let many: String = (0..MAX_COUNT + 1).map(|i| format!("p{i}=1&")).collect();
    assert_eq!(parse(&many), Err(ParamsError::TooMany));
    let ten_thousand: String = (0..10_000).map(|i| format!("{i}=&")).collect();
    assert_eq!(parse(&ten_thousand), Err(ParamsError::TooMany));
    assert_eq!(parse(&"a".repeat(MAX_TOTAL + 1)), Err(ParamsError::TooLarge));
    assert_eq!(parse(&"a".repeat(MAX_NAME + 1)), Err(ParamsError::NameTooLong));
    let long = |name: &str, size| parse(&format!("{name}={}", "x".repeat(size)));
    assert_eq!(long("state", MAX_VALUE + 1), Err(ParamsError::ValueTooLong { name: "state".into() }));
    assert!(long("state", MAX_VALUE).is_ok() && long("id_token_hint", MAX_TOKEN).is_ok());
    assert!(long("id_token_hint", MAX_TOKEN + 1).is_err());
}

#[test]
fn numbers_and_words_are_read_as_their_rules_say() {
    let params = parse("max_age=0&scope=openid++email+openid&bad=-1&plus=%2B5&big=4294967295").unwrap();
    assert_eq!(params.number("max_age"), Ok(Some(0)));
    assert_eq!(params.number("none"), Ok(None));
    assert!(params.number("bad").is_err() && params.number("plus").is_err() && params.number("big").is_err());
    assert_eq!(params.words("scope"), ["openid", "email"]);
    assert!(params.words("none").is_empty());
}

#[test]
fn values_do_not_show_in_debug_output() {
    let shown = format!("{:?}", parse("client_secret=hunter2").unwrap());
    assert!(shown.contains("client_secret") && !shown.contains("hunter2"));
}

proptest! {
    #[test]
    fn any_list_survives_its_encoding(pairs in prop::collection::btree_map(".{0,20}", ".{0,60}", 0..20)) {
        let params = Params::from_pairs(pairs).unwrap();
        prop_assert_eq!(Params::parse(params.encode().as_bytes()).unwrap(), params);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Params::parse(&bytes);
    }
}
