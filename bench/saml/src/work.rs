//! What is measured.

use std::hint::black_box;

use acquit_saml::message::{Kind, LogoutRequest, Message, SignWhat};
use anyhow::{Result, bail};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    messages::{Party, expect},
    peer::Peer,
};

/// How long one turn takes, in seconds of CPU time.
const TURN: f64 = 0.08;
/// As long as a SignedInfo.
const BARE: [u8; 600] = [7; 600];

/// CPU time of this thread in seconds.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds since the start of a benchmark")]
    let seconds = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
    seconds
}

/// Does its work so many times and says what that cost, in seconds of CPU time.
type Timed<'a> = Box<dyn FnMut(u32) -> Result<f64> + 'a>;

/// A work with its name.
pub(crate) struct Work<'a> {
    name: String,
    times: u32,
    timed: Timed<'a>,
}

impl<'a> Work<'a> {
    /// The works with one kind of key, those that are compared one after the other.
    pub(crate) fn all(party: &'a Party, peer: &'a Peer) -> Result<Vec<Self>> {
        let peer_does = |verb: &'static str| -> Timed<'a> { Box::new(move |times| peer.time(verb, party.name, times)) };
        let works = [
            ("bare", loops(bare(party)?)),
            ("sign", loops(signs(party))),
            ("xmlsec sign", peer_does("sign")),
            ("bare verify", loops(bare_verify(party)?)),
            ("verify", loops(verifies(party)?)),
            ("xmlsec verify", peer_does("verify")),
        ];
        let named = |(name, timed)| Self { name: format!("{} {name}", party.name), times: 10, timed };
        Ok(works.into_iter().map(named).collect())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Does as much as fits into a turn; how often a second it can be done.
    pub(crate) fn turn(&mut self) -> Result<f64> {
        loop {
            let seconds = (self.timed)(self.times)?;
            let rate = f64::from(self.times) / seconds;
            if seconds > TURN / 4.0 {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
                let fits = (rate * TURN) as u32;
                self.times = fits.max(10);
                return Ok(rate);
            }
            self.times *= 4;
        }
    }
}

/// Does one work of ours alone.
pub(crate) fn alone(party: &Party, only: &str, seconds: f64) -> Result<()> {
    let mut timed = match only {
        "sign" => loops(signs(party)),
        "verify" => loops(verifies(party)?),
        _ => bail!("no such work"),
    };
    let mut spent = 0.0;
    while spent < seconds {
        spent += timed(100)?;
    }
    Ok(())
}

fn loops<'a>(mut once: impl FnMut() -> Result<()> + 'a) -> Timed<'a> {
    Box::new(move |times| {
        let began = cpu();
        for _ in 0..times {
            once()?;
        }
        Ok(cpu() - began)
    })
}

fn bare<'a>(party: &Party) -> Result<Box<dyn FnMut() -> Result<()> + 'a>> {
    let random = SystemRandom::new();
    if let Ok(pair) = RsaKeyPair::from_pkcs8(&party.pkcs8) {
        let mut out = vec![0; pair.public_modulus_len()];
        return Ok(Box::new(move || Ok(pair.sign(&RSA_PKCS1_SHA256, &random, black_box(&BARE), &mut out)?)));
    }
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &party.pkcs8)?;
    Ok(Box::new(move || {
        black_box(pair.sign(&random, black_box(&BARE))?);
        Ok(())
    }))
}

fn bare_verify(party: &Party) -> Result<impl FnMut() -> Result<()>> {
    let random = SystemRandom::new();
    let spki = party.spki()?;
    let (key, signature) = match RsaKeyPair::from_pkcs8(&party.pkcs8) {
        Ok(pair) => {
            let mut out = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, &BARE, &mut out)?;
            (ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki)?, out)
        }
        Err(_) => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &party.pkcs8)?;
            let out = pair.sign(&random, &BARE)?.as_ref().to_vec();
            (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki)?, out)
        }
    };
    Ok(move || Ok(key.verify_sig(black_box(&BARE), &signature)?))
}

/// From the values to the text that is sent.
fn signs(party: &Party) -> impl FnMut() -> Result<()> {
    || {
        black_box(party.response.to_xml(&party.signer, SignWhat::Response, None)?);
        Ok(())
    }
}

/// From the text to the values that may be believed; Destination, times and issuer are checked on the way.
fn verifies(party: &Party) -> Result<impl FnMut() -> Result<()>> {
    let arrived = party.arrived()?;
    Ok(move || {
        let message = Message::open(&arrived, &[Kind::LogoutRequest, Kind::LogoutResponse])?;
        let signed = message.verify(&party.trust, &expect())?;
        black_box(LogoutRequest::from_signed(&signed, &[])?);
        Ok(())
    })
}
