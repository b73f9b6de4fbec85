//! The three listeners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::settings::{Files, networks};
use crate::toml_reader::Section;

/// Where the listeners are.
#[derive(Debug)]
pub struct Listen {
    /// For jobs, scanners and registries.
    pub public: SocketAddr,
    /// For health checks and metrics; nothing behind it changes anything.
    pub ops: Option<SocketAddr>,
    /// For operators.
    pub admin: Option<AdminListener>,
    /// TLS at the public listener.
    pub tls: Option<Tls>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// The admin listener: never reachable from elsewhere, always authenticated.
#[derive(Debug)]
pub struct AdminListener {
    /// A Unix socket or a loopback address.
    pub at: AdminAddress,
    /// The bearer token that opens it.
    pub token: Secret,
}

/// Where the admin listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A loopback address.
    Loopback(SocketAddr),
}

/// A server's TLS.
#[derive(Clone, Debug)]
pub struct Tls(pub Arc<ServerConfig>);

pub(super) fn read(root: &Section<'_>, files: &Files<'_>) -> Option<Listen> {
    let Some(section) = root.section("listen") else {
        if !root.contains("listen") {
            root.missing("listen", "{ public = \"0.0.0.0:8080\", ops = \"0.0.0.0:9090\" }");
        }
        return None;
    };
    section.required("public", "\"0.0.0.0:8080\"");
    let public = section.parsed("public", str::parse::<SocketAddr>);
    let ops = section.parsed("ops", str::parse::<SocketAddr>).map(|ops| ops.value);
    let tls = section.section("tls").and_then(|tls| read_tls(tls, files));
    let trusted_proxies = networks(&section, "trusted_proxies");
    let admin = read_admin(&section, files);
    section.finish();
    Some(Listen { public: public?.value, ops, admin, tls, trusted_proxies })
}

fn read_admin(section: &Section<'_>, files: &Files<'_>) -> Option<AdminListener> {
    let at = section.parsed("admin", |text| match text.strip_prefix("unix:") {
        Some(path) => Ok(AdminAddress::Unix(files.path(path))),
        None => match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(AdminAddress::Loopback(address)),
            _ => Err(
                "the admin listener is a Unix socket (\"unix:/run/trustmint/admin.sock\") or a loopback address",
            ),
        },
    });
    let token = files.secret(section, "admin_token_file");
    if section.contains("admin") && !section.contains("admin_token_file") {
        section.error(
            section.span(),
            "the admin listener needs `admin_token_file`",
            "write a random token into a file and name it".to_owned(),
        );
    }
    Some(AdminListener { at: at?.value, token: token? })
}

fn read_tls(section: Section<'_>, files: &Files<'_>) -> Option<Tls> {
    section.required("cert", "\"tls.crt\"");
    section.required("key", "\"tls.key\"");
    let chain = files.read(&section, "cert");
    let key = files.read(&section, "key").map(Zeroizing::new);
    let span = section.span().clone();
    let (chain, key) = (chain?, key?);
    let tls = server_config(&chain, &key);
    if let Err(error) = &tls {
        section.error(&span, format!("[{}]: {error}", section.path()), None);
    }
    section.finish();
    tls.ok()
}

/// TLS 1.2 and 1.3 by rustls' defaults; HTTP/1.1 only.
fn server_config(chain: &[u8], key: &[u8]) -> Result<Tls, String> {
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("`cert` is not PEM: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("`key` is not PEM: {error}"))?;
    let mut config = ServerConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls(Arc::new(config)))
}
