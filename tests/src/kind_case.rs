//! One issuer kind in the tests: a kind's case is its facts, and everything else is shared.
//!
//! The broker is configured with the vendor's real URL and with keys from a file, so a token can
//! carry the vendor's own `iss` although no one here can sign for the vendor.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::attack::{accepts, refuses};
use crate::broker::{AUDIENCE, BrokerProcess, Setup, run};
use crate::claims::{now, unique};
use crate::issuer::changed;
use crate::keys;

/// The facts about one kind. The issuer's id in the configuration is `ci`.
#[derive(Clone, Debug)]
pub struct KindCase {
    /// The kind's name.
    pub kind: &'static str,
    /// `iss`, as the vendor writes it.
    pub url: &'static str,
    /// Whether the URL under plain `oidc` is an error; not so where the operator hosts the platform.
    pub owned: bool,
    /// More lines of the issuer's section.
    pub section: &'static str,
    /// `aud` of its tokens.
    pub audience: &'static str,
    /// What the registry accepts as `aud`.
    pub registry_audiences: &'static [&'static str],
    /// Whether the vendor signs a `jti`.
    pub jti: bool,
    /// The other claims of a token, in the shape in which they were recorded.
    pub claims: Value,
    /// Each pin, and the changes that take it out of a token.
    pub pins: Vec<(&'static str, Value)>,
    /// Lines of `[policy.match]` that match the claims: claim and value in TOML. The pins are among them.
    pub policy: Vec<(&'static str, &'static str)>,
    /// Lines of a policy that goes by names only.
    pub names: Vec<(&'static str, &'static str)>,
    /// `iss` of other tenants of the vendor, and whatever else might be taken for ours.
    pub strangers: &'static [&'static str],
    /// URLs on the vendor's hosts that are not an issuer's.
    pub malformed_urls: &'static [&'static str],
}

impl Default for KindCase {
    fn default() -> Self {
        Self {
            kind: "oidc",
            url: "",
            owned: true,
            section: "",
            audience: AUDIENCE,
            registry_audiences: &[AUDIENCE],
            jti: true,
            claims: json!({}),
            pins: Vec::new(),
            policy: Vec::new(),
            names: Vec::new(),
            strangers: &[],
            malformed_urls: &[],
        }
    }
}

impl KindCase {
    /// The claims of a token that no one has seen before, with changes; `null` takes a claim away.
    pub fn token_claims(&self, changes: &Value) -> Value {
        let (now, unique) = (now(), unique());
        let mut claims = self.claims.clone();
        claims["iss"] = json!(self.url);
        claims["aud"] = json!(self.audience);
        claims["iat"] = json!(now + 2);
        claims["nbf"] = json!(now - 5);
        // Without `jti` it is the times that make a token another one.
        claims["exp"] = json!(now + 302 + unique % 1000);
        if self.jti {
            claims["jti"] = json!(format!("jti-{}-{unique}", std::process::id()));
        }
        changed(claims, changes)
    }

    /// An ID token with some claims changed.
    pub fn token(&self, changes: &Value) -> String {
        keys::rsa().sign(&self.token_claims(changes))
    }

    /// What a broker is started with.
    pub fn setup(&self) -> Setup {
        let section = format!("kind = \"{}\"\nurl = \"{}\"\n{}", self.kind, self.url, self.section);
        self.setup_with(&section, &self.policy)
    }

    fn setup_with(&self, section: &str, policy: &[(&str, &str)]) -> Setup {
        let mut setup = Setup::with_issuers(format!("[issuers.ci]\n{section}\nkeys_file = \"ci.json\"\n"))
            .policies(&policy_text(policy));
        let audiences = format!("audiences = {:?}", self.registry_audiences);
        setup.registries = setup.registries.replace(&format!("audiences = [\"{AUDIENCE}\"]"), &audiences);
        setup.files.push(("ci.json".to_owned(), keys::jwks([keys::rsa()]).to_string()));
        setup
    }

    /// Starts the broker, and shows that a recorded-shape token is exchanged end to end.
    pub async fn start(self) -> KindTarget {
        let broker = self.setup().start().await;
        let target = KindTarget { case: self, broker };
        target.publishes().await;
        target
    }

    /// What `config check` says about these lines of the issuer's section, beside `keys_file`.
    pub fn check_section(&self, section: &str) -> (i32, String) {
        check(&self.setup_with(section, &self.policy))
    }

    /// What `config check` says about a policy with these lines in `match`.
    pub fn check_policy(&self, policy: &[(&str, &str)]) -> (i32, String) {
        let section = format!("kind = \"{}\"\nurl = \"{}\"\n{}", self.kind, self.url, self.section);
        check(&self.setup_with(&section, policy))
    }

    /// The policy's lines with one replaced, or left out.
    pub fn policy_with(&self, claim: &'static str, value: Option<&'static str>) -> Vec<(&str, &str)> {
        let others = self.policy.iter().copied().filter(|(name, _)| *name != claim);
        others.chain(value.map(|value| (claim, value))).collect()
    }

