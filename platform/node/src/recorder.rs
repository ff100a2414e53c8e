//! The recorder: follows the journal and writes history (G8), at the pace of the database, never of the node.
//!
//! One background task owns the fold and its unwritten batch. Where it goes on after a restart stands in the database,
//! in the same transaction as the rows: every event counts exactly once, whatever crashes. A database that is away is
//! tried again with growing pauses; meanwhile only samples are held in memory, up to a limit, since events wait in the
//! journal anyway.

mod fold;

use crate::config::NodeConfig;
use crate::context::{Context, now};
use crate::control::protocol::ErrorCode;
use crate::control::requests::inspect;
use fold::Fold;
use history::{Batch, ErrorClass, History, HistoryError, LoadSample, PriceSample, Retention};
use job_model::Recorded;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Journal records read at once; one may hold the outputs of many chunks.
const PAGE_RECORDS: usize = 64;
/// A batch with so many rows is written.
const BATCH_ROWS: usize = 5_000;
/// News are gathered for this long before they are written.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// Pause after the first failure of the database; doubles after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How often old rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// The first time, so that starting is not slowed.
const FIRST_PRUNE: Duration = Duration::from_secs(60);
/// Samples of each kind that wait for a database that is away: a day at one every 10 s. The oldest go first.
const MAX_WAITING_SAMPLES: usize = 8_640;
/// Samples are not taken more often than this.
const MIN_SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// How long the last rows may take when the node stops; the next start makes up for the rest.
const LAST_WRITE: Duration = Duration::from_secs(2);
/// How long closing the connections may take.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Opens the history that the configuration names, if it is kept.
pub async fn open(config: &NodeConfig, data_dir: &Path) -> Result<Option<History>, HistoryError> {
    if !config.history.enabled {
        return Ok(None);
    }
    let url = history::url_of(config.history.url.as_deref(), data_dir);
    Ok(Some(History::open(&url).await?))
}

/// The class of an error of the history at start.
pub fn code(error: &HistoryError) -> ErrorCode {
    match error.class() {
        ErrorClass::BadInput => ErrorCode::BadInput,
        ErrorClass::NotFound => ErrorCode::NotFound,
        ErrorClass::Unavailable => ErrorCode::Unavailable,
        ErrorClass::Limit => ErrorCode::Limit,
        ErrorClass::Internal => ErrorCode::Internal,
    }
}

/// Starts recording, if history is kept. The task ends by itself when the node stops.
pub fn start(context: &Arc<Context>) {
    let Some(history) = context.history.clone() else { return };
    let recorder = Recorder {
        context: Arc::clone(context),
        history,
        fold: None,
        waiting: None,
        samples: Samples::default(),
        pause: FIRST_PAUSE,
        warned: false,
    };
    // Not `Context::spawn`, which would drop it in the middle: it has a last batch to write.
    context.tracker.spawn_on(recorder.run(), &context.runtime);
}

/// What the database's answer means for the loop.
#[derive(Clone, Copy)]
enum Next {
    /// Everything is written: wait for news.
    News,
    /// It failed: try again after this long.
    After(Duration),
}

/// Samples that were taken and not yet put into a batch.
#[derive(Default)]
struct Samples {
    load: VecDeque<LoadSample>,
    prices: VecDeque<PriceSample>,
}

struct Recorder {
    context: Arc<Context>,
    history: History,
    /// None until the database has said where to go on.
    fold: Option<Fold>,
    /// Made, not yet written.
    waiting: Option<Batch>,
    samples: Samples,
    pause: Duration,
    warned: bool,
}

impl Recorder {
    async fn run(mut self) {
        // Its waits hold whole batches: too large for the stack of whoever polls this.
        Box::pin(self.follow()).await;
        let last = tokio::time::timeout(LAST_WRITE, self.advance()).await;
        if !matches!(last, Ok(Next::News)) {
            tracing::info!("the last events are recorded in the history at the next start");
        }
        // Whatever is not closed by then ends with the process.
        let _ = tokio::time::timeout(CLOSE_WAIT, self.history.close()).await;
    }

    /// Records until the node stops.
    async fn follow(&mut self) {
        let context = Arc::clone(&self.context);
        let every = Duration::from_millis(context.config.history.sample_interval_ms).max(MIN_SAMPLE_INTERVAL);
        let mut sample = interval_at(Instant::now() + every, every);
        sample.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut prune = interval_at(Instant::now() + FIRST_PRUNE, PRUNE_EVERY);
        prune.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // Samples go on while the database is waited for.
        let mut taken = Samples::default();
        loop {
            self.samples.append(&mut taken);
            // Subscribed before the journal is read: nothing can happen in between unseen.
            let live = context.events.subscribe();
            let next = {
                let mut advancing = std::pin::pin!(self.advance());
                loop {
                    tokio::select! {
                        () = context.stop.cancelled() => return,
                        next = &mut advancing => break next,
                        _ = sample.tick() => taken.take(&context).await,
                    }
                }
            };
            let works = matches!(next, Next::News);
            let mut waking = std::pin::pin!(wake(live, next));
            loop {
                tokio::select! {
                    () = context.stop.cancelled() => return,
                    () = &mut waking => break,
                    _ = sample.tick() => {
                        taken.take(&context).await;
                        if works {
                            break;
                        }
                    }
                    _ = prune.tick() => tokio::select! {
                        () = context.stop.cancelled() => return,
                        () = self.prune() => {}
                    },
                }
            }
        }
    }

    /// Writes all there is. May be dropped at any await: what was not written is written again, or found to be there.
    async fn advance(&mut self) -> Next {
        loop {
            let written = match self.prepare().await {
                Ok(false) => return Next::News,
                Ok(true) => self.write().await,
                Err(why) => Err(why),
            };
            match written {
                Ok(()) => self.recovered(),
                Err(why) => return self.failed(&why),
            }
        }
    }

