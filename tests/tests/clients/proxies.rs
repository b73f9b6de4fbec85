//! nginx, Caddy, Traefik and Envoy, each with its example's configuration: what passes, what does not,
//! and what the registry behind them gets to see.

use std::sync::Arc;

use reqwest::Method;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use trustmint_tests::forward_auth::lines;
use trustmint_tests::proxied::{Kind, PYPISERVER, Site, Upstreams, VERDACCIO};
use trustmint_tests::raw::Raw;
use trustmint_tests::upstream::Upstream;

const PYPI: &str = "pypi.example.com";
const NPM: &str = "npm.example.com";
const CRATES: &str = "crates.example.com";

/// A proxy before one registry that believes everything.
struct Stage {
    site: Site,
    upstream: Upstream,
    http: reqwest::Client,
}

impl Stage {
    async fn start(kind: Kind) -> Self {
        let upstream = Upstream::start().await;
        let upstreams = Upstreams { pypi: upstream.port, npm: upstream.port, crates: upstream.port };
        let hosts = [PYPI, NPM, CRATES].map(|host| (host, host));
        let site = Site::start(kind, hosts, upstreams).await;
        let http = site.proxy.client(&hosts);
        Self { site, upstream, http }
    }

    /// The answer's status, challenge and body.
    async fn send(
        &self,
        method: &str,
        (host, uri): (&str, &str),
        headers: &[(&str, &str)],
        body: &'static [u8],
    ) -> (u16, String, String) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("https://{host}:{}{uri}", self.site.proxy.port);
        let answer = self.http.request(method, url).headers(lines(headers)).body(body).send().await;
        let answer = answer.expect("an answer");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().expect("ASCII"));
        let challenge = challenge.unwrap_or("").to_owned();
        (answer.status().as_u16(), challenge, answer.text().await.expect("a body"))
    }

    /// One request by hand, on a connection of its own; its status.
    async fn raw(&self, request: &str) -> u16 {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.site.proxy.ca.as_bytes()).expect("PEM"))
            .expect("a root");
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream =
            tokio::net::TcpStream::connect(("127.0.0.1", self.site.proxy.port)).await.expect("a connection");
        let name = ServerName::try_from(NPM).expect("a name");
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let mut raw = Raw::over(stream.expect("TLS"));
        raw.send(request).await;
        raw.reply().await.status
    }

    /// The one request that came through.
    fn passed(&self) -> trustmint_tests::upstream::Passed {
        let mut passed = self.upstream.take();
        assert_eq!(passed.len(), 1, "{passed:?}");
        passed.remove(0)
    }

    fn nothing_passed(&self, what: &str) {
        let passed = self.upstream.take();
        assert!(passed.is_empty(), "{what}: {passed:?}");
    }
}

