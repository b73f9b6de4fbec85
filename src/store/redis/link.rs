//! A connection that comes back, in every topology.
//!
//! Each new connection is prepared before it is used: a server that may evict records is refused,
//! and the epochs of all tags are written. Connecting is one task at a time, anyone who waits for it:
//! a request that gives up takes nothing away from the next one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline,
    RedisConnectionInfo, RedisFuture, TlsCertificates, TlsMode, Value,
};

use super::url::{RedisUrl, Topology};
use super::{Reply, STALE_EPOCH, epoch_key, scripts};
use crate::clock::Clock;
use crate::store::StoreError;
use crate::token::Tag;

/// How many epochs one script writes; Redis answers no one else meanwhile.
const BIRTHS_AT_ONCE: usize = 128;
/// How many such scripts are under way at once.
const BIRTHS_IN_FLIGHT: usize = 16;

/// How long connecting may take in all: a dead Sentinel before a live one, the epochs of all tags.
/// Anyone who waits has a shorter deadline of its own.
const CONNECTING: Duration = Duration::from_secs(5);

/// A connection that is made when it is needed, and made again when it is lost.
pub(super) struct Link {
    maker: Arc<Maker>,
    current: Arc<Mutex<Current>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    generation: u64,
    attempt: Option<Attempt>,
}

/// A connection in the making, for all who wait for it.
type Attempt = Shared<BoxFuture<'static, Result<(Connection, u64), StoreError>>>;

/// Makes connections.
struct Maker {
    source: Source,
    timeout: Duration,
    /// Stamps epochs; none, if nothing is minted over this link.
    epochs: Option<Arc<dyn Clock>>,
}

/// Where connections come from.
enum Source {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
    Sentinel(Box<tokio::sync::Mutex<SentinelClient>>),
}

/// A connection; cheap to clone, shared by all requests.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl Link {
    pub(super) fn new(
        url: &RedisUrl,
        timeout: Duration,
        epochs: Option<Arc<dyn Clock>>,
    ) -> Result<Self, StoreError> {
        let source = Source::new(url, timeout)?;
        Ok(Self { maker: Arc::new(Maker { source, timeout, epochs }), current: Arc::default() })
    }

    /// Runs a command on the connection. Whatever shows that the connection is of no use, or leads
    /// to a server that is not a primary any more, makes the next request connect again.
    pub(super) async fn run<T, F>(&self, command: impl FnOnce(Connection) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Reply<T>>,
    {
        let (connection, generation) = self.connection().await?;
        match command(connection).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let lost = error.is_io_error()
                    || error.is_unrecoverable_error()
                    || matches!(error.code(), Some("READONLY" | "MASTERDOWN" | STALE_EPOCH));
                if lost {
                    self.forget(generation);
                }
                Err(error.into())
            }
        }
    }

    /// Runs a command that writes to this key and says how many replicas there are, and waits until
    /// one of them has the write. Sentinel and Cluster promote the replica that has the most, so one
    /// is what it takes for a failover to keep it.
    pub(super) async fn run_and_wait<T, F>(
        &self,
        key: &str,
        command: impl FnOnce(Connection) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Reply<(T, u32)>>,
    {
        let patience = self.patience();
        let (answer, kept) = self
            .run(|connection| async move {
                let (answer, replicas) = command(connection.clone()).await?;
                // On the same connection: another one may lead to another server by now.
                Ok((answer, replicas == 0 || wait(connection, key, patience).await? > 0))
            })
            .await?;
        if !kept {
            return Err(StoreError("no replica has acknowledged the write in time".to_owned()));
        }
        Ok(answer)
    }

    /// How long replicas may take to acknowledge a write.
    pub(super) fn patience(&self) -> Duration {
        self.maker.timeout / 2
    }

    async fn connection(&self) -> Result<(Connection, u64), StoreError> {
        let attempt = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(connection) = &current.connection {
                return Ok((connection.clone(), current.generation));
            }
            current.attempt.get_or_insert_with(|| self.attempt()).clone()
        };
        attempt.await
    }

    /// Connects in a task of its own.
    fn attempt(&self) -> Attempt {
        let (maker, current) = (Arc::clone(&self.maker), Arc::clone(&self.current));
        let task = tokio::spawn(async move {
            let connected = tokio::time::timeout(CONNECTING, maker.connect()).await;
            let connected =
                connected.unwrap_or_else(|_| Err(StoreError("connecting takes too long".to_owned())));
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            current.attempt = None;
            let connection = connected?;
            current.generation += 1;
            current.connection = Some(connection.clone());
            Ok((connection, current.generation))
        });
        async move { task.await.unwrap_or_else(|error| Err(StoreError::new(error))) }.boxed().shared()
    }

    fn forget(&self, generation: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.generation == generation {
            current.connection = None;
        }
    }
}

/// `WAIT 1`, on the server that holds this key: how many replicas have the connection's last write.
pub(super) async fn wait(connection: Connection, key: &str, patience: Duration) -> Reply<u32> {
    let mut wait = redis::cmd("WAIT");
    // Zero would wait forever.
    wait.arg(1).arg(patience.as_millis().try_into().unwrap_or(u64::MAX).max(1));
    match connection {
        Connection::Server(mut connection) => wait.query_async(&mut connection).await,
        Connection::Cluster(mut connection) => {
            let node = SingleNodeRoutingInfo::SpecificNode(Route::new(slot(key), SlotAddr::Master));
            let value = connection.route_command(wait, RoutingInfo::SingleNode(node)).await?;
            Ok(redis::from_redis_value(value)?)
        }
    }
}

