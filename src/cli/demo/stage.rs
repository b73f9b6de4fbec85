//! Everything that stands before the first step: issuer, files, broker.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::client::Answer;
use super::files;
use super::issuer::{Issuer, random_hex};
use super::scanner::Scanner;
use super::workspace::Workspace;
use crate::clock::{Clock as _, SystemClock};
use crate::fetch::{Fetcher, Roots};
use crate::registry::SecretHash;
use crate::service::{Plan, Service};

/// The issuer, the broker as `serve` runs it, and what the parties know.
pub(super) struct Stage {
    service: Service,
    issuer: Issuer,
    scanner: Scanner,
    /// Fetches from the issuer as a job does, over TLS.
    fetcher: Fetcher,
    ops: SocketAddr,
    secret: Zeroizing<String>,
    workspace: Workspace,
}

impl Stage {
    /// Sets everything up.
    ///
    /// # Errors
    /// If the directory, a port or a file is unavailable.
    pub(super) async fn start() -> Result<Self, String> {
        let workspace = Workspace::create().map_err(said)?;
        let issuer = Issuer::start().await.map_err(said)?;
        let scanner = Scanner::generate().map_err(said)?;
        let secret = Zeroizing::new(random_hex::<32>().map_err(said)?);
        // The port comes first, so that the configuration can name it in `public_url`.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(said)?;
        let public = listener.local_addr().map_err(said)?;

        let hash = SecretHash::of(secret.as_bytes());
        for (name, contents) in [
            (files::CA, issuer.authority().pem()),
            (files::POLICY, files::policy()),
            (files::SCANNER_KEYS, scanner.listing()),
            (files::CONFIGURATION, files::configuration(public, issuer.url(), hash)),
        ] {
            workspace.write(name, &contents).map_err(said)?;
        }
        let plan = Plan::read(&workspace.path(files::CONFIGURATION)).map_err(said)?;
        let service = Service::start_at(listener, plan).await.map_err(said)?;
        wait_for_the_next_second().await;

        let ops = service.ops_address().ok_or("the ops listener has no address")?;
        let loopback = ipnet::IpNet::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
        let fetcher = Fetcher::new(&Roots::Only(vec![issuer.authority().der()]), vec![loopback])?;
        Ok(Self { service, issuer, scanner, fetcher, ops, secret, workspace })
    }

    /// Where the broker's public listener is.
    pub(super) fn broker(&self) -> SocketAddr {
        self.service.public_address()
    }

    /// Where the broker's ops listener is.
    pub(super) fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// The issuer's URL.
    pub(super) fn issuer_url(&self) -> &str {
        self.issuer.url()
    }

    /// The secret scanner.
    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// The registry's client secret.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Where a file of the demo is.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.workspace.path(name)
    }

    /// A GET of the issuer.
    ///
    /// # Errors
    /// If the answer is not 200; why, in words.
    pub(super) async fn ask_issuer(&self, path: &str) -> Result<Answer, String> {
        let url = format!("{}{path}", self.issuer.url());
        let fetched = self.fetcher.get_json(&url).await.map_err(said)?;
        let body = serde_json::from_slice(&fetched.body).map_err(said)?;
        Ok(Answer { status: 200, body })
    }

    /// Stops the broker and the issuer, and removes the directory.
    pub(super) async fn stop(self) {
        self.service.stop().await;
    }
}

/// A store was born with the service, and no ID token is accepted that was issued in that second:
/// the store could not know whether it had been spent before.
async fn wait_for_the_next_second() {
    let born = SystemClock.now();
    while SystemClock.now() <= born {
        let rest = 1000 - SystemClock.now_ms() % 1000;
        tokio::time::sleep(Duration::from_millis(rest)).await;
    }
}

fn said(error: impl Display) -> String {
    error.to_string()
}
