//! Keys from a file: no one is asked, and what changes in the file holds within seconds.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::json;
use trustmint_tests::attack::{accepts, farm, farm_claims, farm_token, refuses};
use trustmint_tests::keys::{self, Key, jwks};
use trustmint_tests::{BrokerProcess, Issuer};

/// The file is read this often. An unknown key is refused at once, and not after the next time.
const READ_INTERVAL: Duration = Duration::from_secs(2);

async fn is_known(broker: &BrokerProcess, key: &Key) -> bool {
    let reply = broker.exchange(&farm_token(key)).await;
    assert!(reply.status == 200 || reply.reason() == "unknown_key", "{}", reply.text);
    reply.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_keys_file_is_reloaded() {
    let issuer = Issuer::start().await;
    let (old, new) = (keys::rsa(), Key::rsa("rsa-2", "RS256", 2048));
    let broker = farm(&issuer, &jwks([old]), &["RS256"]).start().await;
    let file = broker.folder.path().join("farm.json");
    assert!(is_known(&broker, old).await);
    let begun = Instant::now();
    refuses(&broker, "farm", "an unknown key", &farm_token(&new), "unknown_key", 0).await;
    assert!(begun.elapsed() < READ_INTERVAL, "it waited {:?}", begun.elapsed());

    std::fs::write(&file, jwks([&new]).to_string()).expect("written");
    broker.until("the new key serves", || is_known(&broker, &new)).await;
    assert!(!is_known(&broker, old).await, "a removed key is dead");

    let warnings = || broker.log().matches("the last good ones stay").count();
    for (number, bad) in ["{\"keys\":[", "{\"keys\":[]}", ""].into_iter().enumerate() {
        std::fs::write(&file, bad).expect("written");
        broker.until("it is noticed", async || warnings() == number + 1).await;
    }
    std::fs::remove_file(&file).expect("removed");
    broker.until("that is noticed too", async || warnings() == 4).await;
    assert!(is_known(&broker, &new).await, "the last good keys stay");

    // As Kubernetes swaps a ConfigMap: a symbolic link in the path comes to point elsewhere.
    let folder = broker.folder.path();
    for (name, key) in [("..one", &new), ("..two", old)] {
        std::fs::create_dir(folder.join(name)).expect("folder");
        std::fs::write(folder.join(name).join("farm.json"), jwks([key]).to_string()).expect("written");
    }
    symlink("..one", folder.join("..data")).expect("link");
    symlink("..data/farm.json", &file).expect("link");
    broker.until("it is read", async || broker.log().matches("the keys were read again").count() == 2).await;
    symlink("..two", folder.join("..swap")).expect("link");
    std::fs::rename(folder.join("..swap"), folder.join("..data")).expect("swapped");
    broker.until("the swap is noticed", || is_known(&broker, old)).await;
    assert!(!is_known(&broker, &new).await);
    assert_eq!(warnings(), 4, "each trouble is told once");
    assert_eq!(issuer.connections(), 0, "no one is asked");
}

/// A token without a `kid` may be by the only key there is, where the operator says so.
#[tokio::test(flavor = "multi_thread")]
async fn token_without_kid_needs_permission_and_single_key() {
    let issuer = Issuer::start().await;
    let (one, two) = (keys::rsa(), Key::rsa("rsa-2", "RS256", 2048));
    let nameless = |key: &Key| key.sign_bytes(br#"{"alg":"RS256"}"#, farm_claims().to_string().as_bytes());
    let mut unnamed = one.public();
    unnamed.as_object_mut().expect("an object").remove("kid");
    let unnamed = json!({ "keys": [unnamed, { "kty": "oct", "k": "c2VjcmV0" }] });

    let strict = farm(&issuer, &jwks([one]), &["RS256"]).start().await;
    refuses(&strict, "farm", "without leave", &nameless(one), "unknown_key", 0).await;
    let mut setup = farm(&issuer, &unnamed, &["RS256"]);
    setup.issuers.push_str("allow_no_kid = true\n");
    let lax = setup.start().await;
    accepts(&lax, "the only key, which has no name", &nameless(one)).await;
    refuses(&lax, "farm", "another key", &nameless(&two), "unknown_key", 1).await;
    refuses(&lax, "farm", "a name that the key does not have", &farm_token(one), "unknown_key", 0).await;

    let file = lax.folder.path().join("farm.json");
    let works = |token: String| {
        let lax = &lax;
        async move { lax.exchange(&token).await.status == 200 }
    };
    std::fs::write(&file, jwks([&two]).to_string()).expect("written");
    lax.until("the replaced key serves", || works(nameless(&two))).await;
    accepts(&lax, "by its name", &farm_token(&two)).await;
    std::fs::write(&file, jwks([one, &two]).to_string()).expect("written");
    lax.until("there are two keys", || works(farm_token(one))).await;
    refuses(&lax, "farm", "one of two", &nameless(one), "unknown_key", 0).await;
    refuses(&lax, "farm", "the other of two", &nameless(&two), "unknown_key", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_key_without_kid_is_fetched() {
    let issuer = Issuer::start().await;
    let (next, stranger) = (Key::rsa("rsa-2", "RS256", 2048), keys::stranger());
    let mut setup = trustmint_tests::Setup::new(&issuer);
    setup.issuers.push_str("allow_no_kid = true\n");
    let broker = setup.start().await;
    let nameless = |key: &Key| {
        let claims = trustmint_tests::github(&issuer.url, trustmint_tests::broker::AUDIENCE);
        key.sign_bytes(br#"{"alg":"RS256"}"#, claims.to_string().as_bytes())
    };
    accepts(&broker, "the control", &nameless(&issuer.key)).await;
    issuer.publish(jwks([&next]));
    accepts(&broker, "by the key that replaced it", &nameless(&next)).await;
    assert_eq!(issuer.jwks_fetches(), 2);
    // No one can tell whether it was replaced again before the issuer is asked again.
    let reply = broker.exchange(&nameless(stranger)).await;
    assert_eq!((reply.status.as_u16(), reply.reason().as_str()), (503, "issuer_unavailable"));
}
