//! The figures in words.

use std::{collections::BTreeMap, fs, io::Write, path::Path, process::Command};

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- From here to the next mark by bench/saml/run. -->";
const END: &str = "<!-- Until here. -->";

/// All rates of a run, by work.
pub(crate) struct Run {
    peer: String,
    rates: BTreeMap<String, Vec<f64>>,
}

impl Run {
    pub(crate) fn new(peer: &str) -> Self {
        Self { peer: peer.to_owned(), rates: BTreeMap::new() }
    }

    pub(crate) fn note(&mut self, work: &str, rate: f64) {
        self.rates.entry(work.to_owned()).or_default().push(rate);
    }

    fn of(&self, key: &str, work: &str) -> &[f64] {
        self.rates.get(&format!("{key} {work}")).map_or(&[], |rates| rates)
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The middle of the rounds' ratios, and between what half of them lie.
struct Ratio {
    middle: f64,
    low: f64,
    high: f64,
}

fn ratio(own: &[f64], other: &[f64]) -> Ratio {
    let mut ratios: Vec<_> = own.iter().zip(other).map(|(own, other)| own / other).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |index: usize| ratios.get(index).copied().unwrap_or(f64::NAN);
    Ratio { middle: middle(&ratios), low: at(ratios.len() / 4), high: at(ratios.len() * 3 / 4) }
}

/// Prints the tables, and puts them into the results if wanted.
pub(crate) fn print(run: &Run, write: bool) -> Result<()> {
    let text = text(run)?;
    std::io::stdout().write_all(text.as_bytes())?;
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../RESULTS.md");
        let old = fs::read_to_string(&path)?;
        let (before, rest) = old.split_once(BEGIN).context("RESULTS.md has no place for these figures")?;
        let (_, after) = rest.split_once(END).context("RESULTS.md has no end of these figures")?;
        fs::write(path, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))?;
    }
    Ok(())
}

fn text(run: &Run) -> Result<String> {
    use std::fmt::Write;
    let mut out = String::new();
    let rounds = run.rates.values().next().map_or(0, Vec::len);
    writeln!(
        out,
        "Measured {}, commit {}, libxmlsec1 {} on {}; the middle of {rounds} rounds.\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M"]),
        said("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        run.peer,
        said("openssl", &["version"]).split(" (").next().unwrap_or_default(),
    )?;
    writeln!(out, "| per second and core | RSA-2048 | P-256 |\n| --- | --- | --- |")?;
    for (title, work) in [
        ("bare signatures made by aws-lc-rs", "bare"),
        ("SSO responses signed by Acquit", "sign"),
        ("SSO responses signed by libxmlsec1", "xmlsec sign"),
        ("bare signatures verified by aws-lc-rs", "bare verify"),
        ("logout requests verified by Acquit", "verify"),
        ("logout requests verified by libxmlsec1", "xmlsec verify"),
    ] {
        let [rsa, ec] = ["RSA-2048", "P-256"].map(|key| middle(run.of(key, work)));
        writeln!(out, "| {title} | {rsa:.0} | {ec:.0} |")?;
    }
    writeln!(
        out,
        "\n| in the same round, half of the rounds in brackets | goal | RSA-2048 | P-256 |\n| --- | --- | --- | --- |"
    )?;
    for (title, own, other, goal) in [
        ("signing a response ÷ the bare signature", "sign", "bare", Some(0.85)),
        ("signing a response ÷ libxmlsec1", "sign", "xmlsec sign", None),
        ("verifying a logout request ÷ libxmlsec1", "verify", "xmlsec verify", Some(6.0)),
        ("verifying a logout request ÷ the bare verification", "verify", "bare verify", None),
        ("the bare verification ÷ libxmlsec1", "bare verify", "xmlsec verify", None),
    ] {
        let [rsa, ec] = ["RSA-2048", "P-256"].map(|key| ratio(run.of(key, own), run.of(key, other)));
        // The goal of signing was set for RSA: a response is more work than a P-256 signature.
        let ec_goal = goal.filter(|_| own == "verify");
        let wanted = goal.map_or_else(String::new, |goal| format!("≥ {goal}"));
        writeln!(out, "| {title} | {wanted} | {} | {} |", cell(&rsa, goal), cell(&ec, ec_goal))?;
    }
    Ok(out)
}

fn cell(ratio: &Ratio, goal: Option<f64>) -> String {
    let verdict = match goal {
        None => String::new(),
        Some(goal) if ratio.middle >= goal => ", met".to_owned(),
        Some(goal) => format!(", **short by {:.0} %**", (1.0 - ratio.middle / goal) * 100.0),
    };
    format!("{:.2} ({:.2}–{:.2}){verdict}", ratio.middle, ratio.low, ratio.high)
}

/// What a command says, or `unknown`.
fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
