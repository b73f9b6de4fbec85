//! Builds the service from a validated configuration, starts it and stops it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::broker::{Bounds, Broker, BrokerParts, Policies};
use crate::clock::{Clock, SystemClock};
use crate::events::{Audit, Sink};
use crate::http::{Listeners, RunningServers};
use crate::metrics::Metrics;
use crate::policy::{LoadError, Snapshot, Watch};
use crate::reload::{self, Reloader, Reloads};
use crate::reporters::Sharing;
use crate::settings::{Config, Limits, StoreConfig};
use crate::store::{Embedded, Store, redis};
use crate::toml_reader::Diagnostics;
use crate::webhooks::WebhookDispatcher;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration or the policies are wrong.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The store's file cannot be used.
    #[error("the store {0}: {1}")]
    Store(String, crate::store::StoreError),
    /// An address or a file cannot be taken.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A running service.
pub struct Service {
    broker: Arc<Broker>,
    doors: RunningServers,
    background: JoinSet<()>,
    audit_writer: JoinHandle<()>,
    public: SocketAddr,
    ops: Option<SocketAddr>,
    reloads: Reloads,
}

/// What was validated: a configuration and the policies it names.
#[derive(Debug)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Its policies.
    pub snapshot: Snapshot,
    /// The files that they were read from.
    pub watch: Watch,
}

impl Plan {
    /// Reads the configuration file and the policies; nothing is started.
    ///
    /// # Errors
    /// Everything that is wrong with both.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let config = Config::load(path)?;
        let (watch, snapshot) = Watch::begin(config.policies.clone(), config.vocabulary())
            .map_err(|LoadError(diagnostics)| diagnostics)?;
        Ok(Self { config, snapshot, watch })
    }
}

impl Service {
    /// Starts everything; when this returns, the listeners are open.
    ///
    /// # Errors
    /// If the store's file, an address or the audit file cannot be used. A Redis that is down is no
    /// error: the service starts, is not ready, and answers 503 until Redis is back.
    pub async fn start(plan: Plan) -> Result<Self, StartError> {
        let doors = Listeners::bind(&plan.config.listen).await?;
        Self::start_behind(doors, plan).await
    }

    /// Starts everything at a public listener that is there already: for anyone who must know its port
    /// before there is a configuration, which names it in `public_url`.
    ///
    /// # Errors
    /// See [`Service::start`].
    pub async fn start_at(public: TcpListener, plan: Plan) -> Result<Self, StartError> {
        let doors = Listeners::beside(public, &plan.config.listen).await?;
        Self::start_behind(doors, plan).await
    }

    async fn start_behind(doors: Listeners, plan: Plan) -> Result<Self, StartError> {
        let Plan { config, snapshot, watch } = plan;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = open_store(&config.store, &config.limits, clock.now())?;
        let sink = Sink::open(config.audit_file.as_deref())?;
        let (audit, audit_writer) = Audit::start(sink, config.limits.audit_queue)?;
        let metrics = Arc::new(Metrics::default());
        let (digest, count) = (Arc::clone(&snapshot.digest().0), snapshot.len());
        metrics.snapshot(&digest, count, clock.now());
        tracing::info!(policies = count, %digest, "policies loaded");
        let mut warnings = config.warnings.clone();
        warnings.extend(snapshot.warnings(clock.now()));
        let warned = reload::warn(&warnings, "");
        let runtime = Runtime { store, clock: Arc::clone(&clock), events: audit, metrics };
        let broker = Arc::new(build_broker(&config, snapshot, runtime));
        // The cut-offs are read before the first request; if that fails, they are read again later.
        let _ = broker.refresh_cut_offs().await;
        let background = start_background(&broker);

        let (public, ops) = (doors.public_address()?, doors.ops_address());
        announce("public", Some(public));
        announce("ops", ops);
        announce("admin", doors.admin_address());
        let doors = doors.open(&broker, &config.listen, &config.limits);
        let reloads = Reloader {
            watch,
            warned,
            poll: config.policies_poll,
            policies: Arc::clone(broker.policies()),
            metrics: Arc::clone(broker.metrics()),
            clock,
        };
        let reloads = reloads.start()?;
        Ok(Self { broker, doors, background, audit_writer, public, ops, reloads })
    }

