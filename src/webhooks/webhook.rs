//! Who is told what, and how they know that it is from us: <https://www.standardwebhooks.com>.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fetch::Fetcher;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The lengths of a secret, in bytes, that the scheme asks for.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that messages are signed with.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl WebhookSecret {
    /// Reads `whsec_` and 24 to 64 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?);
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, signed: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, signed)))
    }
}

/// A recipient.
#[derive(Debug)]
pub struct Webhook {
    /// Its name in the configuration, in logs and metrics.
    pub id: Arc<str>,
    /// Where messages are posted.
    pub url: String,
    /// What they are signed with; several while a secret is replaced.
    pub secrets: Vec<WebhookSecret>,
    /// The registries it is told about; empty: all.
    pub registries: Vec<String>,
    /// The policies it is told about; empty: all.
    pub policies: Vec<String>,
    /// Who posts.
    pub fetcher: Fetcher,
}

impl Webhook {
    /// Whether it is told about something that concerns a registry and policies.
    pub fn is_told(&self, registry: &str, policies: &[Arc<str>]) -> bool {
        let about_registry =
            self.registries.is_empty() || self.registries.iter().any(|wanted| wanted == registry);
        let about_policy = self.policies.is_empty()
            || policies.iter().any(|policy| self.policies.iter().any(|wanted| **wanted == **policy));
        about_registry && about_policy
    }

    /// `webhook-signature` of a message, with all secrets.
    pub fn signature(&self, id: &str, timestamp: u64, payload: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", payload].concat();
        self.secrets.iter().map(|secret| secret.sign(&signed)).collect::<Vec<_>>().join(" ")
    }
}

/// All recipients.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(Vec<Arc<Webhook>>);

impl Webhooks {
    /// All of them; ids are unique.
    pub fn new(all: Vec<Webhook>) -> Self {
        Self(all.into_iter().map(Arc::new).collect())
    }

    /// The recipient with this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Webhook>> {
        self.0.iter().find(|webhook| &*webhook.id == id)
    }

    /// Every recipient.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Webhook>> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::fetch::Roots;
    use crate::webhooks::webhook::*;

    /// The example of the scheme's specification.
    #[test]
    fn webhook_signature_follows_standard_webhooks() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let webhook = Webhook {
            id: "x".into(),
            url: String::new(),
            secrets: vec![secret.clone(), secret],
            registries: Vec::new(),
            policies: Vec::new(),
            fetcher: Fetcher::new(&Roots::Only(Vec::new()), Vec::new()).expect("a fetcher"),
        };
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(
            webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            format!("{one} {one}")
        );
    }

    #[test]
    fn webhook_secret_has_prefix_and_length() {
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        for (text, fine) in [
            (of(23), false),
            (of(24), true),
            (of(64), true),
            (of(65), false),
            (STANDARD.encode([7; 32]), false),
            ("whsec_!".to_owned(), false),
        ] {
            assert_eq!(WebhookSecret::parse(&text).is_some(), fine, "{text}");
        }
    }
}
