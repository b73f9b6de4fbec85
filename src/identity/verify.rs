//! The checks of an ID token that need nothing but the token and its issuer.
//! `broker::verify_id_token` puts them in order.

use aws_lc_rs::digest;

use super::{Claim, Claims, Issuer, IssuerSettings, Jws, KeySet};
use crate::denial::{Denial, Reason};

/// Reads the claims of an ID token whose signature is not verified yet. Conclude nothing from them
/// but which issuer to verify the token with.
///
/// # Errors
/// `malformed_token`.
pub fn parse_unverified_claims(jws: &Jws<'_>) -> Result<Claims, Denial> {
    Claims::parse(&jws.payload).map_err(|error| {
        Denial::new(Reason::MalformedToken, "the ID token's payload is not one unambiguous JSON object")
            .internal(error)
    })
}

/// Checks that the issuer may sign with the algorithm of the header.
///
/// # Errors
/// `unsupported_algorithm`.
pub fn check_algorithm(jws: &Jws<'_>, issuer: &IssuerSettings) -> Result<(), Denial> {
    if issuer.algorithms.contains(&jws.algorithm) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::UnsupportedAlgorithm,
        "this issuer is not trusted to sign with the ID token's `alg`",
    )
    .received(format!("{:?}", jws.algorithm))
    .expected(issuer.algorithms.iter().map(|algorithm| format!("{algorithm:?}"))))
}

/// Checks the signature with the issuer's keys. `on_check` is called before each attempt, which is
/// what a flood of tokens would cost us.
///
/// # Errors
/// `bad_signature`, `unknown_key` or `issuer_unavailable`.
pub async fn check_signature(
    jws: &Jws<'_>,
    issuer: &Issuer,
    mut on_check: impl FnMut(),
) -> Result<(), Denial> {
    let Jws { algorithm, signing_input, signature, kid, .. } = jws;
    let mut verifies = |kid: Option<&str>, keys: &KeySet| {
        keys.verify(kid, *algorithm, signing_input, signature, &mut on_check)
    };
    let Some(kid) = kid.as_deref() else {
        return issuer.keyring.with_only_key(|keys| verifies(None, keys)).await.map(drop);
    };
    if verifies(Some(kid), &*issuer.keyring.with_key(kid).await?) {
        return Ok(());
    }
    Err(Denial::new(Reason::BadSignature, "the ID token's signature does not verify"))
}

/// Returns the name of the ID token in the replay records. RFC 7519 §4.1.7 makes `jti` unique within
/// an issuer. Without one, what was signed names the token; never the signature, of which ECDSA has
/// several that are valid.
///
/// # Errors
/// `invalid_claim` if `jti` is not a string.
pub fn replay_key(jws: &Jws<'_>, claims: &Claims, issuer_url: &str) -> Result<[u8; 32], Denial> {
    let mut hash = digest::Context::new(&digest::SHA256);
    match claims.at("jti") {
        Some(Claim::Text(jti)) if !jti.is_empty() => {
            hash.update(b"jti\0");
            hash.update(issuer_url.as_bytes());
            hash.update(b"\0");
            hash.update(jti.as_bytes());
        }
        None | Some(Claim::Text(_)) => {
            hash.update(b"jws\0");
            hash.update(jws.signing_input);
        }
        Some(_) => return Err(wrong_type("jti")),
    }
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    Ok(key)
}

/// Returns the one audience, a string or an array of exactly one: a token for several services could be
/// replayed by each of them.
///
/// # Errors
/// `missing_claim`, `invalid_claim` or `wrong_audience`.
pub fn single_audience(claims: &Claims) -> Result<&str, Denial> {
    match claims.at("aud") {
        Some(Claim::Text(audience)) => Ok(audience),
        Some(Claim::List(items)) => match items.as_slice() {
            [Claim::Text(audience)] => Ok(audience),
            _ => Err(Denial::new(Reason::WrongAudience, "the ID token must have exactly one audience")
                .claim("aud")),
        },
        Some(_) => Err(wrong_type("aud")),
        None => Err(missing("aud")),
    }
}

/// Returns a claim that must be a string with something in it.
///
/// # Errors
/// `missing_claim` or `invalid_claim`.
pub fn required_text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, Denial> {
    match claims.at(name) {
        Some(Claim::Text(text)) if !text.is_empty() => Ok(text),
        Some(Claim::Text(_)) | None => Err(missing(name)),
        Some(_) => Err(wrong_type(name)),
    }
}

fn missing(name: &'static str) -> Denial {
    Denial::new(Reason::MissingClaim, format!("the ID token has no `{name}`")).claim(name)
}

fn wrong_type(name: &'static str) -> Denial {
    Denial::new(Reason::InvalidClaim, format!("the ID token's `{name}` has the wrong type")).claim(name)
}
