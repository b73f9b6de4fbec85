//! Requests to the admin listener, which is a Unix socket or a loopback address.

use axum::http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::super::{FINDING, UNREACHABLE, complain, runtime};
use crate::settings::{AdminAddress, AdminListener};

/// Gets what is at a path, or posts a body there. If that fails, says so and returns the exit code.
pub(super) fn ask(admin: &AdminListener, path: &str, body: Option<Vec<u8>>) -> Result<String, u8> {
    match runtime()?.block_on(send(admin, path, body)) {
        Ok((status, body)) if status.is_success() => Ok(body),
        Ok((status, body)) => {
            complain!("error: the service answered {status}: {body}");
            Err(if status.is_server_error() { UNREACHABLE } else { FINDING })
        }
        Err(error) => {
            complain!("error: the admin listener cannot be reached: {error}");
            Err(UNREACHABLE)
        }
    }
}

async fn send(
    admin: &AdminListener,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<(StatusCode, String), String> {
    match &admin.at {
        AdminAddress::Unix(socket) => {
            let stream = UnixStream::connect(socket)
                .await
                .map_err(|error| format!("{}: {error}", socket.display()))?;
            exchange(stream, admin, path, body).await
        }
        AdminAddress::Loopback(address) => {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
            exchange(stream, admin, path, body).await
        }
    }
}

async fn exchange<S>(
    stream: S,
    admin: &AdminListener,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<(StatusCode, String), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let request = match &body {
        Some(_) => Request::post(path).header(CONTENT_TYPE, "application/json"),
        None => Request::get(path),
    };
    let request = request
        .header(HOST, "admin")
        .header(AUTHORIZATION, format!("Bearer {}", admin.token.expose()))
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
