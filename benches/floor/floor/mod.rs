//! The floor: what any such service must do, in one bare axum handler for each use case. It
//! verifies with this library, because the verification is not what is compared; everything around
//! it is written out, without policies, events, logs, metrics, limits and deadlines.

mod exchange;
mod introspect;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use redis::aio::MultiplexedConnection;
use redis::{Client, Script};
use tokio::net::TcpListener;
use trustmint::registry::Registry;
use trustmint::service::Plan;
use trustmint::settings::{Config, StoreConfig};
use trustmint::store::Store as _;
use trustmint::store::redis::Redis;
use trustmint::store::redis::Topology;
use trustmint::token::{Scope, Tag};

use crate::Outcome;

/// Serves until it is revoked.
pub(crate) fn serve(config: &Path) -> Outcome<()> {
    let plan = Plan::read(config).map_err(|diagnostics| diagnostics.to_string())?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let address = plan.config.listen.public;
        let floor = Arc::new(Floor::new(plan).await?);
        let router = Router::new()
            .route("/oauth/token", post(exchange::exchange))
            .route("/oauth/introspect", post(introspect::introspect))
            .with_state(floor);
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

struct Floor {
    config: Config,
    registry: Arc<Registry>,
    mint: Script,
    redis: MultiplexedConnection,
    /// What the policy would grant, which no one decides here.
    scope: Scope,
    policies: Vec<Arc<str>>,
    digest: Arc<str>,
}

impl Floor {
    async fn new(plan: Plan) -> Outcome<Self> {
        let Plan { config, snapshot, .. } = plan;
        let StoreConfig::Redis(url) = &config.store else { return Err("no Redis is configured".into()) };
        let Topology::Single { server, database } = &url.topology else { return Err("not one Redis".into()) };
        // Writes the epochs, once.
        Redis::new(url, Duration::from_secs(5))?.ready().await?;
        let redis = Client::open(format!("redis://{server}/{database}"))?;
        let policy = snapshot.iter().next().ok_or("no policy is configured")?;
        let mut scope = Scope::default();
        for package in &policy.packages {
            scope.grant(package.clone(), policy.actions);
        }
        Ok(Self {
            registry: Arc::clone(config.registries.only().ok_or("one registry is needed")?),
            mint: Script::new(include_str!("../../../src/store/redis/mint.lua")),
            redis: redis.get_multiplexed_async_connection().await?,
            scope,
            policies: vec![Arc::clone(&policy.id)],
            digest: Arc::clone(&snapshot.digest().0),
            config,
        })
    }
}

/// Why is not said; the benchmark ends at any answer that is not 200.
fn bad<E>(_: E) -> StatusCode {
    StatusCode::BAD_REQUEST
}

/// A key as the store names it.
fn key(tag: Tag, what: &str, name: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut key = format!("trustmint:{{{}}}:{what}:", tag.as_str());
    let digits = name.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    key.extend(digits.map(|digit| char::from(DIGITS[usize::from(digit)])));
    key
}
