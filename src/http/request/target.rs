//! Which registry a request is about, on routes that registry kinds own: a hostname per registry.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};

use crate::denial::{Denial, Reason};
use crate::headers::single_header;
use crate::http::response::error_response::ErrorResponse;
use crate::registry::{Registries, Registry, RegistryKind};

/// A registry, and the configured host that the request named, if any.
pub(in crate::http) struct Target {
    pub(in crate::http) registry: Arc<Registry>,
    pub(in crate::http) host: Option<String>,
}

/// The registry of this kind whose host the request names. Only a single registry without hosts
/// serves any host; a host of no one's gets 421 (RFC 9110 §15.5.20).
pub(in crate::http) fn of_kind(
    registries: &Registries,
    parts: &Parts,
    kind: RegistryKind,
) -> Result<Target, ErrorResponse> {
    let authority = authority(parts);
    let found = by_authority(registries, &authority);
    let target = match found {
        Some(target) => target,
        None => match registries.only() {
            Some(registry) if registry.hosts.is_empty() => {
                Target { registry: Arc::clone(registry), host: None }
            }
            _ => {
                let denial = Denial::new(Reason::UnknownTarget, "no registry is served under this host name");
                return Err(ErrorResponse::from(denial).with_status(StatusCode::MISDIRECTED_REQUEST));
            }
        },
    };
    if target.registry.kind != kind {
        return Err(not_found());
    }
    Ok(target)
}

/// The registry whose host the request names, on routes that are everyone's.
pub(in crate::http) fn by_host(registries: &Registries, parts: &Parts) -> Option<Arc<Registry>> {
    by_authority(registries, &authority(parts)).map(|target| target.registry)
}

/// Returns a 404.
pub(in crate::http) fn not_found() -> ErrorResponse {
    Denial::not_found().into()
}

fn by_authority(registries: &Registries, authority: &str) -> Option<Target> {
    let without_port = authority
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|(host, _)| host);
    [Some(authority), without_port].into_iter().flatten().find_map(|host| {
        let registry = Arc::clone(registries.by_host(host)?);
        Some(Target { registry, host: Some(host.to_owned()) })
    })
}

/// The request's authority in lower case: the target's own (RFC 9112 §3.2.2) before `Host`. Who
/// names several hosts names none: a proxy before us may have read another one.
fn authority(parts: &Parts) -> String {
    let of_target = parts.uri.authority().map(axum::http::uri::Authority::as_str);
    let of_header = single_header(&parts.headers, header::HOST.as_str());
    of_target.or(of_header).unwrap_or("").to_ascii_lowercase()
}
