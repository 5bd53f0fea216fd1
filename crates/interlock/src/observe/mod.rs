//! The node as other programs watch it: its figures for Prometheus, and whether it is ready.
//!
//! Everything is read from counters that are there already, when somebody asks. Labels are names
//! of channels, routes and codes, of which there are as many as the configuration and the program
//! have; nothing of a message is ever one.

mod engine;
mod lines;
mod process;
mod ready;
mod traces;

use std::path::PathBuf;

use ::engine::Engine;
use ::watch::exposition::{Counted, Exposition, Kind};
use api::{Check, Observer, Observing, Tally};
use channels::Health;
use jiff::Timestamp;

use crate::watching::{Alarms, disk};
pub(crate) use traces::Traces;

/// What the figures are read from.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) engine: Engine,
    pub(crate) health: Health,
    pub(crate) alarms: Alarms,
    pub(crate) tally: Tally,
    pub(crate) data: PathBuf,
    pub(crate) started: Timestamp,
    /// Where traces are told, on a node that tells them.
    pub(crate) traces: Option<Traces>,
}

impl Figures {
    /// All of them. Blocks while it looks at files.
    fn text(&self) -> String {
        let mut text = Exposition::default();
        let version = [([("version", env!("CARGO_PKG_VERSION"))], "1".to_owned())];
        text.family("interlock_build_info", Kind::Gauge, "The version that runs.", version);
        lines::write(&mut text, &self.health, &self.engine);
        engine::write(&mut text, &self.engine, &self.data);
        self.alarms(&mut text);
        self.requests(&mut text);
        self.disk(&mut text);
        process::write(&mut text, self.started);
        if let Some(traces) = &self.traces {
            traces.write(&mut text);
        }
        text.into_text()
    }

    fn alarms(&self, text: &mut Exposition) {
        let counts = self.alarms.counts();
        text.family(
            "interlock_alarms",
            Kind::Gauge,
            "Alarms that go on, by kind.",
            counts.iter().map(|(kind, now, _)| ([("kind", kind.code())], now.to_string())),
        );
        text.family(
            "interlock_alarms_began_total",
            Kind::Counter,
            "Alarms that began since the start, by kind.",
            counts.iter().map(|(kind, _, began)| ([("kind", kind.code())], began.to_string())),
        );
    }

    fn requests(&self, text: &mut Exposition) {
        let routes = self.tally.read();
        let counts = routes.iter().flat_map(|one| {
            one.statuses.iter().map(|(status, count)| {
                let labels =
                    [("method", one.method), ("route", one.route), ("status", status.as_str())];
                (labels, count.to_string())
            })
        });
        text.family(
            "interlock_http_requests_total",
            Kind::Counter,
            "HTTP requests answered, by route and status; route \"other\" is the console and \
             whatever is no route of the interface.",
            counts,
        );
        let used = routes.iter().filter(|one| !one.statuses.is_empty());
        text.histograms(
            "interlock_http_request_seconds",
            ::watch::exposition::Unit::Microseconds,
            "From a request's head to the head of its answer.",
            used.map(|one| ([("method", one.method), ("route", one.route)], counted(&one.took))),
        );
    }

    fn disk(&self, text: &mut Exposition) {
        let Some(disk) = disk(&self.data) else { return };
        let (size, free) = ("interlock_disk_size_bytes", "interlock_disk_free_bytes");
        text.one(size, Kind::Gauge, "The size of the disk of the data folder.", disk.size);
        text.one(free, Kind::Gauge, "What of it is free for the node.", disk.free);
    }
}

impl Observer for Figures {
    fn metrics(&self) -> Observing<'_, String> {
        let figures = self.clone();
        Box::pin(async move {
            let text = tokio::task::spawn_blocking(move || figures.text()).await;
            // It only reads; were it to fail, a scrape without figures is what shows it.
            text.unwrap_or_default()
        })
    }

    fn checks(&self) -> Observing<'_, Vec<Check>> {
        Box::pin(ready::checks(&self.engine, &self.data))
    }
}

/// A histogram of the engine as it is written.
fn counted(buckets: &::engine::Buckets) -> Counted<'_> {
    Counted { bounds: buckets.bounds, counts: &buckets.counts, sum: buckets.sum }
}
