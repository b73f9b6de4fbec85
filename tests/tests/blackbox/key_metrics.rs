//! What operators see of an issuer's keys.

use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::hostile_issuer::unknown_kid;
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn key_metrics_show_count_age_and_fetches() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).start().await;
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "the control");
    assert_eq!(broker.metric("trustmint_issuer_keys{issuer=\"github\"}").await, 1);
    let fetched = "trustmint_issuer_fetches_total{issuer=\"github\",result=\"ok\"}";
    assert_eq!(broker.metric(fetched).await, 1);
    let age = "trustmint_issuer_keys_age_seconds{issuer=\"github\"}";
    broker.until("they grow older", || async { broker.metric(age).await >= 1 }).await;

    issuer.set_down(true);
    let unknown = unknown_kid(&issuer.url);
    assert_eq!(broker.exchange(&unknown).await.status, 503);
    let failed = "trustmint_issuer_fetches_total{issuer=\"github\",result=\"status\"}";
    assert_eq!(broker.metric(failed).await, 1);
    assert_eq!(broker.metric("trustmint_issuer_keys{issuer=\"github\"}").await, 1, "they serve on");
}
