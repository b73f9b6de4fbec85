//! `trustmint kill` and `trustmint resume`: switches, thrown through the admin door.

use axum::http::StatusCode;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::{ConfigFile, FINDING, FINE, INVALID, UNREACHABLE, complain, runtime, say};
use crate::config::{AdminAddress, AdminDoor};
use crate::http::admin::{KILL, RESUME, SUSPEND};
use crate::store::Selector;

#[derive(Debug, Args)]
pub(super) struct KillOptions {
    #[command(flatten)]
    selector: SelectorOptions,
    /// Mint nothing either, until `trustmint resume` with the same selector
    #[arg(long)]
    suspend: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResumeOptions {
    #[command(flatten)]
    selector: SelectorOptions,
}

#[derive(Debug, Args)]
struct SelectorOptions {
    /// Tokens for identities of this issuer
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Tokens of this registry
    #[arg(long, value_name = "ID")]
    registry: Option<String>,
    /// Tokens that this policy fed
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Tokens for this repository or project, by id or name
    #[arg(long, value_name = "ID|NAME")]
    repository: Option<String>,
    /// Tokens of this run, as audit events name it
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn kill(options: &KillOptions) -> u8 {
    let (path, done) = if options.suspend { (SUSPEND, "suspended") } else { (KILL, "killed") };
    throw(&options.selector, path, done)
}

pub(super) fn resume(options: &ResumeOptions) -> u8 {
    throw(&options.selector, RESUME, "resumed")
}

fn throw(options: &SelectorOptions, path: &str, done: &str) -> u8 {
    let selector = Selector {
        issuer: options.issuer.clone(),
        registry: options.registry.clone(),
        policy: options.policy.clone(),
        repository: options.repository.clone(),
        run: options.run.clone(),
    };
    if selector.is_empty() {
        complain!("error: name at least one of --issuer, --registry, --policy, --repository and --run");
        return INVALID;
    }
    let config = match options.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let Some(door) = config.listen.admin else {
        complain!(
            "error: {} has no admin door: set `admin` and `admin_token_file` in [listen]",
            options.config.config.display()
        );
        return INVALID;
    };
    let body = serde_json::to_vec(&selector).unwrap_or_default();
    let answer = match runtime() {
        Ok(runtime) => runtime.block_on(post(&door, path, body)),
        Err(code) => return code,
    };
    match answer {
        Ok((status, _)) if status.is_success() => {
            say!("{done}; in force everywhere within a second");
            FINE
        }
        Ok((status, body)) => {
            complain!("error: the service answered {status}: {body}");
            if status.is_server_error() { UNREACHABLE } else { FINDING }
        }
        Err(error) => {
            complain!("error: the admin door cannot be reached: {error}");
            UNREACHABLE
        }
    }
}

async fn post(door: &AdminDoor, path: &str, body: Vec<u8>) -> Result<(StatusCode, String), String> {
    match &door.at {
        AdminAddress::Unix(socket) => {
            let stream = UnixStream::connect(socket)
                .await
                .map_err(|error| format!("{}: {error}", socket.display()))?;
            exchange(stream, door, path, body).await
        }
        AdminAddress::Loopback(address) => {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
            exchange(stream, door, path, body).await
        }
    }
}

async fn exchange<S>(
    stream: S,
    door: &AdminDoor,
    path: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, String), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let request = hyper::Request::post(path)
        .header(HOST, "admin")
        .header(AUTHORIZATION, format!("Bearer {}", door.token.expose()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