impl Maker {
    async fn connect(&self) -> Result<Connection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let connection = match &self.source {
            Source::Single(client) => {
                Connection::Server(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Source::Sentinel(client) => {
                let mut client = client.lock().await;
                Connection::Server(client.get_async_connection_with_config(&config).await?)
            }
            Source::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        };
        refuse_eviction(connection.clone()).await?;
        if let Some(clock) = &self.epochs {
            self.write_epochs(&connection, clock.now()).await?;
        }
        Ok(connection)
    }

    async fn write_epochs(&self, connection: &Connection, now: u64) -> Result<(), StoreError> {
        let script = Arc::new(scripts::epochs());
        let epochs: Vec<_> = Tag::all().map(epoch_key).collect();
        // In a cluster each tag is a slot of its own.
        let at_once = if matches!(connection, Connection::Cluster(_)) { 1 } else { BIRTHS_AT_ONCE };
        let writes: Vec<_> = epochs
            .chunks(at_once)
            .map(|epochs| {
                let (script, epochs, mut connection) =
                    (Arc::clone(&script), epochs.to_vec(), connection.clone());
                async move { script.key(epochs).arg(now).invoke_async::<()>(&mut connection).await }
            })
            .collect();
        let mut writes = futures_util::stream::iter(writes).buffer_unordered(BIRTHS_IN_FLIGHT);
        while let Some(written) = writes.next().await {
            written?;
        }
        Ok(())
    }
}

/// The slot of a key (Redis Cluster specification): of what is in its braces, where it has any.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or(key, |(tag, _)| tag);
    crc16::State::<crc16::XMODEM>::calculate(tag.as_bytes()) % 16_384
}

/// A server that may evict records forgets which ID tokens were spent.
async fn refuse_eviction(mut connection: Connection) -> Result<(), StoreError> {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    let reports: Vec<String> = match &mut connection {
        Connection::Server(connection) => vec![info.query_async(connection).await?],
        Connection::Cluster(connection) => {
            let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            let by_node: std::collections::HashMap<String, String> =
                redis::from_redis_value(connection.route_command(info, everywhere).await?)
                    .map_err(StoreError::new)?;
            by_node.into_values().collect()
        }
    };
    for report in reports {
        let policy = report
            .lines()
            .find_map(|line| line.strip_prefix("maxmemory_policy:"))
            .unwrap_or("unknown")
            .trim();
        if policy != "noeviction" {
            return Err(StoreError(format!(
                "Redis has maxmemory-policy {policy:?} and may forget which ID tokens were spent; set it to \"noeviction\""
            )));
        }
    }
    Ok(())
}

impl Source {
    fn new(url: &RedisUrl, timeout: Duration) -> Result<Self, StoreError> {
        let settings = |database| {
            let mut settings = RedisConnectionInfo::default().set_db(database);
            if let Some(username) = &url.username {
                settings = settings.set_username(username);
            }
            if let Some(password) = &url.password {
                settings = settings.set_password(password.expose());
            }
            settings
        };
        let tcp = || TcpSettings::default().set_nodelay(true);
        let info = |server: &str, database| -> Result<ConnectionInfo, StoreError> {
            Ok(address(server, url.tls)?
                .into_connection_info()?
                .set_redis_settings(settings(database))
                .set_tcp_settings(tcp()))
        };
        let certificates =
            || url.ca.clone().map(|ca| TlsCertificates { client_tls: None, root_cert: Some(ca) });
        match &url.topology {
            Topology::Single { server, database } => {
                let info = info(server, *database)?;
                Ok(Self::Single(Box::new(match certificates() {
                    Some(certificates) => Client::build_with_tls(info, certificates)?,
                    None => Client::open(info)?,
                })))
            }
            Topology::Cluster { servers } => {
                let nodes = servers.iter().map(|server| info(server, 0)).collect::<Result<Vec<_>, _>>()?;
                let mut builder: ClusterClientBuilder = ClusterClient::builder(nodes)
                    .connection_timeout(timeout)
                    .response_timeout(timeout)
                    .tcp_settings(tcp())
                    .retries(2)
                    .max_retry_wait(100);
                if let Some(certificates) = certificates() {
                    builder = builder.certs(certificates);
                }
                Ok(Self::Cluster(Box::new(builder.build()?)))
            }
            Topology::Sentinel { servers, primary, database } => {
                let sentinels =
                    servers.iter().map(|server| address(server, url.tls)).collect::<Result<Vec<_>, _>>()?;
                let mut builder =
                    SentinelClientBuilder::new(sentinels, primary.clone(), SentinelServerType::Master)?
                        .set_client_to_redis_db(*database)
                        .set_client_to_redis_tcp_settings(tcp());
                if let Some(username) = &url.username {
                    builder = builder.set_client_to_redis_username(username);
                }
                if let Some(password) = &url.password {
                    builder = builder.set_client_to_redis_password(password.expose());
                }
                if url.tls {
                    builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
                }
                if let Some(certificates) = certificates() {
                    builder = builder
                        .set_client_to_redis_certificates(certificates.clone())
                        .set_client_to_sentinel_certificates(certificates);
                }
                Ok(Self::Sentinel(Box::new(tokio::sync::Mutex::new(builder.build()?))))
            }
        }
    }
}

fn address(server: &str, tls: bool) -> Result<ConnectionAddr, StoreError> {
    let (host, port) =
        server.rsplit_once(':').ok_or_else(|| StoreError(format!("{server:?} is not a host:port")))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = port.parse().map_err(StoreError::new)?;
    Ok(if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    })
}