async fn good_requests_pass(stage: &Stage) {
    let token = stage.site.token("npm", "package:%40acme%2Fwidget:publish").await;
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", "session=1"),
        ("x-devpi-auth", ""),
        ("trustmint-subject", "github|somebody|else"),
        ("trustmint-scope", "package:everything:owner"),
    ];
    let sent = stage.send("PUT", (NPM, "/@acme%2fwidget?write=true"), &headers, b"a tarball").await;
    assert_eq!((sent.0, sent.2.as_str()), (200, "stored"));
    let passed = stage.passed();
    // Traefik writes hexadecimal digits in capitals.
    let uri = passed.uri.replace("%2F", "%2f");
    assert_eq!((passed.method.as_str(), uri.as_str()), ("PUT", "/@acme%2fwidget?write=true"));
    assert_eq!(passed.body, b"a tarball");
    assert_eq!(passed.header("authorization"), VERDACCIO);
    assert_eq!(passed.header("trustmint-subject"), "github|9100048|48124571");
    assert_eq!(passed.header("trustmint-scope"), "package:%40acme%2Fwidget:publish");
    let all = format!("{:?}", passed.headers);
    for secret in [token.as_str(), "secret-of-the-proxies", "session=1", "somebody"] {
        assert!(!all.contains(secret), "{secret} came through: {all}");
    }

    // A name in the body, where the operator allows that; `Basic`, and a token alone.
    let token = stage.site.token("pypi", "package:widget:publish").await;
    let basic = format!("Basic {}", base64(&format!("__token__:{token}")));
    let sent = stage.send("POST", (PYPI, "/"), &[("authorization", &basic)], b"a form").await;
    assert_eq!(sent.0, 200, "{}", sent.2);
    assert_eq!(stage.passed().header("authorization"), PYPISERVER);
    let token = stage.site.token("crates", "package:widget:publish").await;
    let sent = stage.send("PUT", (CRATES, "/api/v1/crates/new"), &[("authorization", &token)], b"x").await;
    assert_eq!(sent.0, 200, "{}", sent.2);
    let passed = stage.passed();
    assert!(!format!("{passed:?}").contains(&token), "not even to a registry that has no credential");

    // A public read, and what a client pretends to be.
    let pretending = [("trustmint-subject", "github|somebody|else"), ("trustmint-scope", "package:x:owner")];
    let sent = stage.send("GET", (NPM, "/@acme%2fwidget"), &pretending, b"").await;
    assert_eq!(sent.0, 200, "{}", sent.2);
    let passed = stage.passed();
    assert_eq!((passed.header("trustmint-subject"), passed.header("trustmint-scope")), ("", ""));
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

async fn bad_requests_do_not(stage: &Stage) {
    let uri = (NPM, "/@acme%2fwidget");
    let token = stage.site.token("npm", "package:%40acme%2Fwidget:publish").await;
    let revoked = stage.site.token("npm", "package:%40acme%2Fwidget:publish").await;
    assert_eq!(stage.site.broker.revoke(&revoked).await.status, 200);
    let foreign = stage.site.token("pypi", "package:widget:publish").await;
    let none = stage.send("PUT", uri, &[], b"x").await;
    assert_eq!((none.0, none.1.as_str()), (401, "Bearer realm=\"trustmint\""));
    for (what, bad) in [("revoked", revoked.as_str()), ("foreign", &foreign), ("garbage", "x")] {
        let refused = stage.send("PUT", uri, &[("authorization", bad)], b"x").await;
        assert_eq!(refused.0, 401, "{what}");
        assert_eq!(refused.1, "Bearer realm=\"trustmint\", error=\"invalid_token\"", "{what}");
    }
    let authorization = [("authorization", token.as_str())];
    for (method, path) in [
        ("PUT", "/gadget"),
        ("DELETE", "/@acme%2fwidget/-rev/1-x"),
        ("PUT", "/@acme%2fwidget/-rev/1-x"),
        ("PUT", "/-/user/org.couchdb.user:x"),
        ("POST", "/@acme%2fwidget"),
        ("PUT", "/forward-auth/npm/@acme%2fwidget"),
    ] {
        let refused = stage.send(method, (NPM, path), &authorization, b"x").await;
        assert!([403, 404].contains(&refused.0), "{method} {path}: {} {}", refused.0, refused.2);
    }
    assert_eq!(stage.send("PUT", (CRATES, "/api/v1/crates/new"), &authorization, b"x").await.0, 401);
    stage.nothing_passed("a bad request");
}

