//! Anyone who holds tokens may kill them, and them alone; and no one learns anything by it.

use serde_json::json;
use trustmint_tests::broker::AUDIENCE;
use trustmint_tests::{Issuer, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn holder_batch_revokes_and_answers_alike() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("holder_report_burst = 100\n").start().await;
    let mint = async |run: &str| {
        broker.exchange(&issuer.id_token_with(AUDIENCE, &json!({ "run_id": run }))).await.token()
    };
    let (named, sibling, other) = (mint("1").await, mint("1").await, mint("2").await);
    let slip = format!("{}0", &other[..other.len() - 1]);
    let long = "x".repeat(10_000);
    let post = async |credentials: &[&str]| {
        let reply = broker.post_json("/leaks/holder", &json!({ "credentials": credentials })).await;
        (reply.status.as_u16(), reply.text)
    };
    let same = (202, String::new());
    assert_eq!(post(&[&named, &other, &other, "ghp_x", &slip, "", &long]).await, same);
    assert!(!broker.is_active(&named).await && !broker.is_active(&other).await);
    assert!(broker.is_active(&sibling).await, "a holder kills what it holds, and nothing else");
    for credentials in [&[][..], &[named.as_str()], &["x"], &[slip.as_str()]] {
        assert_eq!(post(credentials).await, same, "dead, unknown or nonsense: no one learns which");
    }
    assert!(broker.is_active(&sibling).await);
    let revoked: Vec<_> = broker.audit().into_iter().filter(|event| event["outcome"] == "revoked").collect();
    assert_eq!(revoked.len(), 2, "one event for each: {revoked:?}");
    assert!(revoked.iter().all(|event| event["dialect"] == "holder"));

    let thousand: Vec<_> =
        (0..999).map(|number| format!("exm_pypi_{number}")).chain([sibling.clone()]).collect();
    let thousand: Vec<_> = thousand.iter().map(String::as_str).collect();
    assert_eq!(post(&thousand).await, same);
    assert!(!broker.is_active(&sibling).await);
    assert_eq!(post(&[&thousand[..], &["one more"]].concat()).await.0, 422);
    // What is no string is not a token, and long ones are no reason to leave others alive.
    let last = mint("3").await;
    let long = vec![format!("github_pat_{}", "x".repeat(82)); 998];
    let mut many: Vec<_> = long.iter().map(|text| json!(text)).collect();
    many.extend([json!(null), json!(last)]);
    let body = json!({ "credentials": many }).to_string().replace("null", "\"\\ud800\"");
    let request = broker.http().post(format!("{}/leaks/holder", broker.public)).body(body);
    assert_eq!(broker.send(request).await.status, 202);
    assert!(!broker.is_active(&last).await);
    for body in ["", "[]", "{}", r#"{"credentials":"x"}"#, r#"{"credentials":{}}"#] {
        let request = broker.http().post(format!("{}/leaks/holder", broker.public)).body(body);
        assert_eq!(broker.send(request).await.status, 400, "{body}");
    }
}

/// A stranger may send checksums that are right, each of which costs a look into the store.
#[tokio::test(flavor = "multi_thread")]
async fn holder_reports_are_rate_limited() {
    let issuer = Issuer::start().await;
    let broker = Setup::new(&issuer).limits("holder_report_burst = 3\n").start().await;
    let mut refused = 0;
    for _ in 0..20 {
        let reply = broker.post_json("/leaks/holder", &json!({ "credentials": ["x"] })).await;
        refused += usize::from(reply.reason() == "rate_limited");
    }
    assert!(refused >= 10, "{refused} of 20");
    assert_eq!(broker.exchange(&issuer.id_token(AUDIENCE)).await.status, 200, "which is a limit of its own");
}
