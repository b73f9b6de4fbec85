//! A certificate authority for the length of a test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate for loopback, and the authority that signed it, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub ca: String,
    pub chain: String,
    pub key: String,
}

impl Certificate {
    /// For 127.0.0.1 and localhost, by a new authority.
    pub fn for_loopback() -> Self {
        Self::for_names(&["127.0.0.1", "localhost"])
    }

    /// For these names, by a new authority.
    pub fn for_names(names: &[&str]) -> Self {
        let mut authority = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "trustmint tests");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("key")).expect("authority");
        let key = KeyPair::generate().expect("key");
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let leaf =
            CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("certificate");
        Self { ca: authority.pem(), chain: leaf.pem(), key: key.serialize_pem() }
    }

    /// A server's side of TLS.
    pub fn acceptor(&self) -> TlsAcceptor {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(self.chain.as_bytes()).map(|der| der.expect("PEM")).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}