    /// Whatever a file must not say: a policy without each pin, with a pin by glob, by names only;
    /// the vendor's URL under plain `oidc`; a URL on the vendor's host that is not an issuer's.
    pub fn refuses_loose_files(&self) {
        for (pin, _) in &self.pins {
            let (code, said) = self.check_policy(&self.policy_with(pin, None));
            assert_eq!(code, 2, "without {pin}: {said}");
            assert!(said.contains(&format!("does not pin `{pin}`")), "without {pin}: {said}");
            for open in ["{ glob = \"x*\" }", "{ prefix = \"x\" }", "{ present = true }"] {
                let (code, said) = self.check_policy(&self.policy_with(pin, Some(open)));
                assert_eq!(code, 2, "{pin} {open}: {said}");
                let exact = format!("`{pin}` is pinned, so it must be an exact value");
                assert!(said.contains(&exact), "{pin} {open}: {said}");
            }
            let (code, said) = self.check_policy(&self.names);
            assert_eq!(code, 2, "names only: {said}");
            assert!(said.contains(&format!("does not pin `{pin}`")), "names only: {said}");
        }
        if self.owned {
            for url in [self.url.to_owned(), format!("{}/", self.url)] {
                let (code, said) =
                    self.check_section(&format!("kind = \"oidc\"\nurl = \"{url}\"\npins = [\"sub\"]"));
                assert_eq!(code, 2, "{url} under oidc: {said}");
                let advice = format!("write kind = \"{}\"", self.kind);
                assert!(said.contains(&advice), "{url} under oidc: {said}");
            }
        }
        for url in self.malformed_urls {
            let (code, said) =
                self.check_section(&format!("kind = \"{}\"\nurl = \"{url}\"\n{}", self.kind, self.section));
            assert_eq!(code, 2, "{url}: {said}");
            assert!(said.contains("`url` cannot be"), "{url}: {said}");
        }
    }
}

fn policy_text(lines: &[(&str, &str)]) -> String {
    let mut text =
        "[[policy]]\nid = \"release\"\nissuer = \"ci\"\nregistry = \"pypi\"\npackages = [\"widget\"]\n\
                    actions = [\"publish\"]\n\n[policy.match]\n"
            .to_owned();
    for (claim, value) in lines {
        let _ = writeln!(text, "{claim:?} = {value}");
    }
    text
}

fn check(setup: &Setup) -> (i32, String) {
    let folder = tempfile::tempdir().expect("folder");
    setup.write(folder.path());
    let (code, _, complaints) = run(folder.path(), &["config", "check", "--config", "trustmint.toml"]);
    (code, complaints)
}

/// A broker that trusts one issuer of the kind.
pub struct KindTarget {
    pub case: KindCase,
    pub broker: BrokerProcess,
}

impl KindTarget {
    /// Minted, introspected, and the `publisher` is what the issuer signed.
    async fn publishes(&self) {
        let claims = self.case.token_claims(&json!({}));
        let reply = self.broker.exchange(&keys::rsa().sign(&claims)).await;
        assert_eq!(reply.status, 200, "{}: {}", self.case.kind, reply.text);
        let live = self.broker.introspect(&reply.token()).await.json();
        assert_eq!(live["active"], true, "{live}");
        assert_eq!(live["publisher"]["issuer"], "ci", "{live}");
        for (name, value) in claims.as_object().expect("an object") {
            assert_eq!(&live["publisher"][name], value, "{name}: {live}");
        }
        let again = self.broker.exchange(&keys::rsa().sign(&claims)).await;
        assert_eq!(again.reason(), "replayed", "{}", again.text);
    }

    /// Refused for this reason.
    pub async fn refuses(&self, changes: &Value, reason: &str) {
        let reply = self.broker.exchange(&self.case.token(changes)).await;
        assert_eq!((reply.status.as_u16(), &*reply.reason()), (400, reason), "{changes}: {}", reply.text);
    }

    /// A table of changes that are all refused for one reason.
    pub async fn refuses_each(&self, reason: &str, table: impl IntoIterator<Item = Value>) {
        for changes in table {
            self.refuses(&changes, reason).await;
        }
    }

    /// Exchanged for a registry token.
    pub async fn accepts(&self, changes: &Value) {
        accepts(&self.broker, &changes.to_string(), &self.case.token(changes)).await;
    }

    /// What holds for every kind: a token that lacks a pin, other tenants, and look-alikes.
    pub async fn refuses_the_usual(&self) {
        for (_, without) in &self.case.pins {
            self.refuses(without, "missing_claim").await;
        }
        let strangers = self.case.strangers.iter().map(|&iss| iss.to_owned());
        for iss in look_alikes(self.case.url).into_iter().chain(strangers) {
            let token = self.case.token(&json!({ "iss": iss }));
            refuses(&self.broker, "ci", &iss, &token, "unknown_issuer", 0).await;
        }
    }
}

/// Spellings that a careless comparison takes for this issuer.
fn look_alikes(url: &str) -> Vec<String> {
    let rest = url.strip_prefix("https://").expect("https");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let slash_toggled = url.strip_suffix('/').map_or_else(|| format!("{url}/"), str::to_owned);
    vec![
        slash_toggled,
        format!("{url}//"),
        format!("https://{host}.evil.example{path}"),
        format!("https://{host}@evil.example{path}"),
        format!("https://evil.example/{host}{path}"),
        format!("https://evil.{host}{path}"),
        format!("https://{}{path}", host.to_ascii_uppercase()),
        format!("https://{host}.{path}"),
        format!("https://{host}:443{path}"),
        format!("{}/evil", url.trim_end_matches('/')),
        format!("{}/../evil", url.trim_end_matches('/')),
        format!("{url}?"),
        format!("{url}#"),
        format!("{url} "),
        format!(" {url}"),
        url.to_ascii_uppercase(),
        url.replace("https://", "http://"),
        rest.to_owned(),
    ]
}
