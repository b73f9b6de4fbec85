//! What happens to an issuer's keys over hours: a keyring in the test's own process, which fetches
//! from a real issuer over https, and time that stands still until the test moves it.

use std::time::{Duration, Instant};

use tokio::task::{JoinSet, yield_now};
use tokio::time::advance;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use trustmint::denial::Reason;
use trustmint::fetch::{Fetcher, Roots};
use trustmint::identity::{KeySource, Keyring, Remote};
use trustmint_tests::Issuer;
use trustmint_tests::keys::{self, Key};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_secs(2);

/// A keyring that is maintained, with the keys of an issuer.
struct Scene {
    issuer: Issuer,
    keyring: Keyring,
    _background: JoinSet<()>,
}

impl Scene {
    async fn set(cache_control: &str) -> Self {
        let issuer = Issuer::start().await;
        issuer.set_cache_control(cache_control);
        let authority = CertificateDer::from_pem_slice(issuer.ca.as_bytes()).expect("PEM");
        let loopback = vec!["127.0.0.0/8".parse().expect("a network")];
        let remote = Remote {
            fetcher: Fetcher::new(&Roots::Only(vec![authority]), loopback).expect("a fetcher"),
            issuer_url: issuer.url.clone(),
            jwks_uri: None,
            keys_host: None,
        };
        let keyring = Keyring::new("ci".into(), KeySource::Fetched(remote), false).expect("a keyring");
        let mut background = JoinSet::new();
        background.spawn(keyring.clone().maintain());
        // While something runs, the runtime does not skip to the next timer by itself.
        background.spawn(async {
            loop {
                yield_now().await;
            }
        });
        let scene = Self { issuer, keyring, _background: background };
        scene.until("the keys are there", || scene.ended("ok") == 1).await;
        scene
    }

    /// How many fetches ended so.
    fn ended(&self, result: &str) -> u64 {
        self.keyring.status().fetches.get(result).copied().unwrap_or(0)
    }

    fn age(&self) -> Duration {
        self.keyring.status().age.expect("keys that were fetched")
    }

    async fn has(&self, kid: &str) -> bool {
        self.keyring.with_key(kid).await.is_ok()
    }

    /// Waits in real time.
    async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(Instant::now() < deadline, "never: {what}");
            yield_now().await;
        }
    }

    /// Lets everything happen that is due.
    async fn settle(&self) {
        let enough = Instant::now() + Duration::from_millis(200);
        self.until("a while has passed", || Instant::now() > enough).await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_refresh_by_cache_control_within_bounds() {
    for (cache_control, seconds) in [
        ("", 3600),
        ("max-age=600", 600),
        ("max-age=0", 300),
        ("no-cache", 300),
        ("no-store, max-age=600", 300),
        ("max-age=86400", 3600),
        ("max-age=nonsense", 3600),
    ] {
        let scene = Scene::set(cache_control).await;
        let refresh = Duration::from_secs(seconds);
        advance(refresh - MOMENT).await;
        scene.settle().await;
        assert_eq!(scene.ended("ok"), 1, "{cache_control:?}: not yet");
        advance(MOMENT * 2).await;
        scene.until(cache_control, || scene.ended("ok") == 2).await;
        assert!(scene.age() <= MOMENT * 2, "{cache_control:?}: {:?}", scene.age());
        assert_eq!(scene.issuer.jwks_fetches(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn removed_key_is_refused_after_refresh() {
    let scene = Scene::set("max-age=600").await;
    let next = Key::rsa("rsa-2", "RS256", 2048);
    scene.issuer.publish(keys::jwks([&next]));
    advance(Duration::from_secs(600) - MOMENT).await;
    scene.settle().await;
    assert!(scene.has("rsa-1").await, "no one has told us");
    advance(MOMENT * 2).await;
    scene.until("it was refreshed", || scene.ended("ok") == 2).await;
    assert!(scene.has("rsa-2").await);
    assert!(!scene.has("rsa-1").await);
}

#[tokio::test(start_paused = true)]
async fn stale_keys_are_used_for_a_day() {
    let scene = Scene::set("").await;
    scene.issuer.set_down(true);
    let mut failures = 0;
    for hours in 1..24 {
        advance(HOUR).await;
        scene.until("it was tried", || scene.ended("status") > failures).await;
        failures = scene.ended("status");
        assert!(scene.has("rsa-1").await, "after {hours} hours");
        assert_eq!(scene.age().as_secs() / 3600, hours);
        assert_eq!(scene.keyring.status().usable, 1);
    }
    advance(HOUR + MOMENT).await;
    scene.until("it was tried again", || scene.ended("status") > failures).await;
    let refused = scene.keyring.with_key("rsa-1").await.expect_err("older than a day");
    assert_eq!(refused.reason, Reason::IssuerUnavailable);
    assert_eq!(scene.keyring.status().usable, 0);
    scene.issuer.set_down(false);
    advance(Duration::from_secs(10)).await;
    scene.until("the issuer is back", || scene.ended("ok") == 2).await;
    assert!(scene.has("rsa-1").await);
    let attempts = scene.ended("status");
    assert!(attempts <= 2 + 24, "{attempts} attempts at 24 instants are more than is permitted");
}