    /// Makes the next batch, unless one waits. False when there is nothing to write.
    async fn prepare(&mut self) -> Result<bool, String> {
        if self.waiting.is_some() {
            return Ok(true);
        }
        if self.fold.is_none() {
            let resume = self
                .history
                .resume(self.context.me)
                .await
                .map_err(|error| error.to_string())?;
            self.fold = Some(Fold::new(self.context.me, &resume));
        }
        let Some(fold) = self.fold.as_mut() else {
            return Ok(false);
        };
        loop {
            let page = read(&self.context, fold.seq() + 1).await?;
            page.iter().for_each(|record| fold.apply(record));
            if page.len() < PAGE_RECORDS || fold.rows() >= BATCH_ROWS {
                break;
            }
        }
        let mut batch = fold.take();
        batch.load.extend(self.samples.load.drain(..));
        batch.prices.extend(self.samples.prices.drain(..));
        if batch.to_seq > batch.from_seq || batch.rows() > 0 {
            self.waiting = Some(batch);
        }
        Ok(self.waiting.is_some())
    }

    async fn write(&mut self) -> Result<(), String> {
        let Some(batch) = &self.waiting else { return Ok(()) };
        match self.history.record(batch).await {
            Ok(()) => self.waiting = None,
            Err(error @ HistoryError::Moved { .. }) => {
                // Restored from a backup, or emptied: from where it is now, the journal has everything.
                tracing::warn!(%error, "recording again from there");
                let Some(batch) = self.waiting.take() else {
                    return Ok(());
                };
                self.samples.load.extend(batch.load);
                self.samples.prices.extend(batch.prices);
                self.fold = None;
                return Err(error.to_string());
            }
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    fn recovered(&mut self) {
        self.pause = FIRST_PAUSE;
        if self.warned {
            self.warned = false;
            tracing::info!("the history database works again; what happened meanwhile is being recorded");
        }
    }

    fn failed(&mut self, why: &str) -> Next {
        if !self.warned {
            self.warned = true;
            tracing::warn!(
                why,
                "history waits: nothing is lost, the journal keeps it; trying again until it works"
            );
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(MAX_PAUSE);
        Next::After(pause)
    }

    async fn prune(&self) {
        let config = &self.context.config.history;
        let days = |days: u32| u64::from(days) * DAY_MS;
        let retention = Retention {
            tasks_ms: days(config.keep_tasks_days),
            chunks_ms: days(config.keep_chunks_days),
            samples_ms: days(config.keep_samples_days),
        };
        match self.history.prune(self.context.me, retention, now()).await {
            Ok(pruned) => tracing::debug!(?pruned, "old history is deleted"),
            // It is tried again in an hour; a database that is away is warned of when writing.
            Err(error) => tracing::debug!(%error, "old history is not deleted now"),
        }
    }
}

impl Samples {
    fn append(&mut self, newer: &mut Self) {
        newer.load.drain(..).for_each(|sample| keep(&mut self.load, sample));
        newer.prices.drain(..).for_each(|sample| keep(&mut self.prices, sample));
    }

    /// Looks at the node now.
    async fn take(&mut self, context: &Arc<Context>) {
        let machine = crate::machine::reading(context);
        let status = inspect::status(context).await;
        let prices = context.ask(|core| core.prices_report()).await;
        // The node stops: no sample.
        let (Ok(status), Ok(prices)) = (status, prices) else {
            return;
        };
        let at = now();
        let price = |name: &str| prices.current_prices.get(name).copied().unwrap_or(0.0);
        keep(
            &mut self.prices,
            PriceSample {
                at,
                factor: prices.market_factor,
                cpu: price("cpu"),
                gpu: price("gpu"),
                ram: price("ram"),
                disk: price("disk"),
            },
        );
        keep(
            &mut self.load,
            LoadSample {
                at,
                cpu_percent: machine.process_cpu_percent,
                host_cpu_percent: machine.host_cpu_percent,
                memory_bytes: machine.resident_bytes,
                memory_available_bytes: machine.memory_available_bytes,
                disk_free_bytes: machine.disk_free_bytes,
                store_bytes: status.store_bytes,
                net_received_bytes: machine.net_received_bytes,
                net_sent_bytes: machine.net_sent_bytes,
                running: status.running_replicas,
                queued: status.queued_replicas,
                peers: status.peers_count,
                active_tasks: status.active_tasks,
                credits: status.credits,
            },
        );
    }
}

/// Resolves when there is a reason to look at the journal or the database.
async fn wake(mut live: broadcast::Receiver<Arc<Recorded>>, next: Next) {
    match next {
        Next::News => {
            // Also a missed or closed channel is a reason to look.
            let _ = live.recv().await;
            // Dropped while news are gathered, so that we hold no events back.
            drop(live);
            tokio::time::sleep(BATCH_DELAY).await;
        }
        Next::After(pause) => {
            drop(live);
            tokio::time::sleep(pause).await;
        }
    }
}

/// Journal records from a position on.
async fn read(context: &Context, from: u64) -> Result<Vec<Recorded>, String> {
    let journal = context.journal.clone();
    let reading = context
        .runtime
        .spawn_blocking(move || journal.page(None, from, PAGE_RECORDS));
    match reading.await {
        Ok(Ok(page)) => Ok(page),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("reading the journal was interrupted".to_owned()),
    }
}

fn keep<T>(samples: &mut VecDeque<T>, sample: T) {
    if samples.len() >= MAX_WAITING_SAMPLES {
        samples.pop_front();
    }
    samples.push_back(sample);
}
