//! A browser in words, from its `User-Agent`: enough for a person to recognise their own.

/// "Firefox on Windows", "Safari on iPhone"; "Unknown browser" when nothing is recognised. A program that is no browser is
/// called by the first word that it gives itself, cut short.
#[must_use]
pub fn in_words(user_agent: &str) -> String {
    match (browser(user_agent), system(user_agent)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Unknown browser on {system}"),
        (None, None) => program(user_agent).unwrap_or_else(|| "Unknown browser".to_owned()),
    }
}

/// The first that matches: nearly every browser also names the ones that it descends from.
fn browser(user_agent: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi/", "Vivaldi"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("YaBrowser/", "Yandex Browser"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("HeadlessChrome/", "Chrome"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    find(KNOWN, user_agent)
}

fn system(user_agent: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "Mac"),
        ("FreeBSD", "FreeBSD"),
        ("Linux", "Linux"),
    ];
    find(KNOWN, user_agent)
}

fn find(known: &[(&str, &'static str)], user_agent: &str) -> Option<&'static str> {
    known.iter().find(|(token, _)| user_agent.contains(token)).map(|(_, words)| *words)
}

fn program(user_agent: &str) -> Option<String> {
    let name: String = user_agent.split(['/', ' ']).next()?.chars().filter(|c| !c.is_control()).take(40).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_browsers_are_recognised() {
        let cases = [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 \
                 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 \
                 Safari/537.36 Edg/138.0.0.0",
                "Edge on Mac",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ];
        for (user_agent, words) in cases {
            assert_eq!(in_words(user_agent), words);
        }
    }

    #[test]
    fn what_is_no_browser_is_called_by_its_own_short_name() {
        assert_eq!(in_words("curl/8.5.0"), "curl");
        assert_eq!(in_words(""), "Unknown browser");
        assert_eq!(in_words("\u{7}\n/x"), "Unknown browser");
        assert_eq!(in_words(&"x".repeat(9000)).len(), 40);
    }
}
