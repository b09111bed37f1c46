//! The system and the browser behind a `User-Agent`, as far as Okta's log tells them: a guess by the marks that browsers
//! have kept for years, for people who look at the log; nothing is decided by it.

/// The system, the browser and the kind of device.
#[must_use]
pub fn guess(agent: &str) -> (&'static str, &'static str, &'static str) {
    let first = |marks: &[(&str, &'static str)], otherwise| {
        marks.iter().find(|(mark, _)| agent.contains(mark)).map_or(otherwise, |(_, name)| *name)
    };
    // The later ones say that they are the earlier ones, too, so the order matters.
    let os = first(
        &[
            ("Windows", "Windows"),
            ("Android", "Android"),
            ("iPhone", "iOS"),
            ("iPad", "iOS"),
            ("Mac OS X", "Mac OS X"),
            ("CrOS", "Chrome OS"),
            ("Linux", "Linux"),
        ],
        "Unknown",
    );
    let browser = first(
        &[
            ("Edg", "EDGE"),
            ("OPR/", "OPERA"),
            ("Firefox/", "FIREFOX"),
            ("FxiOS", "FIREFOX"),
            ("Chrome/", "CHROME"),
            ("CriOS", "CHROME"),
            ("Safari/", "SAFARI"),
        ],
        "UNKNOWN",
    );
    let device = first(&[("iPad", "Tablet"), ("Mobile", "Mobile"), ("Mozilla/", "Computer")], "Unknown");
    (os, browser, device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_browsers_are_told_apart() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, guessed) in [
            (
                format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/131.0 Safari/537.36"),
                ("Linux", "CHROME", "Computer"),
            ),
            (
                format!("Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/131.0 Safari/537.36 Edg/131.0"),
                ("Windows", "EDGE", "Computer"),
            ),
            (
                format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {webkit} Version/18 Mobile/15E148 Safari/604.1"
                ),
                ("iOS", "SAFARI", "Mobile"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Firefox/132.0".to_owned(),
                ("Mac OS X", "FIREFOX", "Computer"),
            ),
            ("curl/8.5".to_owned(), ("Unknown", "UNKNOWN", "Unknown")),
        ] {
            assert_eq!(guess(&agent), guessed, "{agent}");
        }
    }
}
