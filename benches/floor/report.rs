//! The table.

use std::fmt;
use std::time::Duration;

use crate::measure::Round;

/// The rounds of one use case: the product's and the floor's, pair by pair.
pub(crate) struct Comparison {
    what: &'static str,
    budget: f64,
    rounds: [Vec<Round>; 2],
}

impl Comparison {
    /// `budget`: how often the floor's CPU time the design allows.
    pub(crate) fn new(what: &'static str, budget: f64) -> Self {
        Self { what, budget, rounds: [Vec::new(), Vec::new()] }
    }

    /// Adds a round of the product (0) or of the floor (1).
    pub(crate) fn add(&mut self, server: usize, round: Round) {
        self.rounds[server].push(round);
    }

    fn medians(&self, of: impl Fn(&Round) -> f64) -> [f64; 2] {
        self.rounds.each_ref().map(|rounds| median(rounds.iter().map(&of).collect()))
    }

    /// The median over pairs of rounds, which stood next to each other in time.
    fn ratio(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let [product, floor] = &self.rounds;
        median(product.iter().zip(floor).map(|(product, floor)| of(product) / of(floor)).collect())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let per_second = self.medians(|round| round.per_second);
        let cpu = self.medians(|round| micros(round.cpu));
        let p50 = self.medians(|round| millis(round.p50));
        let p99 = self.medians(|round| millis(round.p99));
        writeln!(f, "{}", self.what)?;
        writeln!(
            f,
            "{:12} {:>10} {:>14} {:>8} {:>8}",
            "", "requests/s", "CPU µs/request", "p50 ms", "p99 ms"
        )?;
        for (index, name) in ["trustmint", "bare floor"].into_iter().enumerate() {
            let (per_second, cpu, p50, p99) = (per_second[index], cpu[index], p50[index], p99[index]);
            writeln!(f, "{name:12} {per_second:10.0} {cpu:14.1} {p50:8.2} {p99:8.2}")?;
        }
        let throughput = self.ratio(|round| round.per_second);
        let cpu = self.ratio(|round| round.cpu.as_secs_f64());
        let budget = self.budget;
        writeln!(f, "{:12} {throughput:9.2}× {cpu:13.2}×  (at most {budget:.2}× by the design)", "ratio")
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
