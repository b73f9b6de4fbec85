//! A compact JWS, taken apart: shape and header, before any key is looked at.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;

use super::{Claim, Claims};
use crate::denial::{Denial, Reason};

/// base64url without padding; non-zero trailing bits are refused, so that a token has one spelling.
const BASE64URL: GeneralPurpose = URL_SAFE_NO_PAD;

/// The largest size `limits.id_token_bytes` can be set to.
pub const MAX_TOKEN_BYTES: u64 = 65_536;

/// The longest `kid` that is looked up, in bytes.
pub(super) const LONGEST_KID: usize = 512;

/// `typ` values of other kinds of JWT are refused (RFC 8725 §3.11); these and an absent one are ID tokens.
const TYPES: [&str; 2] = ["jwt", "jose"];

/// Header parameters that carry or fetch keys (RFC 8725 §3.10), compress, encrypt, nest another JWT
/// (`cty`, RFC 7519 §5.2) or change what is signed.
const REFUSED_PARAMETERS: [&str; 14] =
    ["crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "enc", "zip", "epk", "apu", "apv", "p2c", "p2s"];

/// The parts of a compact JWS whose shape and header are acceptable. Nothing in it is verified.
#[derive(Debug)]
pub struct Jws<'t> {
    /// The bytes that are signed: header and payload as they were sent.
    pub signing_input: &'t [u8],
    /// The decoded payload.
    pub payload: Vec<u8>,
    /// The decoded signature.
    pub signature: Vec<u8>,
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub kid: Option<String>,
}

impl<'t> Jws<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// `malformed_token` for anything but one compact JWS (RFC 7515 §7.1) with a JSON header that
    /// asks for nothing special; `unsupported_algorithm` for an `alg` that is not asymmetric.
    pub fn parse(token: &'t str, max_bytes: usize) -> Result<Self, Denial> {
        if token.len() > max_bytes {
            return Err(malformed(format!("the ID token has more than {max_bytes} bytes")));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or_else(not_compact)?;
        let (header, payload) = signing_input.split_once('.').ok_or_else(not_compact)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(not_compact());
        }
        let (algorithm, kid) = read_header(&decoded(header)?)?;
        Ok(Self {
            signing_input: signing_input.as_bytes(),
            payload: decoded(payload)?,
            signature: decoded(signature)?,
            algorithm,
            kid,
        })
    }
}

fn read_header(json: &[u8]) -> Result<(Algorithm, Option<String>), Denial> {
    let header = Claims::parse(json)
        .map_err(|error| malformed("the ID token's header is not a JSON object").internal(error))?;
    if let Some(name) = REFUSED_PARAMETERS.iter().find(|name| header.get(name).is_some()) {
        return Err(malformed(format!("the ID token's header has `{name}`, which is never accepted")));
    }
    match header.get("typ") {
        None => {}
        Some(Claim::Text(typ)) if TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known)) => {}
        Some(_) => return Err(malformed("the ID token's `typ` says that it is something else")),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Claim::Text(kid)) if kid.len() <= LONGEST_KID => Some(kid.clone()),
        Some(_) => return Err(malformed("the ID token's `kid` is not a short string")),
    };
    let algorithm = match header.get("alg") {
        Some(Claim::Text(name)) => name.parse::<Algorithm>().ok().filter(is_asymmetric),
        _ => return Err(malformed("the ID token's header lacks `alg`")),
    };
    let algorithm = algorithm.ok_or_else(|| {
        Denial::new(Reason::UnsupportedAlgorithm, "the ID token's `alg` is not one that is accepted")
    })?;
    Ok((algorithm, kid))
}

fn is_asymmetric(algorithm: &Algorithm) -> bool {
    !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

fn decoded(segment: &str) -> Result<Vec<u8>, Denial> {
    BASE64URL.decode(segment).map_err(|_| malformed("the ID token is not base64url without padding"))
}

fn not_compact() -> Denial {
    malformed("the ID token is not a compact JWS of three parts")
}

fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Denial {
    Denial::new(Reason::MalformedToken, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        format!("{}.{}.{}", BASE64URL.encode(header), BASE64URL.encode("{}"), BASE64URL.encode("signature"))
    }

    fn reason(token: &str) -> Result<(), Reason> {
        Jws::parse(token, 16_384).map(|_| ()).map_err(|denial| denial.reason)
    }

    #[test]
    fn rejects_special_jose_headers() {
        let cases = [
            (r#"{"alg":"RS256"}"#, Ok(())),
            (r#"{"alg":"RS256","typ":"JWT","kid":"1"}"#, Ok(())),
            (r#"{"alg":"RS256","typ":"jwt","x5t":"abc"}"#, Ok(())),
            (r#"{"alg":"EdDSA"}"#, Ok(())),
            (r#"{"alg":"none"}"#, Err(Reason::UnsupportedAlgorithm)),
            (r#"{"alg":"nOnE"}"#, Err(Reason::UnsupportedAlgorithm)),
            (r#"{"alg":"HS256"}"#, Err(Reason::UnsupportedAlgorithm)),
            (r#"{"alg":"ES256K"}"#, Err(Reason::UnsupportedAlgorithm)),
            (r#"{"alg":"RSA-OAEP"}"#, Err(Reason::UnsupportedAlgorithm)),
            (r#"{"alg":["RS256"]}"#, Err(Reason::MalformedToken)),
            (r#"{}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","alg":"none"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","crit":["x"]}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","crit":[]}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","b64":false}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","b64":true}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","jku":"https://evil.example"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","jwk":{}}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","x5u":"x"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","x5c":[]}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","enc":"A128GCM"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","cty":"JWT"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","typ":"token-introspection+jwt"}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","typ":1}"#, Err(Reason::MalformedToken)),
            (r#"{"alg":"RS256","kid":1}"#, Err(Reason::MalformedToken)),
            (r#"["RS256"]"#, Err(Reason::MalformedToken)),
        ];
        for (header, expected) in cases {
            assert_eq!(reason(&token(header)), expected, "{header}");
        }
        let long_kid = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(513));
        assert_eq!(reason(&token(&long_kid)), Err(Reason::MalformedToken));
    }

    #[test]
    fn token_has_one_encoding() {
        let good = token(r#"{"alg":"RS256"}"#);
        assert_eq!(reason(&good), Ok(()));
        let parts: Vec<_> = good.split('.').collect();
        let padded = format!("{}==.{}.{}", parts[0], parts[1], parts[2]);
        let four = format!("{good}.x");
        let five = format!("{good}.x.y");
        let two = format!("{}.{}", parts[0], parts[1]);
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        let newline = format!("{good}\n");
        let space = format!(" {good}");
        let json = r#"{"payload":"e30","signatures":[]}"#.to_owned();
        // "e30" decodes to "{}"; "e31" differs only in bits that decoding drops.
        let tail = format!("{}.e31.{}", parts[0], parts[2]);
        for bad in [
            padded,
            four,
            five,
            two,
            unsigned,
            newline,
            space,
            json,
            tail,
            String::new(),
            "..".into(),
            "a.b.c".into(),
        ] {
            assert_eq!(reason(&bad), Err(Reason::MalformedToken), "{bad}");
        }
        let huge = "a".repeat(20_000);
        assert_eq!(reason(&huge), Err(Reason::MalformedToken));
    }
}