async fn no_trick_lets_a_request_pass_that_is_not_allowed(stage: &Stage) {
    let token = stage.site.token("npm", "package:%40acme%2Fwidget:publish").await;
    let widget = "/@acme%2fwidget";
    for headers in [
        &[("x-original-method", "GET")][..],
        &[("x-original-uri", widget)],
        &[("x-original-method", "PUT"), ("x-original-uri", widget)],
        &[("x-forwarded-method", "GET"), ("x-forwarded-uri", widget)],
        &[("x-forwarded-uri", widget)],
        &[("x-original-url", widget)],
        &[("x-http-method-override", "GET")],
        &[("x-envoy-original-path", widget)],
        &[("x-envoy-original-method", "GET")],
        &[("trustmint-client", "npm-proxy:x")],
        &[("connection", "authorization, x-original-uri, x-forwarded-uri, trustmint-client")],
        &[("connection", "trustmint-subject, x-original-method, x-forwarded-method")],
        &[("x-nuget-apikey", "x")],
    ] {
        let mut all = headers.to_vec();
        all.push(("authorization", &token));
        let sent = stage.send("PUT", (NPM, "/gadget"), &all, b"x").await;
        assert!(sent.0 >= 400, "{headers:?}: {}", sent.0);
        stage.nothing_passed(&format!("{headers:?}"));
    }
    // Paths that a proxy, we, or the registry might read differently. Some proxies fix them; then the
    // registry gets the fixed one, which must be the one that is allowed.
    for path in [
        "/@acme%2fwidget/../../gadget",
        "/@acme%2fwidget/..%2f..%2fgadget",
        "/@acme%2f..%2fgadget",
        "/@acme/widget/../../gadget",
        "//gadget",
        "/./gadget",
        "/%67adget",
        "/gadget%00",
        "/gadget%0a",
        "/gadget;/../@acme%2fwidget",
        "/@acme%2fwidget\\..\\..\\gadget",
        "/@acme%2fwidget%5c..%5c..%5cgadget",
        "/gadget#/@acme%2fwidget",
        "/gadget%23/../@acme%2fwidget",
        "/gadget%3f/../@acme%2fwidget",
        "/@acme%252fwidget/%2e%2e/gadget",
        "/-/npm/v1/oidc/../../../../gadget",
        "/-/npm/v1/oidc/%2e%2e/%2e%2e/%2e%2e/%2e%2e/gadget",
        "/-/npm/v1/oidc/..%2f..%2f..%2f..%2fgadget",
        "https://npm.example.com/gadget",
        "https://elsewhere.example/@acme%2fwidget/../gadget",
        "gadget",
        "*",
    ] {
        let request = format!(
            "PUT {path} HTTP/1.1\r\nhost: {NPM}:{}\r\nauthorization: Bearer {token}\r\ncontent-length: 1\r\n\
             connection: close\r\n\r\nx",
            stage.site.proxy.port
        );
        let status = stage.raw(&request).await;
        for passed in stage.upstream.take() {
            let allowed =
                ["/@acme%2fwidget", "/@acme%2Fwidget", "/@acme/widget"].contains(&passed.uri.as_str());
            assert!(allowed, "{path}: {status}, and {} passed", passed.uri);
        }
    }
}

async fn the_protocol_goes_to_the_broker(stage: &Stage) {
    let audience = stage.send("GET", (PYPI, "/_/oidc/audience"), &[], b"").await;
    assert_eq!((audience.0, audience.2.as_str()), (200, "{\"audience\":\"pypi.example.com\"}"));
    assert_eq!(stage.send("GET", (PYPI, "/.well-known/pytp?discover=%2F"), &[], b"").await.0, 200);
    let exchange = (NPM, "/-/npm/v1/oidc/token/exchange/package/@acme%2fwidget");
    let id_token = stage.site.issuer.id_token("npm:npm.example.com");
    let bearer = format!("Bearer {id_token}");
    let sent = stage.send("POST", exchange, &[("authorization", &bearer)], b"").await;
    assert_eq!(sent.0, 201, "{}", sent.2);
    stage.nothing_passed("an exchange");
}

async fn all_of_it(kind: Kind) {
    let stage = Stage::start(kind).await;
    good_requests_pass(&stage).await;
    bad_requests_do_not(&stage).await;
    no_trick_lets_a_request_pass_that_is_not_allowed(&stage).await;
    the_protocol_goes_to_the_broker(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_allowed_requests_only() {
    all_of_it(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_passes_allowed_requests_only() {
    all_of_it(Kind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_passes_allowed_requests_only() {
    all_of_it(Kind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_passes_allowed_requests_only() {
    all_of_it(Kind::Envoy).await;
}
