//! What the doctor says of an identity provider, for people.

use std::fmt::Write as _;

use super::{
    super::text::{keys, name},
    openid::OpenId,
    saml::Saml,
};
use crate::output::{Ink, Output, clean};

/// Of an OpenID provider.
pub(super) fn openid(about: &OpenId, output: &Output) -> String {
    let setup = &about.setup;
    let mut text = format!("{}\n", output.ink(Ink::Strong, &clean(&setup.issuer)));
    if about.source != setup.issuer {
        let _ = writeln!(text, "  read from {}", clean(&about.source));
    }
    text.push_str("\nWhat it can do for a logout, by its own account\n");
    for ability in &setup.abilities {
        let sign = if ability.able { output.ink(Ink::Good, "yes") } else { output.ink(Ink::Bad, "no ") };
        let _ = writeln!(text, "  {sign}  {}", ability.words);
        if let Some(endpoint) = &ability.endpoint {
            let _ = writeln!(text, "       {}", clean(endpoint));
        }
    }
    text.push_str("\nTried\n");
    for one in &about.tries {
        let sign = if one.ok { output.ink(Ink::Good, "ok ") } else { output.ink(Ink::Bad, "NOT") };
        let _ = writeln!(text, "  {sign}  {}: {}", one.what, clean(&one.words));
    }
    if let Some(compared) = &about.connection {
        let _ = writeln!(text, "\nThe connection {}", clean(&compared.id));
        if !compared.issuer_matches {
            let sign = output.ink(Ink::Bad, "NOT");
            let _ = writeln!(text, "  {sign}  its `issuer` is another one: every sign-in would be refused");
        }
        for misfit in &compared.misfits {
            let _ = writeln!(text, "  {}  {}", output.ink(Ink::Waiting, "?  "), clean(misfit));
        }
        if compared.issuer_matches && compared.misfits.is_empty() {
            let _ = writeln!(text, "  {}  fits what the provider says", output.ink(Ink::Good, "ok "));
        }
    }
    if setup.register.is_empty() {
        text.push_str(
            "\nFor the URLs to register there, name its connection in the configuration with --connection.\n",
        );
    } else {
        text.push_str("\nRegister there\n");
    }
    for one in &setup.register {
        let _ = writeln!(text, "  {}\n      {}", one.name, output.ink(Ink::Strong, &clean(&one.url)));
        if let Some(with) = one.with {
            let _ = writeln!(text, "      which is then called with {with}");
        }
        if let Some(setting) = one.session_setting {
            let _ = writeln!(text, "      and {setting} = true");
        }
        let _ = writeln!(text, "      {}", one.words);
        if !one.useful {
            let _ = writeln!(text, "      {}", output.ink(Ink::Waiting, "It says nothing of being able to use it."));
        }
    }
    if !about.advice.is_empty() {
        text.push_str("\nWhat that means\n");
    }
    for advice in &about.advice {
        let _ = writeln!(text, "  {advice}");
    }
    text
}

/// Of a SAML identity provider.
pub(super) fn saml(about: &Saml, output: &Output) -> String {
    let mut text = format!("{}\n", output.ink(Ink::Strong, &clean(&about.entity_id)));
    let until = about.valid_until.map_or("no end given".to_owned(), |end| format!("valid until {end}"));
    let _ = writeln!(text, "  metadata from {}, {until}", clean(&about.source));
    let (ink, verdict) = match (about.reaches_provider, about.takes_soap()) {
        (true, true) => (Ink::Good, "Yes, also from server to server, by SOAP."),
        (true, false) => (Ink::Waiting, "Yes, through the person's browser."),
        (false, _) => (Ink::Bad, "No: it names no SingleLogoutService. Every receipt will say \"unsupported\"."),
    };
    let _ = write!(text, "\nCan a logout here end the session there? {}\n", output.ink(ink, verdict));
    for address in &about.logout {
        let _ = writeln!(text, "  {:<9} {}", name(&address.binding), clean(&address.location));
        if let Some(answers) = &address.response_location {
            let _ = writeln!(text, "            answers go to {}", clean(answers));
        }
    }
    let (ink, verdict) = if about.believed {
        (Ink::Good, "Yes, if it sends signed LogoutRequests: its key is known.")
    } else {
        (Ink::Bad, "No: no usable certificate of it is known, so nothing that it says can be believed.")
    };
    let _ = write!(text, "\nCan a logout there reach us? {}\n", output.ink(ink, verdict));
    text.push_str("\nKeys\n");
    keys(&mut text, "signs with", &about.signing_certificates, output);
    text.push_str("\nSign-in\n");
    for address in &about.single_sign_on {
        let _ = writeln!(text, "  {:<9} {}", name(&address.binding), clean(&address.location));
    }
    text.push_str(if about.want_authn_requests_signed {
        "  it takes signed AuthnRequests only\n"
    } else {
        "  it does not ask for signed AuthnRequests\n"
    });
    if about.register.is_empty() {
        text.push_str(
            "\nFor the URLs to register there, name its connection in the configuration with --connection.\n",
        );
    } else {
        text.push_str("\nRegister there\n");
    }
    for one in &about.register {
        let _ = writeln!(text, "  {}\n      {}\n      {}", one.name, output.ink(Ink::Strong, &one.url), one.words);
    }
    text
}
