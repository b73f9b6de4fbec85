//! Opening the three listeners, and closing them.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::http::serve::server::{Listener, Server};
use crate::http::{admin, ops, public};
use crate::settings::{AdminAddress, Limits, Listen};

/// Sockets that listen, before anything is served on them.
pub struct Listeners {
    public: TcpListener,
    ops: Option<TcpListener>,
    admin: Option<Listener>,
}

/// Listeners that serve.
pub struct RunningServers {
    tasks: JoinSet<()>,
    close: watch::Sender<bool>,
}

impl Listeners {
    /// Takes the addresses.
    ///
    /// # Errors
    /// If one of them cannot be taken; the message names it.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        Self::beside(bind(listen.public).await?, listen).await
    }

    /// Takes the other addresses, beside a public listener that is there already.
    ///
    /// # Errors
    /// If one of them cannot be taken; the message names it.
    pub async fn beside(public: TcpListener, listen: &Listen) -> io::Result<Self> {
        let ops = match listen.ops {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let admin = match listen.admin.as_ref().map(|door| &door.at) {
            Some(AdminAddress::Unix(path)) => Some(bind_unix(path)?),
            Some(AdminAddress::Loopback(address)) => Some(Listener::Tcp(bind(*address).await?)),
            None => None,
        };
        Ok(Self { public, ops, admin })
    }

    /// Where the public listener is, once the operating system has chosen a port.
    ///
    /// # Errors
    /// If the socket has no address.
    pub fn public_address(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// Where the ops listener is.
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref().and_then(|ops| ops.local_addr().ok())
    }

    /// Where the admin listener is, as the configuration would say it.
    pub fn admin_address(&self) -> Option<String> {
        match self.admin.as_ref()? {
            Listener::Tcp(admin) => Some(admin.local_addr().ok()?.to_string()),
            Listener::Unix(_, path) => Some(format!("unix:{}", path.display())),
        }
    }

    /// Serves on all of them.
    pub fn open(self, broker: &Arc<Broker>, listen: &Listen, limits: &Limits) -> RunningServers {
        let (close, closing) = watch::channel(false);
        let limits = Arc::new(limits.clone());
        let door = |listener, router, tls| Server {
            listener,
            router,
            tls,
            limits: Arc::clone(&limits),
            metrics: Arc::clone(broker.metrics()),
        };
        let mut tasks = JoinSet::new();
        let router = public::router(Arc::clone(broker), &limits, &listen.trusted_proxies);
        tasks.spawn(door(Listener::Tcp(self.public), router, listen.tls.clone()).serve(closing.clone()));
        if let Some(listener) = self.ops {
            tasks.spawn(
                door(Listener::Tcp(listener), ops::router(Arc::clone(broker)), None).serve(closing.clone()),
            );
        }
        if let (Some(listener), Some(settings)) = (self.admin, &listen.admin) {
            let router = admin::router(Arc::clone(broker), &settings.token, &limits);
            tasks.spawn(door(listener, router, None).serve(closing));
        }
        RunningServers { tasks, close }
    }
}

impl RunningServers {
    /// Takes no new connections and waits for the running requests, within `limits.drain_timeout`.
    pub async fn close(mut self) {
        self.close.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("listening on {address}: {error}")))
}

/// The socket is its owner's only. One that a killed process left behind is replaced; one that
/// someone listens on, or a file of another type, is not ours to remove.
fn bind_unix(path: &Path) -> io::Result<Listener> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("listening on {}: {error}", path.display()));
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let is_refused = || {
        std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket && is_refused() {
        std::fs::remove_file(path).map_err(named)?;
    }
    let listener = UnixListener::bind(path).map_err(named)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(named)?;
    Ok(Listener::Unix(listener, path.to_owned()))
}
