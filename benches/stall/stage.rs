//! The broker, its Redis and its two issuers; and one run of load on them.

use std::fs;
use std::time::Duration;

use trustmint::clock::{Clock as _, SystemClock};

use crate::Options;
use crate::open_loop::{Paced, Seen, drive};
use crate::provider::Provider;
use crate::shared::Outcome;
use crate::shared::id_tokens::{AUDIENCE, Issuer, unsigned};
use crate::shared::policy::policy;
use crate::shared::server::{Folder, Server, free_address};
use crate::shared::wire::exchange_request;

/// All of it; gone when this is dropped.
pub(crate) struct Stage {
    /// The issuer that can stall.
    pub(crate) stalling: Provider,
    other: Provider,
    broker: Server,
    _redis: Server,
    _folder: Folder,
}

impl Stage {
    pub(crate) fn set() -> Outcome<Self> {
        let folder = Folder::new()?;
        let redis = Server::redis(&folder)?;
        let (stalling, other) = (Provider::start()?, Provider::start()?);
        fs::create_dir(folder.0.join("policies"))?;
        let address = free_address()?;
        let mut config = format!(
            r#"
                public_url = "https://publish.example.com"
                listen = {{ public = "{address}" }}
                store = {{ url = "redis://{}/0" }}
                policies = {{ path = "policies" }}
                audit = {{ path = "audit.jsonl" }}
                limits = {{ requests_per_second = 1000000, request_burst = 1000000 }}

                [registries.pypi]
                kind = "pypi"
                audiences = ["{AUDIENCE}"]
                token_prefix = "exm_pypi_"
            "#,
            redis.address,
        );
        for (id, provider) in [("stalling", &stalling), ("other", &other)] {
            fs::write(folder.0.join(format!("{id}.pem")), &provider.certificate)?;
            fs::write(folder.0.join(format!("policies/{id}.toml")), policy(id))?;
            config.push_str(&format!(
                r#"
                [issuers.{id}]
                kind = "github"
                url = "{}"
                ca_file = "{id}.pem"
                allow_private = ["127.0.0.0/8"]
                "#,
                provider.issuer.url
            ));
        }
        let path = folder.0.join("trustmint.toml");
        fs::write(&path, config)?;
        let broker = Server::product(address, &path)?;
        Ok(Self { stalling, other, broker, _redis: redis, _folder: folder })
    }

    /// Sends requests for so long, at the rates that are asked for.
    pub(crate) fn measure(&self, options: &Options, duration: Duration) -> Outcome<Seen> {
        let count = |rate: u32| rate as usize * usize::try_from(duration.as_secs()).unwrap_or(usize::MAX);
        let of = |issuer: &Issuer| issuer.id_tokens(count(options.rate).div_ceil(2));
        let known = of(&self.stalling.issuer)?.into_iter().zip(of(&self.other.issuer)?);
        let known: Vec<_> = known.flat_map(|(one, other)| [one, other]).collect();
        let now = SystemClock.now();
        let strangers = (0..count(options.strangers)).map(|number| {
            let kid = format!("unknown-{now}-{number}");
            format!("{}.{}", unsigned(&kid, &self.stalling.issuer.url, number, now), "A".repeat(342))
        });
        let paced = |id_tokens: Vec<String>, rate| Paced {
            requests: id_tokens.iter().map(|id_token| exchange_request(id_token)).collect(),
            interval: Duration::from_secs(1) / rate,
        };
        let (known, strangers) =
            (paced(known, options.rate), paced(strangers.collect(), options.strangers.max(1)));
        let seen = drive(self.broker.address, known, strangers);
        seen.map_err(|error| format!("{}: {error}", self.broker.name).into())
    }

    /// The most memory the broker had resident so far, in MB.
    pub(crate) fn peak_memory(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.broker.pid()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
        Ok(peak.trim().trim_end_matches(" kB").parse::<f64>()? / 1e3)
    }
}