    /// Where the public listener is.
    pub fn public_address(&self) -> SocketAddr {
        self.public
    }

    /// Where the ops listener is, if there is one.
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops
    }

    /// The use cases, for those who live in the same process.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Has the policies read again, all or nothing: the last good snapshot serves until the new one is
    /// whole and valid.
    pub fn reload_policies(&self) {
        self.reloads.ask();
    }

    /// Closes the listeners, lets running requests end, and writes every event.
    pub async fn stop(self) {
        self.doors.close().await;
        drop(self.background);
        drop(self.broker);
        let writer = self.audit_writer;
        // The writer ends when the last entrance to its queue is gone, which is when the last request is.
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }
}

/// What a broker needs at run time, beside its configuration and its policies.
#[derive(Debug)]
pub struct Runtime {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The queue of events.
    pub events: Audit,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// Builds the broker of a configuration. Nothing is started.
pub fn build_broker(config: &Config, snapshot: Snapshot, runtime: Runtime) -> Broker {
    let Runtime { store, clock, events, metrics } = runtime;
    let webhooks = config.webhooks.clone();
    let dispatcher =
        WebhookDispatcher::new(webhooks, Arc::clone(&store), Arc::clone(&clock), Arc::clone(&metrics));
    config.reporters.share_through(&Sharing { store: Arc::clone(&store), clock: Arc::clone(&clock) });
    let limits = &config.limits;
    Broker::new(BrokerParts {
        public_url: config.public_url.clone(),
        issuers: Arc::clone(&config.issuers),
        registries: Arc::clone(&config.registries),
        policies: Arc::new(Policies::new(snapshot, clock.now_ms())),
        clock,
        store,
        reporters: config.reporters.clone(),
        dispatcher: Arc::new(dispatcher),
        events,
        metrics,
        bounds: Bounds {
            id_token_bytes: limits.id_token_bytes,
            store_timeout: limits.store_timeout,
            report_patience: limits.report_patience(),
            tombstone_retention: limits.tombstone_retention(),
            notices: limits.notices,
            packages_per_id_token: limits.packages_per_id_token,
            explanations_per_id_token: limits.explanations_per_id_token,
        },
    })
}

fn announce(listener: &str, address: Option<impl std::fmt::Display>) {
    if let Some(address) = address {
        tracing::info!(listener, %address, "listening");
    }
}

fn open_store(store: &StoreConfig, limits: &Limits, now: u64) -> Result<Arc<dyn Store>, StartError> {
    match store {
        StoreConfig::Embedded(path) => match Embedded::open(path, now) {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(StartError::Store(path.display().to_string(), error)),
        },
        StoreConfig::Redis(url) => match redis::Redis::new(url, limits.store_timeout) {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(StartError::Store("url".to_owned(), error)),
        },
    }
}

fn start_background(broker: &Arc<Broker>) -> JoinSet<()> {
    let mut background = JoinSet::new();
    let refreshing = Arc::clone(broker);
    background.spawn(async move { refreshing.keep_cut_offs_fresh().await });
    for issuer in broker.issuers().iter() {
        background.spawn(issuer.keyring.clone().maintain());
    }
    for signatures in broker.reporters().iter().filter_map(|reporter| reporter.signatures()) {
        background.spawn(signatures.keyring.clone().maintain());
    }
    if !broker.dispatcher().webhooks.is_empty() {
        let dispatcher = Arc::clone(broker.dispatcher());
        background.spawn(async move { dispatcher.deliver().await });
    }
    background
}
