//! The one crypto stack, named wherever TLS is set up.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// aws-lc-rs, for rustls.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Makes aws-lc-rs the process's default, for libraries that ask for one.
pub fn install_default_provider() {
    // An error means that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
