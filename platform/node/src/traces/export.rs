//! Handing spans to the receiver, in batches. Owned by one task that ends with the node, after a last try.

use super::Spans;
use crate::config::TelemetrySection;
use crate::context::Context;
use job_model::NodeId;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Spans in one message to the receiver: below a megabyte.
const BATCH_SPANS: usize = 512;
/// How long a batch may wait for more.
const BATCH_WAIT: Duration = Duration::from_millis(500);
/// How long the receiver may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last messages may take when the node stops.
const LAST_EXPORT_TIMEOUT: Duration = Duration::from_secs(2);
/// Where receivers take traces, by the OTLP specification.
const TRACES_PATH: &str = "/v1/traces";

/// Starts the exporter. A configuration that cannot work is said once; the node runs without traces.
pub fn start(context: &Arc<Context>, spans: Spans) {
    let exporter = match build(&context.config.telemetry, &context.me) {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::error!(%error, "telemetry.otlp_endpoint cannot be used; no traces are exported");
            return;
        }
    };
    let stop = context.stop.clone();
    let exporting = async move {
        let mut export = Export::new(exporter);
        let Spans(mut queue) = spans;
        let mut batch = Vec::with_capacity(BATCH_SPANS);
        loop {
            tokio::select! {
                taken = queue.recv_many(&mut batch, BATCH_SPANS) => if taken == 0 { return },
                () = stop.cancelled() => break,
            }
            let fill =
                async { while batch.len() < BATCH_SPANS && queue.recv_many(&mut batch, BATCH_SPANS).await > 0 {} };
            tokio::select! {
                _ = tokio::time::timeout(BATCH_WAIT, fill) => {}
                () = stop.cancelled() => break,
            }
            tokio::select! {
                () = export.send(std::mem::take(&mut batch)) => {}
                () = stop.cancelled() => break,
            }
        }
        while let Ok(span) = queue.try_recv() {
            batch.push(span);
        }
        // Whoever stops a node does not wait for its traces.
        let _ = tokio::time::timeout(LAST_EXPORT_TIMEOUT, export.send(batch)).await;
    };
    context.tracker.spawn_on(exporting, &context.runtime);
}

struct Export {
    exporter: SpanExporter,
    failing: bool,
    exported: metrics::Counter,
    dropped: metrics::Counter,
}

impl Export {
    fn new(exporter: SpanExporter) -> Self {
        Self {
            exporter,
            failing: false,
            exported: metrics::counter!("p2pjob_trace_spans_exported_total"),
            dropped: metrics::counter!("p2pjob_trace_spans_dropped_total"),
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        if count == 0 {
            return;
        }
        match self.exporter.export(batch).await {
            Ok(()) => {
                self.exported.increment(count);
                if self.failing {
                    tracing::info!("the traces' receiver takes spans again");
                }
                self.failing = false;
            }
            Err(error) => {
                self.dropped.increment(count);
                if !self.failing {
                    tracing::warn!(%error, "spans are lost; is telemetry.otlp_endpoint right, and its receiver up?");
                }
                self.failing = true;
            }
        }
    }
}

/// The endpoint of the specification: a base gets the path of traces, an address of traces stays.
pub(super) fn traces_url(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(TRACES_PATH) {
        base.to_owned()
    } else {
        format!("{base}{TRACES_PATH}")
    }
}

fn build(config: &TelemetrySection, me: &NodeId) -> Result<SpanExporter, String> {
    let endpoint = config.otlp_endpoint.as_deref().unwrap_or_default();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::webhooks::tls().map_err(|error| error.to_string())?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(EXPORT_TIMEOUT)
        .user_agent(concat!("p2pjob/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())?;
    let mut headers = HashMap::new();
    for header in &config.otlp_headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("telemetry.otlp_headers: {header:?} is not of the form `Name: value`"))?;
        headers.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(traces_url(endpoint))
        .with_headers(headers)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder_empty()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new("service.instance.id", me.to_string()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}
