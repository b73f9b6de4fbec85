//! What a method and a path mean at each kind of registry, line by line: the actions, and the package.

use trustmint_tests::forward_auth::House;

/// Method, URI, and the scope that it needs; `-` and an action where the path names no package.
type Row = (&'static str, &'static str, &'static str);

const PYPI: &[Row] = &[
    ("POST", "/legacy/", "- publish"),
    ("POST", "/up/load", "- publish"),
    ("GET", "/simple/", "- read"),
    ("GET", "/simple/al-pha", "package:al-pha:read"),
    ("HEAD", "/simple/al-pha/", "package:al-pha:read"),
    ("GET", "/simple/Al_.PHA/?format=json", "package:al-pha:read"),
    ("GET", "/pypi/al-pha/json", "package:al-pha:read"),
    ("GET", "/pypi/al-pha/1.0/json", "package:al-pha:read"),
    ("GET", "/packages/al_pha-1.0-py3-none-any.whl", "package:al-pha:read"),
    ("GET", "/packages/al_pha-1.0-1-py3-none-any.whl", "package:al-pha:read"),
    ("GET", "/packages/ab/cd/al_pha-1.0-py3-none-any.whl.metadata", "package:al-pha:read"),
    ("GET", "/packages/al_pha-1!1.0+local.tar.gz", "package:al-pha:read"),
    ("GET", "/packages/al-pha-1.0.tar.gz", "- read"),
    ("GET", "/packages/al-pha-1.0-py3-none-any.whl", "- read"),
    ("GET", "/packages/al_pha-1.0-1-py3-none-any-more.whl", "- read"),
    ("GET", "/packages/al-pha-1.0.zip", "- read"),
    ("GET", "/root/dev/+simple/al-pha/", "package:al-pha:read"),
    ("GET", "/root/dev/+simple/", "- read"),
    ("GET", "/root/dev/+f/12a/b34/al_pha-1.0-py3-none-any.whl", "package:al-pha:read"),
];

const CRATES: &[Row] = &[
    ("PUT", "/api/v1/crates/new", "- publish"),
    ("DELETE", "/api/v1/crates/al_Pha/1.0.0+b/yank", "package:al-pha:yank"),
    ("PUT", "/api/v1/crates/al-pha/1.0.0/unyank", "package:al-pha:yank"),
    ("PUT", "/api/v1/crates/al-pha/owners", "package:al-pha:owner"),
    ("DELETE", "/api/v1/crates/al-pha/owners", "package:al-pha:owner"),
    ("GET", "/api/v1/crates/al-pha/owners", "package:al-pha:read"),
    ("GET", "/api/v1/crates/al-pha/1.0.0/download", "package:al-pha:read"),
    ("GET", "/api/v1/crates/al-pha", "package:al-pha:read"),
    ("GET", "/api/v1/crates/al-pha/1.0.0", "package:al-pha:read"),
    ("GET", "/api/v1/crates?q=al-pha", "- read"),
    ("GET", "/config.json", "- read"),
    ("GET", "/al/-p/al-pha", "package:al-pha:read"),
    ("GET", "/index/al/-p/al-pha", "package:al-pha:read"),
    ("GET", "/api/v1/crates/al/-p/al-pha", "package:al-pha:read"),
    ("GET", "/1/a", "package:a:read"),
    ("GET", "/2/ab", "package:ab:read"),
    ("GET", "/3/a/abc", "package:abc:read"),
    ("GET", "/git/index/info/refs?service=git-upload-pack", "- read"),
    ("GET", "/git/objects/ab/cd", "- read"),
    ("GET", "/crates/al/-p/al-pha", "package:al-pha:read"),
];

const NPM: &[Row] = &[
    ("PUT", "/@al%2fpha", "package:%40al%2Fpha:publish"),
    ("PUT", "/%40al%2Fpha", "package:%40al%2Fpha:publish"),
    ("PUT", "/@al/pha", "package:%40al%2Fpha:publish"),
    ("PUT", "/plain", "package:plain:publish"),
    ("POST", "/-/stage/package/@al%2fpha", "package:%40al%2Fpha:publish"),
    ("PUT", "/-/package/@al%2fpha/dist-tags/latest", "package:%40al%2Fpha:publish"),
    ("DELETE", "/-/package/@al/pha/dist-tags/beta", "package:%40al%2Fpha:publish"),
    ("PUT", "/@al%2fpha/-rev/7-abc", "package:%40al%2Fpha:yank,owner"),
    ("DELETE", "/@al%2fpha/-rev/7-abc", "package:%40al%2Fpha:yank"),
    ("DELETE", "/@al/pha/-/pha-1.0.0.tgz/-rev/7-abc", "package:%40al%2Fpha:yank"),
    ("POST", "/-/package/@al%2fpha/access", "package:%40al%2Fpha:owner"),
    ("GET", "/@al%2fpha", "package:%40al%2Fpha:read"),
    ("GET", "/@al/pha?write=true", "package:%40al%2Fpha:read"),
    ("GET", "/@al%2fpha/1.0.0", "package:%40al%2Fpha:read"),
    ("GET", "/@al/pha/-/pha-1.0.0.tgz", "package:%40al%2Fpha:read"),
    ("HEAD", "/plain/-/plain-1.0.0.tgz", "package:plain:read"),
    ("GET", "/-/package/plain/dist-tags", "package:plain:read"),
    ("GET", "/-/package/plain/visibility", "package:plain:read"),
    ("GET", "/-/ping", "- read"),
    ("GET", "/-/whoami", "- read"),
    ("GET", "/-/npm/v1/keys", "- read"),
    ("POST", "/-/npm/v1/security/audits", "- read"),
    ("GET", "/-/v1/search?text=x", "- read"),
    ("POST", "/-/npm/v1/security/advisories/bulk", "- read"),
];

const RUBYGEMS: &[Row] = &[
    ("POST", "/api/v1/gems", "- publish"),
    ("DELETE", "/api/v1/gems/yank", "- yank"),
    ("PUT", "/api/v1/gems/unyank", "- yank"),
    ("POST", "/api/v1/gems/al-pha/owners", "package:al-pha:owner"),
    ("DELETE", "/api/v1/gems/al-pha/owners.json", "package:al-pha:owner"),
    ("GET", "/api/v1/gems/al-pha/owners.yaml", "package:al-pha:read"),
    ("GET", "/api/v1/gems/al-pha.json", "package:al-pha:read"),
    ("GET", "/api/v1/versions/al-pha.json", "package:al-pha:read"),
    ("GET", "/info/al-pha", "package:al-pha:read"),
    ("GET", "/versions", "- read"),
    ("GET", "/specs.4.8.gz", "- read"),
    ("GET", "/gems/al-pha-1.0.gem", "- read"),
];

const NUGET: &[Row] = &[
    ("PUT", "/api/v2/package", "- publish"),
    ("PUT", "/api/v2/package/", "- publish"),
    ("PUT", "/api/v2/symbolpackage/", "- publish"),
    ("POST", "/api/v2/package/create-verification-key/Al.Pha/1.0.0", "package:al.pha:publish"),
    ("DELETE", "/api/v2/package/Al.Pha/1.0.0", "package:al.pha:yank"),
    ("POST", "/api/v2/package/al.pha/1.0.0", "package:al.pha:yank"),
    ("GET", "/api/v2/package/al.pha/1.0.0", "package:al.pha:read"),
    ("GET", "/v3/index.json", "- read"),
    ("GET", "/v3/search?q=x", "- read"),
    ("GET", "/v3/registration/al.pha/index.json", "package:al.pha:read"),
    ("GET", "/v3/package/al.pha/1.0.0/al.pha.1.0.0.nupkg", "package:al.pha:read"),
    ("GET", "/v3-flatcontainer/al.pha/index.json", "package:al.pha:read"),
];

const GENERIC: &[Row] = &[
    ("GET", "/", "- read"),
    ("HEAD", "/a/b.tar", "- read"),
    ("PUT", "/a/b.tar", "- publish"),
    ("POST", "/upload", "- publish"),
    ("PATCH", "/a", "- publish"),
    ("DELETE", "/a/b.tar", "- yank"),
];

/// What no kind but `generic`, or not this one, knows: method and URI.
const UNKNOWN: &[(&str, &[(&str, &str)])] = &[
    (
        "pypi",
        &[
            ("POST", "/legacy"),
            ("POST", "/LEGACY/"),
            ("PUT", "/legacy/"),
            ("POST", "/"),
            ("POST", "/simple/"),
            ("DELETE", "/simple/al-pha/"),
            ("GET", "/"),
            ("GET", "/admin"),
            ("GET", "/simple/al-pha/x"),
            ("GET", "/simple/-/"),
            ("OPTIONS", "/simple/"),
            ("TRACE", "/simple/"),
            ("get", "/simple/"),
        ],
    ),
    (
        "crates",
        &[
            ("POST", "/api/v1/crates/new"),
            ("PUT", "/api/v1/crates/new/"),
            ("PUT", "/api/v1/crates/al-pha/1.0.0/yank"),
            ("DELETE", "/api/v1/crates/al-pha"),
            ("GET", "/api/v1/me"),
            ("GET", "/api/v1/me/tokens"),
            ("PUT", "/api/v1/trusted_publishing/github_configs"),
            ("GET", "/al/ph/al-pha"),
            ("GET", "/xx/yy/al-pha"),
            ("POST", "/git/git-receive-pack"),
            ("PUT", "/api/v1/crates/al%2fpha/owners"),
        ],
    ),
    (
        "npm",
        &[
            ("PUT", "/-/user/org.couchdb.user:x"),
            ("PUT", "/-"),
            ("PUT", "/-/plain"),
            ("PUT", "/plain/"),
            ("PUT", "/plain/1.0.0"),
            ("POST", "/plain"),
            ("DELETE", "/plain"),
            ("GET", "/-/npm/v1/tokens"),
            ("POST", "/-/npm/v1/tokens"),
            ("DELETE", "/-/npm/v1/tokens/token/x"),
            ("PUT", "/-/team/al/team/package"),
            ("PUT", "/@al"),
            ("PUT", "/@al%2fpha%2fx"),
            ("PUT", "/@al%252fpha"),
            ("PUT", "/plain/-/plain-1.0.0.tgz"),
            ("GET", "/-/all"),
        ],
    ),
    (
        "rubygems",
        &[
            ("POST", "/api/v1/gems/"),
            ("PUT", "/api/v1/gems"),
            ("DELETE", "/api/v1/gems"),
            ("GET", "/api/v1/api_key"),
            ("POST", "/api/v1/api_key"),
            ("POST", "/api/v1/gems/yank"),
            ("POST", "/api/v1/gems/al-pha/trusted_publishers"),
            ("POST", "/api/v1/web_hooks"),
        ],
    ),
    (
        "nuget",
        &[
            ("POST", "/api/v2/package"),
            ("PUT", "/api/v2/package/al.pha/1.0.0"),
            ("DELETE", "/api/v2/package/al.pha"),
            ("DELETE", "/api/v2/package"),
            ("GET", "/api/v2/user"),
            ("PUT", "/API/v2/package"),
        ],
    ),
    ("generic", &[("OPTIONS", "/"), ("CONNECT", "/x"), ("LOCK", "/a"), ("COPY", "/a"), ("", "/")]),
];

const TABLES: [(&str, &[Row]); 6] = [
    ("pypi", PYPI),
    ("crates", CRATES),
    ("npm", NPM),
    ("rubygems", RUBYGEMS),
    ("nuget", NUGET),
    ("generic", GENERIC),
];

/// The name of the packages in the tables, and of one that is not in them.
fn packages(kind: &str) -> [&'static str; 2] {
    match kind {
        "npm" => ["@al/pha", "zulu"],
        "nuget" => ["al.pha", "zulu"],
        _ => ["al-pha", "zulu"],
    }
}

async fn house(kind: &str, lines: &str) -> House {
    let uploads = if kind == "pypi" { "upload_paths = [\"/legacy/\", \"/up/load\"]\n" } else { "" };
    House::with(kind, &packages(kind), &format!("{uploads}{lines}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_needs_its_actions_on_its_package() {
    for (kind, rows) in TABLES {
        let house = house(kind, "").await;
        let all = house.token("").await;
        let other = house.token("package:zulu:publish,yank,owner,read").await;
        for (method, uri, scope) in rows {
            let reply = house.about(method, uri, &other).await;
            let challenge = reply.header("www-authenticate").to_owned();
            assert_eq!(
                (reply.status.as_u16(), reply.reason()),
                (403, "not_covered".into()),
                "{kind} {method} {uri}"
            );
            let named = scope.starts_with("package:");
            let expected = if named { format!(", scope=\"{scope}\"") } else { String::new() };
            let expected = format!("Bearer realm=\"trustmint\", error=\"insufficient_scope\"{expected}");
            assert_eq!(challenge, expected, "{kind} {method} {uri}");
            assert_eq!(reply.text.contains("unchecked_package"), !named, "{}", reply.text);
            let ours = named && scope.contains(&house_package(kind));
            let status = if ours { 200 } else { 403 };
            assert_eq!(house.about(method, uri, &all).await.status, status, "{kind} {method} {uri}");
        }
    }
}

/// The table's package as scopes write it.
fn house_package(kind: &str) -> String {
    format!("package:{}:", packages(kind)[0].replace('@', "%40").replace('/', "%2F"))
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_all_actions_is_refused() {
    for (kind, rows) in TABLES {
        let house = house(kind, "").await;
        let ours = house_package(kind);
        let actions = ["publish", "create", "yank", "owner", "read"];
        for (method, uri, scope) in rows {
            let Some(needed) = scope.strip_prefix(&ours) else { continue };
            for missing in needed.split(',') {
                let rest = actions.into_iter().filter(|action| *action != missing).collect::<Vec<_>>();
                let token = house.token(&format!("{ours}{}", rest.join(","))).await;
                assert_eq!(
                    house.about(method, uri, &token).await.status,
                    403,
                    "{kind} {method} {uri} {missing}"
                );
            }
            let token = house.token(&format!("{ours}{needed}")).await;
            let reply = house.about(method, uri, &token).await;
            assert_eq!(reply.status, 200, "{kind} {method} {uri}");
            assert_eq!(reply.header("trustmint-scope"), format!("{ours}{needed}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unnamed_package_needs_unchecked_package_and_action() {
    for (kind, rows) in TABLES {
        let house = house(kind, "unchecked_package = true\n").await;
        let actions = ["publish", "create", "yank", "owner", "read"];
        let mut tokens = Vec::new();
        for action in actions {
            tokens.push((action, house.token(&format!("package:zulu:{action}")).await));
        }
        for (method, uri, scope) in rows {
            for (action, token) in &tokens {
                let expected = if *scope == format!("- {action}") { 200 } else { 403 };
                let reply = house.about(method, uri, token).await;
                assert_eq!(reply.status, expected, "{kind} {method} {uri} {action}");
                if expected == 200 {
                    assert_eq!(reply.header("trustmint-scope"), format!("package:zulu:{action}"));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_path_or_method_is_403() {
    for (kind, rows) in UNKNOWN {
        let house = house(kind, "unchecked_package = true\npublic_reads = true\n").await;
        let all = house.token("").await;
        for (method, uri) in *rows {
            let reply = house.about(method, uri, &all).await;
            assert_eq!(reply.status, 403, "{kind} {method} {uri}");
            assert_eq!(reply.reason(), "malformed_request", "{kind} {method} {uri}: {}", reply.text);
            assert_eq!(reply.header("authorization"), "");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_reads_need_no_token() {
    for (kind, rows) in TABLES {
        let house = house(kind, "public_reads = true\n").await;
        for (method, uri, scope) in rows {
            let reply = house.about(method, uri, "").await;
            let expected = if scope.ends_with("read") { 200 } else { 401 };
            assert_eq!(reply.status, expected, "{kind} {method} {uri}");
            if expected == 200 {
                assert_eq!(house.about(method, uri, "of someone else").await.status, 200);
                assert!(reply.headers.contains_key("trustmint-subject"), "it replaces what a client sends");
                assert_eq!((reply.header("trustmint-subject"), reply.header("trustmint-scope")), ("", ""));
            }
        }
    }
}
