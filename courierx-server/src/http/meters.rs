//! What `/metrics` tells.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Seconds: the buckets of every duration.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The process's figures. Its own recorder, not a global one, so that several apps can live in one process.
pub struct Meters {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Meters {
    /// Everything at zero.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.build_recorder();
        let handle = recorder.handle();
        Ok(Self { recorder, handle })
    }

    /// A counter.
    pub fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    /// A histogram of seconds.
    pub fn seconds(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        self.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    /// Sets a gauge.
    pub fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.recorder.register_gauge(&key(name, labels), &METADATA).set(value);
    }

    /// Counts what became of callbacks of a kind of provider, or of their events.
    pub fn callbacks(&self, provider: &str, result: &'static str, count: usize) {
        if count > 0 {
            let labels = [("provider", provider), ("result", result)];
            self.counter("courierx_callbacks_total", &labels).increment(count as u64);
        }
    }

    /// The meters of one route.
    pub fn route(&self, method: &str, path: &str) -> RouteMeters {
        let labels = [("method", method), ("route", path)];
        let counted = |status: &str| {
            let labels = [labels[0], labels[1], ("status", status)];
            self.counter("courierx_http_requests_total", &labels)
        };
        RouteMeters {
            requests: ["2xx", "3xx", "4xx", "5xx"].map(counted),
            seconds: self.seconds("courierx_http_request_duration_seconds", &labels),
        }
    }

    /// Folds what was recorded into its buckets: to be called now and then, since until then every single
    /// value is kept.
    pub fn fold(&self) {
        self.handle.run_upkeep();
    }

    /// Everything in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// The meters of one route.
#[derive(Debug, Clone)]
pub struct RouteMeters {
    requests: [Counter; 4],
    seconds: Histogram,
}

impl RouteMeters {
    /// Counts an answer.
    pub fn observe(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(self.requests.len() - 1);
        self.requests[class].increment(1);
        self.seconds.record(took);
    }
}

static METADATA: Metadata<'static> = Metadata::new("courierx", Level::INFO, None);

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<_> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
