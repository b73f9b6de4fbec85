//! A certificate authority for one run, and the TLS certificate it vouches for.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::clock::{Clock as _, SystemClock};

/// How long the certificates are valid; some TLS libraries refuse very long lives.
const LIFETIME: Duration = Duration::from_secs(90 * 86_400);
/// They are valid already for a clock that is this far behind.
const BACKDATED: Duration = Duration::from_secs(3600);

/// The authority's certificate, and a server's certificate with its key.
#[derive(Debug)]
pub(in super::super) struct Authority {
    certificate: rcgen::Certificate,
    server: CertificateDer<'static>,
    server_key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Makes both. The authority's key is forgotten at once.
    pub(super) fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = params("trustmint demo CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;

        let server_key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = Issuer::new(params, key);
        let mut params = self::params("trustmint demo issuer");
        params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let server = params.signed_by(&server_key, &issuer).map_err(io::Error::other)?;
        Ok(Self {
            certificate,
            server: server.der().clone(),
            server_key: PrivateKeyDer::Pkcs8(server_key.serialize_der().into()),
        })
    }

    /// The authority's certificate as a file has it.
    pub(in super::super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The authority's certificate.
    pub(in super::super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// TLS for the server.
    pub(super) fn server_config(&self) -> io::Result<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![self.server.clone()], self.server_key.clone_key())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(SystemClock.now());
    params.not_before = now - BACKDATED;
    params.not_after = now + LIFETIME;
    params
}
