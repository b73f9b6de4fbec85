//! What publishing clients send, as nginx hands it to the auth subrequest: each with the carrier and the
//! path that it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trustmint_tests::forward_auth::{House, outcome};

/// A client: registry kind, method and path of its upload, and the headers that it sends. `{token}` is the
/// token, `{basic}` the token as the password of `__token__`.
struct Client {
    name: &'static str,
    kind: &'static str,
    upload: (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
}

const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=8d0e2c");

const CLIENTS: [Client; 6] = [
    Client {
        name: "twine",
        kind: "pypi",
        upload: ("POST", "/legacy/"),
        headers: &[("user-agent", "twine/7.0.0"), MULTIPART, ("authorization", "Basic {basic}")],
    },
    Client {
        name: "uv",
        kind: "pypi",
        upload: ("POST", "/legacy/"),
        headers: &[("user-agent", "uv/0.13.9"), MULTIPART, ("authorization", "Basic {basic}")],
    },
    Client {
        name: "gem push",
        kind: "rubygems",
        upload: ("POST", "/api/v1/gems"),
        headers: &[
            ("user-agent", "Ruby, RubyGems/3.3.15 x86_64-linux Ruby/3.1.2 (2022-04-12 patchlevel 20)"),
            ("content-type", "application/octet-stream"),
            ("authorization", "{token}"),
        ],
    },
    Client {
        name: "dotnet nuget push",
        kind: "nuget",
        upload: ("PUT", "/api/v2/package/"),
        headers: &[
            ("user-agent", "NuGet Command Line/6.12.2 (Linux)"),
            ("x-nuget-client-version", "6.12.2"),
            ("x-nuget-protocol-version", "4.1.0"),
            MULTIPART,
            ("x-nuget-apikey", "{token}"),
        ],
    },
    Client {
        name: "cargo publish",
        kind: "crates",
        upload: ("PUT", "/api/v1/crates/new"),
        headers: &[
            ("user-agent", "cargo/1.95.0"),
            ("accept", "application/json"),
            ("authorization", "{token}"),
        ],
    },
    Client {
        name: "npm publish",
        kind: "npm",
        upload: ("PUT", "/widget"),
        headers: &[
            ("user-agent", "npm/11.19.1 node/v24.21.0 linux x64 workspaces/false ci/gitlab"),
            ("npm-command", "publish"),
            ("content-type", "application/json"),
            ("authorization", "Bearer {token}"),
        ],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_client_upload_needs_a_live_token() {
    for client in CLIENTS {
        let house = House::with(client.kind, &["widget"], "unchecked_package = true\n").await;
        let token = house.token("package:widget:publish").await;
        let ask = |token: &str| {
            let basic = STANDARD.encode(format!("__token__:{token}"));
            let filled = |value: &str| value.replace("{token}", token).replace("{basic}", &basic);
            let sent = client.headers.iter().map(|(name, value)| (*name, filled(value)));
            let original = [("x-original-method", client.upload.0), ("x-original-uri", client.upload.1)];
            sent.chain(original.map(|(name, value)| (name, value.to_owned()))).collect::<Vec<_>>()
        };
        let asked = async |headers: Vec<(&str, String)>| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            outcome(&house.ask(&headers).await)
        };
        assert_eq!(asked(ask(&token)).await.0, 200, "{}", client.name);
        assert_eq!(asked(ask("not-a-token")).await, (401, "invalid_token".to_owned()), "{}", client.name);
        house.broker.revoke(&token).await;
        assert_eq!(asked(ask(&token)).await, (401, "invalid_token".to_owned()), "{}", client.name);
    }
}
