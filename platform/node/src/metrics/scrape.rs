//! What is read only when somebody asks: gauges, and totals that others keep.

use super::jobs;
use crate::context::Context;
use crate::control::protocol::ControlError;
use crate::control::requests::inspect;
use crate::core::Core;
use crate::machine;
use job_model::{JobMetrics, MicroCredits};
use metrics::{counter, gauge};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the owner of the state is asked.
struct FromCore {
    earned: MicroCredits,
    spent: MicroCredits,
    factor: f64,
    prices: BTreeMap<String, f64>,
    prices_in_1h: BTreeMap<String, f64>,
    jobs: BTreeMap<String, JobMetrics>,
}

fn look(core: &mut Core) -> FromCore {
    let (earned, spent) = core.earned_and_spent();
    let prices = core.prices_report();
    FromCore {
        earned,
        spent,
        factor: prices.market_factor,
        prices: prices.current_prices,
        prices_in_1h: prices.prediction_1h,
        jobs: core.metric_book().by_job().clone(),
    }
}

/// Sets every gauge to what it is now. Gives the text of what jobs report, to be put after the recorder's.
pub async fn scrape(context: &Arc<Context>) -> Result<String, ControlError> {
    let status = inspect::status(context).await?;
    let core = context.ask(look).await?;
    gauge!("p2pjob_tasks_active").set(status.active_tasks);
    gauge!("p2pjob_replicas_running").set(status.running_replicas);
    gauge!("p2pjob_replicas_queued").set(status.queued_replicas);
    gauge!("p2pjob_sandbox_slots").set(context.slots as f64);
    gauge!("p2pjob_jobs").set(status.jobs);
    gauge!("p2pjob_peers").set(status.peers_count);
    gauge!("p2pjob_event_listeners").set(context.events.receiver_count() as f64);
    counter!("p2pjob_journal_events_total").absolute(status.journal_seq);
    gauge!("p2pjob_store_bytes").set(status.store_bytes as f64);
    counter!("p2pjob_blob_sent_bytes_total").absolute(context.store.served_bytes());
    let (received, sent) = context.network.frame_bytes();
    counter!("p2pjob_frame_received_bytes_total").absolute(received);
    counter!("p2pjob_frame_sent_bytes_total").absolute(sent);
    gauge!("p2pjob_balance_credits").set(status.credits.as_f64());
    gauge!("p2pjob_held_credits").set(status.held.as_f64());
    counter!("p2pjob_earned_microcredits_total").absolute(u64::try_from(core.earned.0).unwrap_or(0));
    counter!("p2pjob_spent_microcredits_total").absolute(u64::try_from(core.spent.0).unwrap_or(0));
    gauge!("p2pjob_reputation_score").set(status.reputation_score);
    gauge!("p2pjob_market_factor_ratio").set(core.factor);
    for (resource, price) in core.prices {
        gauge!("p2pjob_price_credits", "resource" => resource).set(price);
    }
    for (resource, price) in core.prices_in_1h {
        gauge!("p2pjob_price_in_1h_credits", "resource" => resource).set(price);
    }
    gauge!("p2pjob_process_start_time_seconds").set(context.started.0 as f64 / 1e3);
    let build = [("version", env!("CARGO_PKG_VERSION")), ("arch", std::env::consts::ARCH)];
    gauge!("p2pjob_build_info", &build).set(1.0);
    // Sandboxes have no accelerator yet.
    gauge!("p2pjob_gpu_devices").set(0.0);
    machine(context);
    Ok(jobs::text(&core.jobs))
}

fn machine(context: &Context) {
    let reading = machine::reading(context);
    gauge!("p2pjob_process_cpu_ratio").set(reading.process_cpu_percent / 100.0);
    gauge!("p2pjob_process_resident_memory_bytes").set(reading.resident_bytes as f64);
    gauge!("p2pjob_process_open_files").set(reading.open_files as f64);
    gauge!("p2pjob_host_cpu_ratio").set(reading.host_cpu_percent / 100.0);
    gauge!("p2pjob_host_memory_size_bytes").set(reading.memory_total_bytes as f64);
    gauge!("p2pjob_host_memory_available_bytes").set(reading.memory_available_bytes as f64);
    gauge!("p2pjob_disk_size_bytes").set(reading.disk_total_bytes as f64);
    gauge!("p2pjob_disk_free_bytes").set(reading.disk_free_bytes as f64);
    counter!("p2pjob_host_network_received_bytes_total").absolute(reading.net_received_bytes);
    counter!("p2pjob_host_network_sent_bytes_total").absolute(reading.net_sent_bytes);
}
