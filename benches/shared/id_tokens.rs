//! ID tokens as GitHub signs them: 34 claims, RS256, about 2 kB, each one different.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use trustmint::clock::{Clock as _, SystemClock};

use super::Outcome;

/// The `aud` of the ID tokens.
pub(crate) const AUDIENCE: &str = "pypi.example.com";
const KID: &str = "38826b17-6a30-5f9b-b169-8beb8202f723";

/// An issuer with one key.
pub(crate) struct Issuer {
    /// `iss`.
    pub(crate) url: String,
    key: KeyPair,
    signed: AtomicUsize,
}

impl Issuer {
    /// One whose `iss` is this.
    pub(crate) fn new(url: impl Into<String>) -> Outcome<Self> {
        Ok(Self { url: url.into(), key: KeyPair::generate(KeySize::Rsa2048)?, signed: AtomicUsize::new(0) })
    }

    /// Its key set, for `keys_file`.
    pub(crate) fn keys(&self) -> String {
        // An RSAPublicKey (RFC 8017 §A.1.1) of 2048 bits: the modulus is between 9 bytes of headers
        // and 5 bytes of exponent.
        let public = self.key.public_key().as_ref();
        let modulus = URL_SAFE_NO_PAD.encode(&public[9..public.len() - 5]);
        json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KID, "n": modulus, "e": "AQAB" }] })
            .to_string()
    }

    /// So many ID tokens, none of which was there before, signed on every core.
    pub(crate) fn id_tokens(&self, count: usize) -> Outcome<Vec<String>> {
        let (now, next) = (SystemClock.now(), AtomicUsize::new(0));
        let first = self.signed.fetch_add(count, Ordering::Relaxed);
        let sign_some = || -> Outcome<Vec<String>> {
            let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            let numbers = numbers.take_while(|number| *number < count).map(|number| first + number);
            numbers.map(|number| self.id_token(number, now)).collect()
        };
        let threads = std::thread::available_parallelism()?.get();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(sign_some)).collect();
            let mut id_tokens = Vec::with_capacity(count);
            for thread in threads {
                id_tokens.extend(thread.join().map_err(|_| "a signing thread panicked")??);
            }
            Ok(id_tokens)
        })
    }

    fn id_token(&self, number: usize, now: u64) -> Outcome<String> {
        let signed = unsigned(KID, &self.url, number, now);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Header and payload.
pub(crate) fn unsigned(kid: &str, issuer: &str, number: usize, now: u64) -> String {
    let header = format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"JWT","x5t":"OIJrF2owX5uxaYvrggL3I4Jr"}}"#);
    format!("{}.{}", encoded(&header), encoded(&claims(issuer, number, now)))
}

fn encoded(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

/// Every ID token is of a run of its own.
fn claims(issuer: &str, number: usize, now: u64) -> String {
    let (jti, run) = (format!("5f0c1e2b-9d7a-4c31-8c39-{number:012x}"), 17_000_000_000 + number);
    let (not_before, expires) = (now - 5, now + 600);
    format!(
        r#"{{"jti":"{jti}",
"sub":"repo:octo-org@9100048/sampleproject@48124571:environment:pypi","environment":"pypi","aud":"{AUDIENCE}",
"ref":"refs/tags/v4.1.0","sha":"8f14e45fceea167a5a36dedd4bea2543f5b8d6a1","repository":"octo-org/sampleproject",
"repository_owner":"octo-org","repository_owner_id":"9100048","run_id":"{run}","run_number":"128",
"run_attempt":"1","repository_visibility":"public","repository_id":"48124571","actor_id":"583231",
"actor":"octocat","workflow":"Publish to PyPI","head_ref":"","base_ref":"","event_name":"release",
"ref_protected":"false","ref_type":"tag",
"workflow_ref":"octo-org/sampleproject/.github/workflows/release.yml@refs/tags/v4.1.0",
"workflow_sha":"8f14e45fceea167a5a36dedd4bea2543f5b8d6a1",
"job_workflow_ref":"octo-org/sampleproject/.github/workflows/release.yml@refs/tags/v4.1.0",
"job_workflow_sha":"8f14e45fceea167a5a36dedd4bea2543f5b8d6a1","runner_environment":"github-hosted",
"environment_node_id":"EN_kwDOABCDEF8AAAABQnX2rw","check_run_id":"54100000001",
"enterprise":"octo-enterprise","iss":"{issuer}","nbf":{not_before},
"exp":{expires},"iat":{now}}}"#
    )
    .replace('\n', "")
}
