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

fn rate(mut work: impl FnMut()) -> f64 {
    for _ in 0..20 {
        work();
    }
    let (start, mut rounds) = (cpu(), 0_u32);
    loop {
        for _ in 0..50 {
            work();
        }
        rounds += 50;
        let spent = cpu() - start;
        if spent > 1.0 {
            return f64::from(rounds) / spent;
        }
    }
}

#[test]
#[ignore = "measures for some seconds; release only"]
#[expect(clippy::print_stdout, reason = "prints figures")]
fn rates() {
    let random = SystemRandom::new();
    let message = [7_u8; 400];

    let pair = RsaKeyPair::from_pkcs8(&idp().pkcs8).unwrap();
    let mut out = vec![0; pair.public_modulus_len()];
    let bare = rate(|| pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut out).unwrap());
    let sent = response("alice");
    let signed = rate(|| drop(black_box(sent.to_xml(&idp().signer, SignWhat::Response, None).unwrap())));
    println!("RSA-2048 bare {bare:.0}/s, response {signed:.0}/s = {:.0} %", signed / bare * 100.0);

    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &idp_ec().pkcs8).unwrap();
    let bare = rate(|| {
        black_box(pair.sign(&random, &message).unwrap());
    });
    let signed = rate(|| drop(black_box(sent.to_xml(&idp_ec().signer, SignWhat::Response, None).unwrap())));
    println!("P-256 bare {bare:.0}/s, response {signed:.0}/s = {:.0} %", signed / bare * 100.0);

    for (name, keys) in [("RSA-2048", sp()), ("P-256", idp_ec())] {
        let xml = logout_request("alice").signed_xml(&keys.signer).unwrap();
        let arrived = posted(&xml, "SAMLRequest");
        let trust = trust(SP, &[keys]);
        let verified = rate(|| {
            let message = Message::open(&arrived, &[Kind::LogoutRequest]).unwrap();
            let signed = message.verify(&trust, &Expect::new(&[IDP_SLO], now())).unwrap();
            black_box(LogoutRequest::from_signed(&signed, &[]).unwrap());
        });
        println!("{name} logout request verified {verified:.0}/s");
    }
    let xml = response_xml("alice", SignWhat::Response);
    let verified = rate(|| drop(black_box(consume(&xml).unwrap())));
    println!("RSA-2048 response decoded, verified and read {verified:.0}/s");
}
