//! A broker as proxies ask it: subrequests by hand, and tokens with just one right.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::broker::{CLIENT, ID_TOKEN, PUBLIC_URL, TOKEN_EXCHANGE};
use crate::{BrokerProcess, Issuer, Reply, Setup};

/// The upstream's own credential.
pub const UPSTREAM: &str = "Basic dXBzdHJlYW06c3dhcHBlZC1pbi1zZWNyZXQ=";

/// An issuer and a broker with one registry, whose policy allows everything with some packages.
pub struct House {
    pub issuer: Issuer,
    pub broker: BrokerProcess,
    /// The registry's id, which is its kind.
    pub registry: String,
}

impl House {
    /// With these lines in the registry's table.
    pub async fn with(kind: &str, packages: &[&str], lines: &str) -> Self {
        let issuer = Issuer::start().await;
        let broker = setup(&issuer, kind, packages, lines).start().await;
        Self { issuer, broker, registry: kind.to_owned() }
    }

    /// A token for this scope; empty: for everything.
    pub async fn token(&self, scope: &str) -> String {
        let id_token = self.issuer.id_token(PUBLIC_URL);
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", id_token.as_str()),
            ("audience", self.registry.as_str()),
        ];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        self.broker.post_form("/oauth/token", &form).await.token()
    }

    /// A subrequest with these headers, of the registry's own proxy.
    pub async fn ask(&self, headers: &[(&str, &str)]) -> Reply {
        let client = format!("{}:{}", CLIENT.0, CLIENT.1);
        self.ask_as(&client, "", headers).await
    }

    /// The same, by anyone who shows this, at a path below the registry's.
    pub async fn ask_as(&self, client: &str, below: &str, headers: &[(&str, &str)]) -> Reply {
        let url = format!("{}/forward-auth/{}{below}", self.broker.public, self.registry);
        let mut request = self.broker.http().get(url).headers(lines(headers));
        if !client.is_empty() {
            request = request.header("trustmint-client", client);
        }
        self.broker.send(request).await
    }

    /// What nginx would ask about a request that carries this token.
    pub async fn about(&self, method: &str, uri: &str, token: &str) -> Reply {
        let bearer = format!("Bearer {token}");
        let told = [("x-original-method", method), ("x-original-uri", uri), ("authorization", &bearer)];
        self.ask(&told[..if token.is_empty() { 2 } else { 3 }]).await
    }
}

/// The setup of [`House::with`]. Its broker knows the upstream's credential.
pub fn setup(issuer: &Issuer, kind: &str, packages: &[&str], lines: &str) -> Setup {
    let mut setup = Setup::new(issuer).registry_of_kind(kind, "packages.example.com", packages);
    setup.registries = setup.registries.replace("token_prefix", &format!("{lines}token_prefix"));
    setup
        .registries
        .push_str(&format!("\n[registries.{kind}.upstream]\ncredential_file = \"upstream-credential\"\n"));
    setup.files.push(("upstream-credential".to_owned(), format!("{UPSTREAM}\n")));
    for (_, policy) in &mut setup.policies {
        let every = "[\"publish\", \"create\", \"yank\", \"owner\", \"read\"]";
        *policy = policy.replace("[\"publish\", \"create\"]", every);
    }
    setup
}

/// Header lines, of which several may have one name.
pub fn lines(list: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    headers
}

/// What nginx tells of a PUT …
pub const PUT: (&str, &str) = ("x-original-method", "PUT");
/// … of `widget`.
pub const WIDGET: (&str, &str) = ("x-original-uri", "/widget");

/// A registry of kind `npm` with two packages.
pub async fn npm(lines: &str) -> House {
    House::with("npm", &["widget", "gadget"], lines).await
}

/// Status and reason.
pub fn outcome(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.reason())
}

/// Nothing that an upstream would believe is in an answer.
pub fn assert_gives_nothing(reply: &Reply, what: &str) {
    for header in ["authorization", "trustmint-subject", "trustmint-scope"] {
        assert!(!reply.headers.contains_key(header), "{what}: {header}");
    }
    assert!(!reply.text.contains(UPSTREAM), "{what}: {}", reply.text);
}
