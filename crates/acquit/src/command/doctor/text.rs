//! What the doctor says, for people.

use std::fmt::Write as _;

use acquit_core::Timestamp;

use super::about::{About, Address, Key, Told};
use crate::{
    config::diagnostic::Severity,
    output::{Ink, Output, clean},
};

/// The whole of it.
pub(super) fn show(about: &About, output: &Output) -> String {
    let mut text = format!("{}\n", output.ink(Ink::Strong, &clean(&about.entity_id)));
    let until = about.valid_until.map_or("no end given".to_owned(), |end| format!("valid until {end}"));
    let _ = writeln!(text, "  metadata from {}, {until}", clean(&about.source));
    let (ink, verdict) = verdict(about);
    let _ = write!(text, "\nCan it be told of a logout? {}\n", output.ink(ink, verdict));
    if about.told_by.is_some() && about.has_errors() {
        let but = output.ink(Ink::Bad, "But not as it is: see the remarks.");
        let _ = writeln!(text, "  {but}");
    }
    for address in &about.logout {
        let _ = writeln!(text, "  {:<9} {}", name(&address.binding), clean(&address.location));
        let _ = writeln!(text, "            {}", worth(address, about.told_by));
        if let Some(answers) = &address.response_location {
            let _ = writeln!(text, "            answers go to {}", clean(answers));
        }
        if address.asynchronous {
            text.push_str("            also takes requests that want no answer (asynchronous logout)\n");
        }
    }
    let _ = write!(text, "\nCan a logout begin there? {}\n", begins(about));
    text.push_str("\nKeys\n");
    keys(&mut text, "signs with", &about.signing_certificates, output);
    keys(&mut text, "decrypts with", &about.encryption_certificates, output);
    text.push_str(if about.encryption_certificates.is_empty() {
        "  it has no key to encrypt to\n"
    } else {
        "  Acquit signs assertions and does not encrypt them; they travel by TLS\n"
    });
    text.push_str("\nSign-in\n");
    for address in &about.assertion_consumers {
        let taken = if address.binding == "post" { "" } else { "  (not used by Acquit)" };
        let _ = writeln!(text, "  assertions by {:<9} {}{taken}", name(&address.binding), clean(&address.location));
    }
    text.push_str(if about.authn_requests_signed {
        "  it signs its AuthnRequests, so Acquit refuses unsigned ones\n"
    } else {
        "  it does not promise to sign its AuthnRequests; unsigned ones are taken, and answered at the addresses above only\n"
    });
    text.push_str(if about.want_assertions_signed {
        "  it wants the assertion itself signed: Acquit signs it and the Response around it\n"
    } else {
        "  it does not ask for a signature on the assertion itself: Acquit signs the Response around it\n"
    });
    let formats: Vec<String> = about.name_id_formats.iter().map(|format| clean(format)).collect();
    let formats = if formats.is_empty() { "not said, so any".to_owned() } else { formats.join(", ") };
    let _ = writeln!(text, "  formats of names: {formats}");
    remarks(&mut text, about, output);
    let _ = write!(text, "\nWrite into acquit.toml:\n\n{}", about.configuration);
    text.push_str("\nand give the application Acquit's metadata, from PUBLIC_URL/saml/metadata. `acquit check` looks at the rest.\n");
    text
}

fn verdict(about: &About) -> (Ink, &'static str) {
    match about.told_by {
        Some(Told::Soap) => (Ink::Good, "Yes, by the server: durably, with its answer as the proof. Acquit uses SOAP."),
        Some(Told::Redirect) => (Ink::Waiting, "Only through the person's browser. Acquit uses Redirect."),
        Some(Told::Post) => (Ink::Waiting, "Only through the person's browser. Acquit uses POST."),
        None => (Ink::Bad, "No: it names no address that Acquit could use. Every receipt will say \"unsupported\"."),
    }
}

pub(super) fn name(binding: &str) -> String {
    match binding {
        "soap" => "SOAP".to_owned(),
        "redirect" => "Redirect".to_owned(),
        "post" => "POST".to_owned(),
        "artifact" => "Artifact".to_owned(),
        other => clean(other),
    }
}

/// What an address is good for, beside the one that is used.
fn worth(address: &Address, told_by: Option<Told>) -> &'static str {
    match (address.binding.as_str(), told_by) {
        ("soap", _) => "from server to server: tried again until it answers, with no browser needed",
        ("redirect" | "post", Some(Told::Soap)) => "through the browser: for the answer, when a logout begins there",
        ("post", Some(Told::Redirect)) => "through the browser as well; not needed beside Redirect",
        ("redirect" | "post", _) => {
            "one hop of the browser, which brings the answer back; with the browser away it waits for it"
        }
        _ => "not used by Acquit for logout",
    }
}

fn begins(about: &About) -> &'static str {
    let answered = about.logout.iter().any(|address| matches!(address.binding.as_str(), "redirect" | "post"));
    match (about.is_believed(), answered) {
        (false, _) => "No: no usable certificate of it is known, so its LogoutRequests are refused.",
        (true, true) => "Yes: its signed LogoutRequests are taken, and answered.",
        (true, false) => {
            "Yes, and by SOAP it is answered. One that its browser brings ends on Acquit's own page: there is no address for \
             the answer."
        }
    }
}

pub(super) fn keys(text: &mut String, what: &str, keys: &[Key], output: &Output) {
    for key in keys {
        let end = if key.expired { output.ink(Ink::Waiting, "expired on") } else { "until".to_owned() };
        let weak = if key.usable { "" } else { ", too weak or of an unknown kind" };
        let _ = writeln!(text, "  {what} {}, {end} {}{weak}", clean(&key.subject), day(key.not_after));
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn remarks(text: &mut String, about: &About, output: &Output) {
    if about.remarks.is_empty() {
        return;
    }
    text.push_str("\nRemarks\n");
    for remark in &about.remarks {
        let (ink, word) = match remark.severity {
            Severity::Error => (Ink::Bad, "error"),
            Severity::Warning => (Ink::Waiting, "warning"),
        };
        let _ = writeln!(text, "  {}: {}", output.ink(ink, word), clean(&remark.message));
        if let Some(help) = &remark.help {
            let _ = writeln!(text, "    help: {}", clean(help));
        }
    }
}
