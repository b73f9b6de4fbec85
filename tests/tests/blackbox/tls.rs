//! TLS at the public listener, by rustls.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use trustmint_tests::broker::{AUDIENCE, run};
use trustmint_tests::raw::{self, Raw, authority};
use trustmint_tests::tls::Certificate;
use trustmint_tests::{BrokerProcess, Issuer, Setup};

fn with_tls(issuer: &Issuer, certificate: &Certificate) -> Setup {
    let mut setup = Setup::new(issuer);
    setup.listen = "tls = { cert = \"tls.crt\", key = \"tls.key\" }\n".to_owned();
    setup.files.push(("tls.crt".to_owned(), certificate.chain.clone()));
    setup.files.push(("tls.key".to_owned(), certificate.key.clone()));
    setup
}

/// A handshake with this broker, where these versions are offered and this authority is trusted.
async fn handshake(
    broker: &BrokerProcess,
    ca: &str,
    versions: &[&'static SupportedProtocolVersion],
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM")).expect("authority");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(authority(&broker.public)).await?;
    let name = ServerName::try_from(name).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_and_1_3_are_served() {
    let issuer = Issuer::start().await;
    let certificate = Certificate::for_loopback();
    let broker = with_tls(&issuer, &certificate).start().await;
    for (offered, spoken) in [
        (&[&TLS12][..], ProtocolVersion::TLSv1_2),
        (&[&TLS13][..], ProtocolVersion::TLSv1_3),
        (&[&TLS12, &TLS13][..], ProtocolVersion::TLSv1_3),
    ] {
        let stream = handshake(&broker, &certificate.ca, offered, "localhost").await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut raw = Raw::over(stream);
        for _ in 0..2 {
            raw.send(raw::get("/_/oidc/audience", "")).await;
            assert_eq!(raw.reply().await.json()["audience"], AUDIENCE);
        }
    }
    let other = Certificate::for_loopback();
    let stranger = handshake(&broker, &other.ca, &[&TLS13], "localhost").await;
    assert!(stranger.expect_err("another authority").to_string().contains("certificate"));
    let misnamed = handshake(&broker, &certificate.ca, &[&TLS13], "elsewhere.example").await;
    assert!(misnamed.expect_err("another name").to_string().contains("certificate"));
    // Plain HTTP gets no answer in plain HTTP.
    let mut plain = Raw::connect(&broker.public).await;
    plain.send(raw::get("/_/oidc/audience", "")).await;
    assert!(plain.reply_within(Duration::from_secs(5)).await.is_none());
    assert!(!plain.said().contains("HTTP"));
}

#[tokio::test(flavor = "multi_thread")]
async fn exchange_over_tls_needs_the_right_ca() {
    let issuer = Issuer::start().await;
    let certificate = Certificate::for_loopback();
    let broker = with_tls(&issuer, &certificate).start().await;
    let url = format!("https://{}/_/oidc/mint-token", authority(&broker.public));
    let client = |ca: &str| {
        let ca = reqwest::Certificate::from_pem(ca.as_bytes()).expect("PEM");
        reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().expect("client")
    };
    let body = serde_json::json!({ "token": issuer.id_token(AUDIENCE) });
    let refused = client(&Certificate::for_loopback().ca).post(&url).json(&body).send().await;
    assert!(refused.expect_err("another authority").is_connect());
    let answer = client(&certificate.ca).post(&url).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "the ID token was never sent to the wrong server");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_request_timeout_includes_the_handshake() {
    let issuer = Issuer::start().await;
    let limits = "first_request_timeout = \"400ms\"\nheader_timeout = \"60s\"\nidle_timeout = \"60s\"\n";
    let certificate = Certificate::for_loopback();
    let broker = with_tls(&issuer, &certificate).limits(limits).start().await;
    for drip in [&b""[..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]] {
        let took = Raw::connect(&broker.public).await.until_closed(drip).await;
        assert!((Duration::from_millis(300)..Duration::from_secs(15)).contains(&took), "{took:?}");
    }
    let stream = handshake(&broker, &certificate.ca, &[&TLS13], "localhost").await.expect("a handshake");
    let took = Raw::over(stream).until_closed(b"").await;
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_certificate_is_a_configuration_error() {
    let issuer = Issuer::start().await;
    let (one, other) = (Certificate::for_loopback(), Certificate::for_loopback());
    let folder = tempfile::tempdir().expect("folder");
    for (case, certificate) in [
        ("no PEM", Certificate { chain: "nothing".to_owned(), ..one.clone() }),
        ("no key", Certificate { key: one.chain.clone(), ..one.clone() }),
        ("another's key", Certificate { key: other.key, ..one.clone() }),
    ] {
        with_tls(&issuer, &certificate).write(folder.path());
        let (code, _, errors) = run(folder.path(), &["config", "check"]);
        assert_eq!(code, 2, "{case}: {errors}");
        assert!(errors.contains("tls"), "{case}: {errors}");
    }
    with_tls(&issuer, &one).write(folder.path());
    assert_eq!(run(folder.path(), &["config", "check"]).0, 0);
}
