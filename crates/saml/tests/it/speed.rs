//! Rates on one core, beside the bare signature. Run in release: `cargo test --release -p acquit-saml -- --ignored rates --nocapture`.

use std::{fs, hint::black_box};

use acquit_saml::message::{Expect, Kind, LogoutRequest, Message, Outbound, SignWhat};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};

use crate::parties::*;

/// Processor time of this process in seconds: other work on the machine does not count.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// How often a second each of two works can be done, the best of many turns: neighbours on the machine only slow down.
fn rates_of(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64) {
    fn turn(work: &mut impl FnMut()) -> f64 {
        let (start, mut rounds) = (cpu(), 0_u32);
        loop {
            for _ in 0..20 {
                work();
            }
            rounds += 20;
            let spent = cpu() - start;
            // The kernel counts in ticks of some milliseconds.
            if spent > 0.06 {
                return f64::from(rounds) / spent;
            }
        }
    }
    let mut best = (0_f64, 0_f64);
    for _ in 0..15 {
        best.0 = best.0.max(turn(&mut one));
        best.1 = best.1.max(turn(&mut other));
    }
    best
}

#[test]
#[ignore = "measures for some seconds; release only"]
fn rates() {
    let random = SystemRandom::new();
    let message = [7_u8; 400];

    let sent = response("alice");

    let pair = RsaKeyPair::from_pkcs8(&idp().pkcs8).unwrap();
    let mut out = vec![0; pair.public_modulus_len()];
    let (bare, signed) = rates_of(
        || pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut out).unwrap(),
        || drop(black_box(sent.to_xml(&idp().signer, SignWhat::Response, None).unwrap())),
    );
    println!("RSA-2048 bare {bare:.0}/s, response {signed:.0}/s = {:.0} %", signed / bare * 100.0);

    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &idp_ec().pkcs8).unwrap();
    let (bare, signed) = rates_of(
        || {
            black_box(pair.sign(&random, &message).unwrap());
        },
        || drop(black_box(sent.to_xml(&idp_ec().signer, SignWhat::Response, None).unwrap())),
    );
    println!("P-256 bare {bare:.0}/s, response {signed:.0}/s = {:.0} %", signed / bare * 100.0);

    let verifier = |keys: &'static Keys| {
        let arrived = posted(&logout_request("alice").signed_xml(&keys.signer).unwrap(), "SAMLRequest");
        let trust = trust(SP, &[keys]);
        move || {
            let message = Message::open(&arrived, &[Kind::LogoutRequest]).unwrap();
            let signed = message.verify(&trust, &Expect::new(&[IDP_SLO], now())).unwrap();
            black_box(LogoutRequest::from_signed(&signed, &[]).unwrap());
        }
    };
    let (rsa, ec) = rates_of(verifier(sp()), verifier(idp_ec()));
    println!("logout request verified: RSA-2048 {rsa:.0}/s, P-256 {ec:.0}/s");
    let xml = response_xml("alice", SignWhat::Response);
    let whole = || drop(black_box(consume(&xml).unwrap()));
    println!("response decoded, verified and read: RSA-2048 {:.0}/s", rates_of(whole, || ()).0);
}
