//! A broker under attack: hostile ID tokens, each with the reason it is refused for and with the
//! number of signatures that are checked on the way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use trustmint::broker::{Audience, Expected};
use trustmint::settings::Config;

use crate::broker::{AUDIENCE, BrokerProcess, Setup};
use crate::keys::Key;
use crate::{Issuer, github};

/// A broker that trusts one issuer, with its keys loaded.
pub struct Target {
    pub issuer: Issuer,
    pub broker: BrokerProcess,
}

impl Target {
    /// Starts both, and shows that what is not hostile gets in.
    pub async fn start() -> Self {
        let issuer = Issuer::start().await;
        let broker = Setup::new(&issuer).start().await;
        let target = Self { issuer, broker };
        target.accepts("the control", &target.issuer.id_token(AUDIENCE)).await;
        target
    }

    /// The claims of a good ID token.
    pub fn claims(&self) -> Value {
        github(&self.issuer.url, AUDIENCE)
    }

    /// Signs the claims of a good ID token under this header.
    pub fn under_header(&self, header: &Value) -> String {
        self.under_raw_header(&header.to_string())
    }

    /// The same, under any bytes.
    pub fn under_raw_header(&self, header: &str) -> String {
        self.issuer.key.sign_bytes(header.as_bytes(), self.claims().to_string().as_bytes())
    }

    /// Signs the usual claims with one of them, and its value, spelled like this.
    pub fn with_raw(&self, name: &str, value: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().expect("an object").remove(name);
        self.with_text(&claims, &format!(",\"{name}\":{value}"))
    }

    /// Signs claims with more text before the last brace.
    pub fn with_text(&self, claims: &Value, text: &str) -> String {
        let json = claims.to_string();
        let open = json.strip_suffix('}').expect("an object");
        self.signed(format!("{open}{text}}}").as_bytes())
    }

    /// Signs any bytes as a payload.
    pub fn signed(&self, payload: &[u8]) -> String {
        self.issuer.key.sign_bytes(self.issuer.key.header().to_string().as_bytes(), payload)
    }

    /// Refused for this reason, and no signature was checked for it.
    pub async fn refuses_unchecked(&self, what: &str, token: &str, reason: &str) {
        refuses(&self.broker, "github", what, token, reason, 0).await;
    }

    /// Refused for this reason, which only a checked signature can show.
    pub async fn refuses_checked(&self, what: &str, token: &str, reason: &str) {
        refuses(&self.broker, "github", what, token, reason, 1).await;
    }

    /// Exchanged for a registry token.
    pub async fn accepts(&self, what: &str, token: &str) {
        accepts(&self.broker, what, token).await;
    }
}

/// Presents a hostile ID token to the native exchange.
pub async fn refuses(
    broker: &BrokerProcess,
    issuer: &str,
    what: &str,
    token: &str,
    reason: &str,
    checks: u64,
) {
    let series = format!("trustmint_signature_checks_total{{issuer=\"{issuer}\"}}");
    let before = broker.metric(&series).await;
    let reply = broker.exchange(token).await;
    assert_eq!(reply.reason(), reason, "{what}: {} {}", reply.status, reply.text);
    assert_eq!(reply.status, 400, "{what}: {}", reply.text);
    assert_eq!(reply.json()["error"], "invalid_request", "{what}: {}", reply.text);
    let checked = broker.metric(&series).await - before;
    assert_eq!(checked, checks, "{what}: signatures that were checked");
}

/// Presents an ID token that is good.
pub async fn accepts(broker: &BrokerProcess, what: &str, token: &str) {
    let reply = broker.exchange(token).await;
    assert_eq!(reply.status, 200, "{what}: {}", reply.text);
}

/// base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The three parts of a token.
pub fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

/// Sets a bit of the last character that decoding drops. The text must have such bits.
pub fn with_tail_bit(segment: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "every bit of this text counts");
    let (head, last) = segment.split_at(segment.len() - 1);
    let value = DIGITS.iter().position(|digit| [*digit] == last.as_bytes()).expect("a digit");
    assert_eq!(value % 4, 0, "it is canonical");
    format!("{head}{}", char::from(DIGITS[value + 1]))
}

/// (r, n - s): of every ECDSA signature there is a second one that is as good. Other signatures of
/// that length become nonsense.
pub fn ecdsa_twin(signature: &str) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let mut borrow = 0;
    for (place, of_order) in bytes.iter_mut().rev().zip(ORDER.iter().rev()) {
        let difference = i16::from(*of_order) - i16::from(*place) - borrow;
        borrow = i16::from(difference < 0);
        *place = difference.rem_euclid(256).to_le_bytes()[0];
    }
    bytes
}

/// A key set, written into `[issuers.farm]`'s `keys_file`, and an issuer of kind `oidc`.
pub fn farm(issuer: &Issuer, keys: &Value, algorithms: &[&str]) -> Setup {
    let mut setup = Setup::new(issuer).policies(FARM_POLICY);
    let algorithms: Vec<_> = algorithms.iter().map(|name| format!("\"{name}\"")).collect();
    setup.issuers = format!(
        "[issuers.farm]\nkind = \"oidc\"\nurl = \"{FARM}\"\nkeys_file = \"farm.json\"\npins = [\"sub\"]\n\
         algorithms = [{}]\n",
        algorithms.join(", ")
    );
    setup.files.push(("farm.json".to_owned(), keys.to_string()));
    setup
}

/// The issuer of [`farm`].
pub const FARM: &str = "https://ci.example.com";

const FARM_POLICY: &str = r#"
[[policy]]
id       = "farm"
issuer   = "farm"
registry = "pypi"
packages = ["widget"]
actions  = ["publish"]
match    = { sub = "job-1" }
"#;

/// Claims that [`farm`] accepts.
pub fn farm_claims() -> Value {
    let mut claims = github(FARM, AUDIENCE);
    claims["sub"] = json!("job-1");
    claims
}

/// A token of the farm by this key.
pub fn farm_token(key: &Key) -> String {
    key.sign(&farm_claims())
}

/// What the registry of [`farm`]'s configuration expects of an ID token at this second.
pub fn expected(config: &Config, now: u64) -> Expected<'_> {
    Expected {
        issuers: &config.issuers,
        registry: config.registries.only().expect("one registry"),
        audience: Audience::Registry,
        public_url: &config.public_url,
        max_bytes: config.limits.id_token_bytes,
        now,
    }
}
