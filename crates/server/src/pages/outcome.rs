//! Outcomes in words: the stamp of a step, the worst of several, and the sentence that a tired person reads first.

use acquit_core::receipt::Line;
pub use acquit_core::step::Outcome;

/// All, in the order in which totals list them.
pub const ALL: [Outcome; 5] =
    [Outcome::Confirmed, Outcome::Sent, Outcome::Pending, Outcome::Failed, Outcome::Unsupported];

/// What the core writes down for a party that a logout was not for.
const NOT_ASKED: &str = "not asked";
/// What the core writes down for a party that does not want to hear of expiry.
const NOT_OF_EXPIRY: &str = "not to be told of expiry";

/// The words on a stamp.
#[must_use]
pub fn stamp(outcome: Outcome, detail: Option<&str>) -> &'static str {
    match (outcome, detail) {
        (Outcome::Unsupported, Some(NOT_ASKED)) => "not asked",
        (Outcome::Unsupported, Some(NOT_OF_EXPIRY)) => "not told",
        (Outcome::Unsupported, _) => "cannot be told",
        (outcome, _) => outcome.as_str(),
    }
}

/// One app and what became of it, over all of its steps.
#[derive(Clone, Debug)]
pub struct App {
    /// The party's id (`data-party`).
    pub party: String,
    /// Its name.
    pub name: String,
    /// The worst of its steps' outcomes.
    pub outcome: Outcome,
    /// That step's detail.
    pub detail: Option<String>,
}

impl App {
    /// The words on its stamp.
    #[must_use]
    pub fn stamp(&self) -> &'static str {
        stamp(self.outcome, self.detail.as_deref())
    }
}

/// How bad an outcome is for somebody who wants to be out.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Confirmed => 0,
        Outcome::Sent => 1,
        Outcome::Pending => 2,
        Outcome::Unsupported => 3,
        Outcome::Failed => 4,
    }
}

/// The parties of a receipt, once each, in its order, with the worst of their steps.
#[must_use]
pub fn apps(lines: &[Line], name_of: impl Fn(&str) -> String) -> Vec<App> {
    let mut apps: Vec<App> = Vec::new();
    for line in lines {
        let party = line.party.as_str();
        match apps.iter_mut().find(|app| app.party == party) {
            Some(app) if rank(app.outcome) >= rank(line.outcome) => {}
            Some(app) => {
                app.outcome = line.outcome;
                app.detail.clone_from(&line.detail);
            }
            None => apps.push(App {
                party: party.to_owned(),
                name: name_of(party),
                outcome: line.outcome,
                detail: line.detail.clone(),
            }),
        }
    }
    apps
}

/// What a sign-out did not reach, to follow "You are signed out here"; none when it reached everything.
#[must_use]
pub fn but(apps: &[App]) -> Option<String> {
    let of = |outcomes: &[Outcome]| {
        names(apps.iter().filter(|app| outcomes.contains(&app.outcome)).map(|app| app.name.as_str()))
    };
    let missed = of(&[Outcome::Pending, Outcome::Failed, Outcome::Unsupported]);
    if missed.is_empty() {
        None
    } else if of(&[Outcome::Failed, Outcome::Unsupported]).is_empty() {
        Some(format!("but not of {missed} yet"))
    } else {
        // Nobody knows what an app that could not be told does; "may" is all that can be said.
        Some(format!("but {missed} may still be open"))
    }
}

/// Names as a sentence has them: "Wiki", "Wiki and Chat", "Wiki, Chat and 3 others". Each name once.
#[must_use]
pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    match unique.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

/// "1 app", "3 apps".
#[must_use]
pub fn count(apps: usize) -> String {
    if apps == 1 { "1 app".to_owned() } else { format!("{apps} apps") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, outcome: Outcome) -> App {
        App { party: name.to_lowercase(), name: name.to_owned(), outcome, detail: None }
    }

    #[test]
    fn names_are_joined_as_people_say_them_and_said_once() {
        assert_eq!(names([]), "");
        assert_eq!(names(["Wiki", "Wiki"]), "Wiki");
        assert_eq!(names(["Wiki", "Chat"]), "Wiki and Chat");
        assert_eq!(names(["A", "B", "C"]), "A, B and C");
        assert_eq!(names(["A", "B", "C", "D"]), "A, B and 2 others");
    }

    #[test]
    fn whatever_was_not_reached_is_named() {
        let (out, sent) = (app("Payroll", Outcome::Confirmed), app("Chat", Outcome::Sent));
        assert_eq!(but(&[]), None);
        assert_eq!(but(&[out.clone(), sent]), None);
        for bad in [Outcome::Pending, Outcome::Failed, Outcome::Unsupported] {
            assert!(but(&[out.clone(), app("Wiki", bad)]).unwrap().contains("Wiki"), "{bad:?}");
        }
        let both = but(&[app("Wiki", Outcome::Pending), app("Notes", Outcome::Failed)]).unwrap();
        assert!(both.contains("Wiki") && both.contains("Notes"));
    }

    #[test]
    fn a_party_that_was_not_asked_is_not_called_unable() {
        assert_eq!(stamp(Outcome::Unsupported, Some("not asked")), "not asked");
        assert_eq!(stamp(Outcome::Unsupported, Some("has no logout channel")), "cannot be told");
        assert_eq!(stamp(Outcome::Confirmed, Some("not asked")), "confirmed");
    }
}
