//! Which request the auth subrequest believes to be the original one, and which credential counts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trustmint_tests::broker::CLIENT;
use trustmint_tests::forward_auth::{PUT, WIDGET, assert_gives_nothing, npm, outcome};
use trustmint_tests::raw::{Raw, get};

#[tokio::test(flavor = "multi_thread")]
async fn token_is_read_from_each_client_header() {
    let house = npm("").await;
    let token = house.token("package:widget:publish").await;
    let encoded = |user: &str| STANDARD.encode(format!("{user}:{token}"));
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("authorization", format!("BEARER  {token}")),
        ("authorization", token.clone()),
        ("authorization", format!("Basic {}", encoded("__token__"))),
        ("authorization", format!("basic {}", encoded(""))),
        ("authorization", format!("Basic {}", encoded("anyone at all"))),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("u:{token}\n")))),
        ("x-nuget-apikey", token.clone()),
        ("x-devpi-auth", encoded("root")),
    ] {
        let reply = house.ask(&[PUT, WIDGET, (name, &value)]).await;
        assert_eq!(reply.status, 200, "{name} {value}: {}", reply.text);
    }
    let same = [PUT, WIDGET, ("authorization", token.as_str()), ("x-nuget-apikey", &token)];
    assert_eq!(house.ask(&same).await.status, 200, "the same token twice contradicts nothing");
    assert_eq!(
        house.ask(&[PUT, WIDGET, ("x-nuget-apikey", &token), ("authorization", "")]).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_two_different_credentials() {
    let house = npm("").await;
    let (good, other) = (house.token("package:widget:publish").await, house.token("").await);
    let carriers = |token: &str| {
        [
            ("authorization", format!("Bearer {token}")),
            ("x-nuget-apikey", token.to_owned()),
            ("x-devpi-auth", STANDARD.encode(format!("u:{token}"))),
        ]
    };
    for second in [other.as_str(), "garbage", "x"] {
        for (first_name, first) in carriers(&good) {
            for (second_name, second) in carriers(second) {
                for told in [
                    [PUT, WIDGET, (first_name, first.as_str()), (second_name, second.as_str())],
                    [PUT, WIDGET, (second_name, second.as_str()), (first_name, first.as_str())],
                ] {
                    let reply = house.ask(&told).await;
                    assert_eq!(
                        outcome(&reply),
                        (403, "malformed_request".into()),
                        "{first_name} {second_name}"
                    );
                    assert_gives_nothing(&reply, first_name);
                }
            }
        }
    }
    let odd = [PUT, WIDGET, ("authorization", "Digest x=y"), ("x-nuget-apikey", &good)];
    assert_eq!(house.ask(&odd).await.status, 403, "what we cannot read, the registry may");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_cannot_smuggle_proxy_headers() {
    let house = npm("public_reads = true\n").await;
    let token = house.token("package:widget:publish").await;
    // What a proxy tells of a PUT of someone else's package, and what a client adds to look harmless.
    let nginx = [PUT, ("x-original-uri", "/gadget")];
    let caddy = [("x-forwarded-method", "PUT"), ("x-forwarded-uri", "/gadget")];
    for told in [nginx, caddy] {
        for added in [
            &[("x-original-method", "GET")][..],
            &[("x-forwarded-method", "GET")],
            &[("x-original-uri", "/widget")],
            &[("x-forwarded-uri", "/widget")],
            &[("x-forwarded-uri", "/gadget?")],
            &[("x-forwarded-uri", "/gadget/")],
            &[("x-original-uri", "/%67adget")],
            &[("x-original-method", "GET"), ("x-original-uri", "/widget")],
            &[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/widget")],
            &[("x-original-method", "PUT"), ("x-original-method", "GET")],
            &[("x-original-uri", "/widget"), ("x-forwarded-uri", "/widget")],
            &[("x-original-uri", "")],
            &[("x-original-method", "")],
            &[("x-original-url", "https://packages.example.com/widget")],
            &[("x-original-url", "/widget")],
            &[("x-original-url", "https://packages.example.com")],
            &[("x-rewrite-url", "/widget")],
            &[("x-http-method-override", "GET")],
            &[("x-http-method", "GET")],
            &[("x_http_method_override", "GET")],
            &[("x_http-method_override", "GET")],
            &[("x_method_override", "DELETE")],
            &[("x_original_url", "/widget")],
            &[("x_original_method", "GET")],
            &[("x_forwarded_uri", "/widget")],
            &[("x-method-override", "DELETE")],
        ] {
            let bearer = format!("Bearer {token}");
            let mut headers = told.to_vec();
            headers.extend(added);
            headers.push(("authorization", &bearer));
            let reply = house.ask(&headers).await;
            assert_eq!(outcome(&reply), (403, "malformed_request".into()), "{headers:?}: {}", reply.text);
            assert_gives_nothing(&reply, "smuggled");
            headers.reverse();
            assert_eq!(house.ask(&headers).await.status, 403, "in whatever order");
        }
    }
    // What agrees is not a contradiction.
    let agreeing = [
        PUT,
        WIDGET,
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-uri", "/widget"),
        ("x-original-url", "https://packages.example.com:8443/widget"),
        ("x-http-method-override", "PUT"),
        ("authorization", &token),
    ];
    assert_eq!(house.ask(&agreeing).await.status, 200);
    // Half of it is nothing, and overrides alone tell nothing.
    for told in [
        &[PUT][..],
        &[WIDGET],
        &[],
        &[PUT, ("x-original-url", "https://packages.example.com/widget")],
        &[WIDGET, ("x-http-method-override", "PUT")],
    ] {
        let mut headers = told.to_vec();
        headers.push(("authorization", &token));
        assert_eq!(house.ask(&headers).await.status, 403, "{told:?}");
    }
    for query in [
        "?_method=DELETE",
        "?a=b&_METHOD=x",
        "?%5fmethod=PUT",
        "?a=1;_method=DELETE",
        "?a=1;%5Fmethod=x",
        "?a#b",
        "?a\\b",
    ] {
        let uri = format!("/widget{query}");
        assert_eq!(house.about("PUT", &uri, &token).await.status, 403, "{query}");
    }
    assert_eq!(house.about("PUT", "/widget?write=true&x=%2f..%2f", &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_path_below_the_prefix_is_read() {
    let house = npm("").await;
    let token = house.token("package:widget:publish").await;
    let line = |headers: &str| {
        format!("trustmint-client: {}:{}\r\nauthorization: {token}\r\n{headers}", CLIENT.0, CLIENT.1)
    };
    for (request, headers, status) in [
        ("PUT /forward-auth/npm/widget", "", 200),
        ("PUT /forward-auth/npm/widget?write=true", "", 200),
        ("PUT /forward-auth/npm/widget", "x-forwarded-method: PUT\r\nx-original-uri: /widget\r\n", 200),
        ("PUT /forward-auth/npm/gadget", "", 403),
        ("GET /forward-auth/npm/widget", "", 403),
        ("DELETE /forward-auth/npm/widget", "", 403),
        ("PUT /forward-auth/npm/gadget", "x-original-uri: /widget\r\n", 403),
        ("PUT /forward-auth/npm/widget", "x-original-method: GET\r\n", 403),
        ("GET /forward-auth/npm/widget", "x-forwarded-method: PUT\r\n", 403),
        ("PUT /forward-auth/npm/", "x-original-uri: /widget\r\nx-original-method: PUT\r\n", 403),
        ("PUT /forward-auth/npm//widget", "", 403),
        ("PUT /forward-auth/npm/gadget/../widget", "", 403),
        ("PUT /forward-auth/npm/%77idget", "", 403),
        ("PUT /forward-auth/npm/./widget", "", 403),
        ("PUT /forward-auth/x/../npm/widget", "", 401),
        ("PUT /forward-auth//npm/widget", "", 401),
        ("PUT /forward-auth/npm%2fwidget", "", 401),
        ("PUT /forward-auth/npm\\widget", "", 400),
        ("PUT http://elsewhere.example/forward-auth/npm/widget", "", 200),
    ] {
        let raw = get("/", &line(headers)).replacen("GET /", request, 1);
        let reply = Raw::once(&house.broker.public, raw).await;
        let accepted = [status, if status == 400 { 401 } else { status }];
        assert!(accepted.contains(&reply.status), "{request} {headers}: {} {}", reply.status, reply.body);
    }
}
