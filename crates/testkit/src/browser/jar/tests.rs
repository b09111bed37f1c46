use super::*;

const OWN: Context = Context { same_site: true, top_level: true, safe_method: true };

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn names(jar: &Jar, at: &str, context: Context) -> Vec<String> {
    jar.matching(&url(at), context).iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect()
}

fn with(header: &str, at: &str) -> Jar {
    let mut jar = Jar::default();
    jar.set(header, &url(at), OWN).unwrap();
    jar
}

#[test]
fn a_cookie_without_domain_is_for_its_host_only() {
    let jar = with("a=1", "http://id.localhost/x/y");
    assert_eq!(names(&jar, "http://id.localhost:9/x/z", OWN), ["a=1"], "the port does not count");
    assert!(names(&jar, "http://sub.id.localhost/x/", OWN).is_empty());
    assert!(names(&jar, "http://id.localhost/", OWN).is_empty(), "its default path is /x");
}

#[test]
fn a_domain_reaches_down_but_never_up_to_a_public_suffix() {
    let jar = with("a=1; Domain=id.localhost; Path=/", "http://id.localhost/");
    assert_eq!(names(&jar, "http://sub.id.localhost/", OWN), ["a=1"]);
    for domain in ["localhost", "other.localhost", "d.localhost"] {
        let refused = Jar::default().set(&format!("a=1; Domain={domain}"), &url("http://id.localhost/"), OWN);
        assert!(refused.is_err(), "{domain}");
    }
    assert!(Jar::default().set("a=1; Domain=0.0.1", &url("http://127.0.0.1/"), OWN).is_err());
}

#[test]
fn paths_match_by_whole_segments_and_the_longest_comes_first() {
    let mut jar = with("a=1; Path=/", "http://localhost/");
    jar.set("a=2; Path=/x", &url("http://localhost/"), OWN).unwrap();
    assert_eq!(names(&jar, "http://localhost/x/y", OWN), ["a=2", "a=1"]);
    assert_eq!(names(&jar, "http://localhost/xy", OWN), ["a=1"]);
}

#[test]
fn prefixes_bind() {
    let at = url("http://localhost/x");
    for refused in [
        "__Host-a=1",
        "__Host-a=1; Secure",
        "__Host-a=1; Secure; Path=/x",
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure; Path=/; Domain=localhost",
        "__HOST-a=1; Secure",
        "__Secure-a=1",
    ] {
        assert!(Jar::default().set(refused, &at, OWN).is_err(), "{refused}");
    }
    for taken in ["__Host-a=1; Secure; Path=/", "__Secure-a=1; Secure"] {
        assert!(Jar::default().set(taken, &at, OWN).is_ok(), "{taken}");
    }
}

#[test]
fn secure_needs_a_trusted_connection_to_be_set_and_sent() {
    assert!(Jar::default().set("a=1; Secure", &url("http://example.com/"), OWN).is_err());
    let jar = with("a=1; Secure; Path=/", "https://example.com/");
    assert_eq!(names(&jar, "https://example.com/", OWN), ["a=1"]);
    assert!(names(&jar, "http://example.com/", OWN).is_empty());
    assert!(Jar::default().set("a=1; SameSite=None", &url("http://localhost/"), OWN).is_err());
}

#[test]
fn same_site_decides_what_other_sites_bring_along() {
    let mut jar = with("strict=1; SameSite=Strict; Path=/", "http://id.localhost/");
    jar.set("lax=1; SameSite=Lax; Path=/", &url("http://id.localhost/"), OWN).unwrap();
    jar.set("none=1; SameSite=None; Secure; Path=/", &url("http://id.localhost/"), OWN).unwrap();
    jar.set("silent=1; Path=/", &url("http://id.localhost/"), OWN).unwrap();
    let at = "http://id.localhost/";
    let link = Context { same_site: false, top_level: true, safe_method: true };
    let post = Context { safe_method: false, ..link };
    let frame = Context { top_level: false, ..link };
    assert_eq!(names(&jar, at, OWN).len(), 4);
    assert_eq!(names(&jar, at, link), ["lax=1", "none=1", "silent=1"]);
    assert_eq!(names(&jar, at, post), ["none=1"]);
    assert_eq!(names(&jar, at, frame), ["none=1"]);
    assert!(jar.set("b=1", &url(at), frame).is_err(), "nor can such a frame set one");
}

#[test]
fn max_age_takes_a_cookie_away_and_expires_yields_to_it() {
    let mut jar = with("a=1; Path=/", "http://localhost/");
    jar.set("a=; Path=/; Max-Age=0", &url("http://localhost/"), OWN).unwrap();
    assert!(jar.all().is_empty());
    jar.set("b=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", &url("http://localhost/"), OWN).unwrap();
    assert_eq!(names(&jar, "http://localhost/", OWN), ["b=1"]);
    jar.set("b=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", &url("http://localhost/"), OWN).unwrap();
    assert!(jar.all().is_empty());
}

#[test]
fn what_is_too_long_or_has_control_characters_is_no_cookie() {
    let at = url("http://localhost/");
    for refused in [format!("a={}", "x".repeat(4096)), "a=1\u{7f}".into(), "a\u{1}=1".into(), "=1".into(), "a".into()] {
        assert!(Jar::default().set(&refused, &at, OWN).is_err());
    }
}
