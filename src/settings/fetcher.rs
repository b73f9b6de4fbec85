//! `ca_file` and `allow_private`: whom we trust, and where we go, when we speak to someone.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::fetch::{Fetcher, Roots};
use crate::settings::{Files, networks};
use crate::toml_reader::Section;

pub(super) fn read(section: &Section<'_>, files: &Files<'_>) -> Option<Fetcher> {
    let roots = if section.contains("ca_file") { read_roots(section, files) } else { Some(Roots::System) };
    let allow_private = networks(section, "allow_private");
    match Fetcher::new(&roots?, allow_private) {
        Ok(fetcher) => Some(fetcher),
        Err(error) => {
            section.error(section.span(), format!("`ca_file`: {error}"), None);
            None
        }
    }
}

fn read_roots(section: &Section<'_>, files: &Files<'_>) -> Option<Roots> {
    let span = section.string("ca_file")?.span;
    let pem = files.read(section, "ca_file")?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Some(Roots::Only(certificates)),
        _ => {
            section.error(&span, "`ca_file` has no PEM certificate", None);
            None
        }
    }
}
