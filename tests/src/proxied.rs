//! Real reverse proxies with the configurations of `examples/proxies`, before registries that know
//! nothing of trustmint.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::{ID_TOKEN, PUBLIC_URL, TOKEN_EXCHANGE, sha256_hex};
use crate::programs::{program, tool};
use crate::raw::authority;
use crate::redis_server::free_port;
use crate::server::Server;
use crate::tls::Certificate;
use crate::{BrokerProcess, Issuer, Setup};

/// What each registry's upstream is shown, as the examples' credential files hold it.
pub const PYPISERVER: &str = "Basic cHlwaXNlcnZlcjpzd2FwcGVkLWluLXB5cGk=";
/// `publisher` and a password.
pub const VERDACCIO: &str = "Basic cHVibGlzaGVyOnN3YXBwZWQtaW4tbnBt";

/// The secret of every proxy's client.
const SECRET: &str = "secret-of-the-proxies";

/// The proxies there are examples for.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
}

/// The examples' hosts, each with the name it gets.
pub type Hosts = [(&'static str, &'static str); 3];

/// Where the registries are: ports of loopback.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams {
    pub pypi: u16,
    pub npm: u16,
    pub crates: u16,
}

/// A running proxy, with the configuration of its example.
pub struct Proxy {
    pub port: u16,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    _server: Server,
    _folder: TempDir,
}

impl Proxy {
    /// With these names in the place of the examples' hosts. When this returns, it has asked the broker
    /// something: some of them listen before they know what to do.
    pub async fn start(kind: Kind, hosts: &Hosts, broker: &str, upstreams: Upstreams) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let names: Vec<_> = hosts.iter().map(|(_, name)| *name).chain(["127.0.0.1"]).collect();
        let certificate = Certificate::for_names(&names);
        std::fs::write(folder.path().join("tls.crt"), &certificate.chain).expect("file");
        std::fs::write(folder.path().join("tls.key"), &certificate.key).expect("file");
        let port = free_port();
        let command = command(kind, folder.path(), port, hosts, authority(broker), upstreams);
        let server = Server::start(command, folder.path(), port);
        let proxy = Self { port, ca: certificate.ca, _server: server, _folder: folder };
        let http = proxy.client(hosts);
        let audience = format!("https://{}:{port}/_/oidc/audience", hosts[0].1);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !http.get(&audience).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(Instant::now() < deadline, "{kind:?} does not serve");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy
    }

    /// A client that finds these hosts here.
    pub fn client(&self, hosts: &Hosts) -> reqwest::Client {
        let authority = reqwest::Certificate::from_pem(self.ca.as_bytes()).expect("PEM");
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let http = reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([authority]);
        let http = hosts.iter().fold(http, |http, (_, name)| http.resolve(name, address));
        http.user_agent("tests").build().expect("client")
    }
}

/// An issuer, a broker and a proxy, as the examples put them together.
pub struct Site {
    pub issuer: Issuer,
    pub broker: BrokerProcess,
    pub proxy: Proxy,
}

impl Site {
    /// The broker's policies are those of [`setup`].
    pub async fn start(kind: Kind, hosts: Hosts, upstreams: Upstreams) -> Self {
        let issuer = Issuer::start().await;
        let broker = setup(&issuer, &hosts).start().await;
        let proxy = Proxy::start(kind, &hosts, &broker.public, upstreams).await;
        Self { issuer, broker, proxy }
    }

    /// A token for this scope of a registry, from the native endpoint.
    pub async fn token(&self, registry: &str, scope: &str) -> String {
        let id_token = self.issuer.id_token(PUBLIC_URL);
        let form = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", id_token.as_str()),
            ("audience", registry),
            ("scope", scope),
        ];
        self.broker.post_form("/oauth/token", &form).await.token()
    }
}

/// A file of `examples/proxies`, with replacements of which each must have something to replace.
pub fn example(name: &str, replacements: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/proxies").join(name);
    let mut text = std::fs::read_to_string(&path).expect("an example");
    for (what, by) in replacements {
        assert!(text.contains(what), "{name} has no {what}");
        text = text.replace(what, by);
    }
    text
}

