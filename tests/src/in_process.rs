//! The whole product in the test's own process, on real listeners and the real store, with a clock
//! that the test moves.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use trustmint::broker::Broker;
use trustmint::clock::{Clock as _, ManualClock};
use trustmint::events::{Audit, Sink};
use trustmint::http::{Listeners, RunningServers};
use trustmint::metrics::Metrics;
use trustmint::service::{Plan, Runtime, build_broker};
use trustmint::settings::StoreConfig;
use trustmint::store::{Embedded, Store};

use crate::broker::Setup;
use crate::claims::now;

/// A broker of this process.
pub struct InProcess {
    pub clock: Arc<ManualClock>,
    pub broker: Arc<Broker>,
    pub store: Arc<dyn Store>,
    /// `http://…` of the public listener.
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
        let runtime =
            Runtime { store: Arc::clone(&store), clock: Arc::clone(&clock) as _, events: audit, metrics };
        let broker = Arc::new(build_broker(&config, snapshot, runtime));
        broker.refresh_cut_offs().await.expect("cut-offs");
        let doors = doors.open(&broker, &config.listen, &config.limits);
        Self { clock, broker, store, public, _doors: doors, _folder: folder }
    }
}

/// Reads a setup as `trustmint serve` does.
pub fn plan(setup: &Setup, folder: &Path) -> Plan {
    let path = setup.write(folder);
    Plan::read(&path).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}
