//! The whole product in the test's own process, on real doors and the real store, with a clock
//! that the test moves.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use trustmint::broker::{Bounds, Broker, CutOffCache, Explanations, Policies};
use trustmint::clock::{Clock as _, ManualClock};
use trustmint::events::{Audit, Sink};
use trustmint::http::{Listeners, RunningServers};
use trustmint::metrics::Metrics;
use trustmint::service::Plan;
use trustmint::settings::StoreConfig;
use trustmint::store::{Embedded, Store};
use trustmint::webhooks::WebhookDispatcher;

use crate::broker::Setup;
use crate::claims::now;

/// A broker of this process.
pub struct InProcess {
    pub clock: Arc<ManualClock>,
    pub broker: Arc<Broker>,
    /// `http://…` of the public door.
    pub public: String,
    _doors: RunningServers,
    _folder: TempDir,
}

impl InProcess {
    /// Starts one; its clock stands at the present.
    pub async fn start(setup: &Setup) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let Plan { config, snapshot, .. } = plan(setup, folder.path());
        let clock = Arc::new(ManualClock::at(now()));
        let StoreConfig::Embedded(path) = &config.store else { panic!("only the embedded store lives here") };
        let store = Embedded::open(path, clock.now()).expect("store");
        let sink = Sink::open(config.audit_file.as_deref()).expect("sink");
        let (audit, _writer) = Audit::start(sink, config.limits.audit_queue).expect("audit");
        let doors = Listeners::bind(&config.listen).await.expect("addresses");
        let public = format!("http://{}", doors.public_address().expect("address"));
        let (store, metrics): (Arc<dyn Store>, _) = (Arc::new(store), Arc::new(Metrics::default()));
        let dispatcher = WebhookDispatcher::new(
            config.webhooks,
            Arc::clone(&store),
            Arc::clone(&clock) as _,
            Arc::clone(&metrics),
        );
        let broker = Arc::new(Broker {
            clock: Arc::clone(&clock) as _,
            public_url: config.public_url,
            issuers: config.issuers,
            registries: config.registries,
            policies: Arc::new(Policies::new(snapshot, clock.now_ms())),
            store,
            cut_offs: CutOffCache::default(),
            explanations: Explanations::default(),
            reporters: config.reporters,
            dispatcher: Arc::new(dispatcher),
            audit,
            metrics,
            bounds: Bounds {
                id_token_bytes: config.limits.id_token_bytes,
                store_timeout: config.limits.store_timeout,
                report_patience: config.limits.report_patience(),
                tombstone_retention: config.limits.tombstone_retention(),
                notices: config.limits.notices,
                packages_per_id_token: config.limits.packages_per_id_token,
                explanations_per_id_token: config.limits.explanations_per_id_token,
            },
        });
        broker.cut_offs.refresh(&*broker.store, clock.now_ms()).await.expect("switches");
        let doors = doors.open(&broker, &config.listen, &config.limits);
        Self { clock, broker, public, _doors: doors, _folder: folder }
    }
}

/// Reads a setup as `trustmint serve` does.
pub fn plan(setup: &Setup, folder: &Path) -> Plan {
    let path = setup.write(folder);
    Plan::read(&path).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}