/// The examples' registries, and for each of the three a policy about `widget` (`@acme/widget` for npm)
/// and `gadget`.
pub fn setup(issuer: &Issuer, hosts: &Hosts) -> Setup {
    let of_test = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let mut replacements = vec![(of_test, sha256_hex(SECRET))];
    replacements.extend(hosts.iter().map(|(host, name)| (*host, (*name).to_owned())));
    let config = example("trustmint.toml", &replacements);
    let mut setup = Setup::new(issuer);
    let registries = config.find("[registries.pypi]").expect("registries");
    config[registries..].clone_into(&mut setup.registries);
    let files = [("pypiserver-credential", PYPISERVER), ("verdaccio-credential", VERDACCIO)];
    setup.files.extend(files.map(|(name, text)| (name.to_owned(), format!("{text}\n"))));
    let policy = setup.policies.remove(0).1.replace("\"Widget.Extras\"", "\"gadget\"");
    setup.policies = [("pypi", "widget"), ("npm", "@acme/widget"), ("crates", "widget")]
        .map(|(registry, package)| {
            let text = policy
                .replace("widget-release", registry)
                .replace("\"pypi\"\npackages", &format!("\"{registry}\"\npackages"))
                .replace("[\"widget\",", &format!("[\"{package}\","));
            (format!("{registry}.toml"), text)
        })
        .to_vec();
    setup
}

/// What starts a proxy, as its example's first lines say.
fn command(
    kind: Kind,
    folder: &Path,
    port: u16,
    hosts: &Hosts,
    broker: &str,
    upstreams: Upstreams,
) -> Command {
    let at = |port: u16| format!("127.0.0.1:{port}");
    let addresses = [
        ("127.0.0.1:8081", at(upstreams.pypi)),
        ("127.0.0.1:8082", at(upstreams.npm)),
        ("127.0.0.1:8083", at(upstreams.crates)),
    ];
    let trustmint = ("127.0.0.1:8080", broker.to_owned());
    let mut all = vec![("SECRET", SECRET.to_owned())];
    all.extend(hosts.iter().map(|(host, name)| (*host, (*name).to_owned())));
    let write = |name: &str, replacements: &[(&str, String)]| {
        std::fs::write(folder.join(name), example(name, replacements)).expect("file");
    };
    match kind {
        Kind::Nginx => {
            all.extend(addresses);
            all.push(("8443", port.to_string()));
            // The packaged defaults are root's, and other nginxes'.
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = temporary.map(|kind| format!("{kind}_temp_path {kind};")).concat();
            all.push(("\nhttp {", format!("\nhttp {{ access_log off; {temporary}")));
            all.push(trustmint);
            write("nginx.conf", &all);
            write("nginx-registry.conf", &[]);
            let mut nginx = program("nginx");
            nginx.arg("-p").arg(folder).args(["-e", "stderr", "-c", "nginx.conf", "-g"]);
            nginx.arg("daemon off; master_process off; pid nginx.pid;");
            nginx
        }
        Kind::Caddy => {
            all.extend(addresses);
            all.extend([trustmint, ("8443", port.to_string())]);
            write("Caddyfile", &all);
            let mut caddy = program("caddy");
            caddy.arg("run").env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            caddy
        }
        Kind::Traefik => {
            all.extend(addresses);
            all.push(trustmint);
            write("traefik-dynamic.yaml", &all);
            let mut traefik = Command::new(tool("traefik"));
            traefik.arg("--providers.file.filename=traefik-dynamic.yaml");
            traefik.arg(format!("--entrypoints.https.address=127.0.0.1:{port}"));
            traefik.arg("--entrypoints.https.http.encodedcharacters.allowencodedslash=true");
            traefik
        }
        Kind::Envoy => {
            let port_value = |port: u16| format!("port_value: {port} ");
            all.extend([
                (
                    "port_value: 8080 ",
                    format!("port_value: {} ", trustmint.1.rsplit_once(':').expect("a port").1),
                ),
                ("port_value: 8081 ", port_value(upstreams.pypi)),
                ("port_value: 8082 ", port_value(upstreams.npm)),
                ("port_value: 8083 ", port_value(upstreams.crates)),
                ("8443", port.to_string()),
            ]);
            write("envoy.yaml", &all);
            let mut envoy = Command::new(tool("envoy"));
            envoy.args(["-c", "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1"]);
            envoy
        }
    }
}
