//! Follows the journal and sends what hooks want to know.
//!
//! One task owns the queue of deliveries. The journal is the truth: the node's events only wake it up, and what it missed,
//! also while the node did not run, it reads from there. Deliveries are on disk before they are sent and leave it after
//! an answer, so a crash makes a receiver hear a message twice at worst, with the same id.

use super::call::Message;
use super::queue::Queue;
use super::store::{NewDelivery, Store, StoreError, Verdict};
use super::types::{Attempt, Hook, HookEvent};
use super::{Webhooks, body, schedule};
use crate::config::WebhookSection;
use crate::context::{Context, now};
use bytes::Bytes;
use job_model::{Recorded, UnixMillis};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::JoinSet;

/// Journal records read at once.
const PAGE: usize = 256;
/// Records that end a task, written to the database in one transaction.
const BATCH: usize = 64;
/// Records without interest to hooks after which the journal's position is saved all the same: bounds what is read again
/// after a restart.
const SAVE_CURSOR_EVERY: u64 = 10_000;
/// Pause after the database could not be written.
const STORE_PAUSE_MS: u64 = 5_000;
/// Longest sleep without anything due: a clock that was set back is noticed after this.
const LONGEST_SLEEP_MS: u64 = 60_000;

/// A delivery that was tried.
struct Tried {
    hook: String,
    number: u64,
    /// When it is tried again.
    again: Option<UnixMillis>,
    /// The hooks have changed.
    reload: bool,
}

struct Driver {
    context: Arc<Context>,
    store: Arc<Store>,
    hooks: Vec<Hook>,
    queue: Queue,
    /// The journal position that is read next.
    next: u64,
    /// The position that is on disk.
    saved: u64,
    /// Changes by people that were read.
    changes: u64,
    /// The journal holds records from `next` on that were not read.
    behind: bool,
    /// The database failed: not before this moment.
    pause_until: Option<UnixMillis>,
    running: JoinSet<Tried>,
}

/// Sends webhooks until the node stops.
pub async fn run(context: Arc<Context>) {
    let mut events = context.events.subscribe();
    let mut driver = Driver {
        store: Arc::clone(&context.webhooks.store),
        context: Arc::clone(&context),
        hooks: Vec::new(),
        queue: Queue::default(),
        next: 1,
        saved: 1,
        changes: 0,
        behind: true,
        pause_until: None,
        running: JoinSet::new(),
    };
    driver.reload().await;
    loop {
        driver.work().await;
        let pause = driver.sleep();
        tokio::select! {
            heard = events.recv() => match heard {
                Ok(record) => driver.hear(record, &mut events).await,
                Err(RecvError::Lagged(_)) => driver.behind = true,
                Err(RecvError::Closed) => return,
            },
            Some(tried) = driver.running.join_next(), if !driver.running.is_empty() => {
                // A delivery that panicked stays in the database and is tried after the next start.
                if let Ok(tried) = tried {
                    driver.ended(tried).await;
                }
            }
            () = context.webhooks.changed.notified() => driver.reload().await,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Runs database work where it may block.
async fn blocking<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    let done = context.runtime.spawn_blocking(work).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

impl Driver {
    /// Reads hooks and what waits again: a person changed something, or we start.
    async fn reload(&mut self) {
        self.changes = self.context.webhooks.changes.load(Ordering::Acquire);
        let store = Arc::clone(&self.store);
        let reading = move || Ok((store.hooks()?, store.cursor()?, store.pending()?));
        match blocking(&self.context, reading).await {
            Ok((hooks, cursor, pending)) => {
                if self.hooks.is_empty() {
                    // Nothing was followed so far.
                    (self.next, self.saved, self.behind) = (cursor, cursor, true);
                }
                self.hooks = hooks;
                self.queue.clear_waiting();
                pending
                    .iter()
                    .for_each(|(hook, due, number)| self.queue.push(hook, *due, *number));
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &str) {
        tracing::error!(%error, "webhooks wait: their database cannot be used");
        self.behind = true;
        self.pause_until = Some(now().plus(STORE_PAUSE_MS));
    }

    /// Reads the journal if need be, and starts what is due.
    async fn work(&mut self) {
        let at = now();
        if self.pause_until.is_some_and(|until| at < until) {
            return;
        }
        self.pause_until = None;
        if self.behind && !self.hooks.is_empty() {
            self.catch_up().await;
        }
        while let Some((hook, number)) = self.queue.start(at) {
            self.running.spawn(deliver(Arc::clone(&self.context), hook, number));
        }
    }

    fn sleep(&self) -> Duration {
        let at = now();
        let due = self.pause_until.or_else(|| self.queue.next_due());
        let millis = due.map_or(LONGEST_SLEEP_MS, |due| due.since(at)).min(LONGEST_SLEEP_MS);
        Duration::from_millis(millis)
    }

    /// Reads the journal from where we are to its end.
    async fn catch_up(&mut self) {
        loop {
            let (journal, from) = (self.context.journal.clone(), self.next);
            let reading = self
                .context
                .runtime
                .spawn_blocking(move || journal.page(None, from, PAGE));
            let page = match reading.await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return self.failed(&error.to_string()),
                Err(error) => return self.failed(&error.to_string()),
            };
            let full = page.len() == PAGE;
            let records: Vec<Arc<Recorded>> = page.into_iter().map(Arc::new).collect();
            if !self.take_in(&records).await {
                return;
            }
            if !full {
                self.behind = false;
                return;
            }
        }
    }

    /// Takes an event and those that wait behind it.
    async fn hear(&mut self, first: Arc<Recorded>, events: &mut Receiver<Arc<Recorded>>) {
        let mut heard = vec![first];
        while heard.len() < BATCH {
            match events.try_recv() {
                Ok(record) => heard.push(record),
                Err(TryRecvError::Lagged(_)) => {
                    self.behind = true;
                    return;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if self.hooks.is_empty() || self.behind {
            return;
        }
        heard.retain(|record| record.seq >= self.next);
        // A gap means that something was missed; the journal has it.
        let gap = heard
            .iter()
            .zip(self.next..)
            .any(|(record, expected)| record.seq != expected);
        if gap {
            self.behind = true;
        } else {
            self.take_in(&heard).await;
        }
    }

    /// Queues the deliveries of records that follow each other. False when that must be tried again later.
    async fn take_in(&mut self, records: &[Arc<Recorded>]) -> bool {
        let Some(last) = records.last() else { return true };
        // A hook that was made before one of these is told of it.
        if self.context.webhooks.changes.load(Ordering::Acquire) != self.changes {
            self.reload().await;
        }
        let after = last.seq + 1;
        let mut new = Vec::new();
        for record in records {
            match self.deliveries_of(record).await {
                Ok(some) => new.extend(some),
                // The node is stopping: the records are read again after the next start.
                Err(_) => return false,
            }
        }
        if new.is_empty() && after.saturating_sub(self.saved) < SAVE_CURSOR_EVERY {
            self.next = after;
            return true;
        }
        let store = Arc::clone(&self.store);
        match blocking(&self.context, move || store.enqueue(&new, after, now())).await {
            Ok(queued) => {
                queued
                    .iter()
                    .for_each(|(hook, due, number)| self.queue.push(hook, *due, *number));
                (self.next, self.saved) = (after, after);
                true
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    /// One delivery per hook that wants to know of a record.
    async fn deliveries_of(&self, record: &Recorded) -> Result<Vec<NewDelivery>, crate::context::Stopping> {
        let (Some(event), Some(task)) = (HookEvent::of_record(&record.event), record.event.task()) else {
            return Ok(Vec::new());
        };
        let asked = self
            .hooks
            .iter()
            .any(|hook| hook.events.contains(&event) && record.seq >= hook.from_seq);
        if !asked {
            return Ok(Vec::new());
        }
        let Some(report) = self.context.ask(move |core| core.task_report(task)).await? else {
            return Ok(Vec::new());
        };
        let wanted: Vec<&Hook> = self
            .hooks
            .iter()
            .filter(|hook| hook.wants(event, &report.owner, record.seq))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let body = body::of_record(&self.context, record, &report)
            .await
            .unwrap_or_default();
        let delivery = |hook: &Hook| NewDelivery {
            hook: hook.id.clone(),
            event,
            task,
            seq: record.seq,
            body: body.clone(),
        };
        Ok(wanted.into_iter().map(delivery).collect())
    }

    async fn ended(&mut self, tried: Tried) {
        self.queue.end(&tried.hook, tried.number);
        if let Some(due) = tried.again {
            self.queue.push(&tried.hook, due, tried.number);
        }
        if tried.reload {
            self.reload().await;
        }
    }
}

/// Tries a delivery once and writes down what came of it.
async fn deliver(context: Arc<Context>, hook: String, number: u64) -> Tried {
    let mut tried = Tried {
        hook,
        number,
        again: None,
        reload: false,
    };
    if let Err(error) = deliver_impl(&context, &mut tried).await {
        tracing::error!(%error, "a webhook could not be sent or written down; it is tried again");
        tried.again = Some(now().plus(STORE_PAUSE_MS));
    }
    tried
}

async fn deliver_impl(context: &Arc<Context>, tried: &mut Tried) -> Result<(), String> {
    let (webhooks, number): (&Webhooks, u64) = (&context.webhooks, tried.number);
    let store = Arc::clone(&webhooks.store);
    let Some((delivery, hook, body)) = blocking(context, move || store.to_send(number)).await? else {
        return Ok(());
    };
    let message = Message {
        url: &hook.url,
        id: &delivery.id,
        secret: &hook.secret,
        body: Bytes::from(body),
    };
    let started = std::time::Instant::now();
    let attempt = webhooks.caller()?.call(message).await;
    context.meters.delivered(started.elapsed(), attempt.is_success());
    let verdict = judge(&context.config.webhooks, &delivery.id, delivery.failures, &attempt);
    match &verdict {
        Verdict::Again(due) => tried.again = Some(*due),
        Verdict::Gone => tried.reload = true,
        Verdict::Delivered | Verdict::Dead => {}
    }
    if !attempt.is_success() {
        let error = attempt.error.as_deref().unwrap_or_default();
        tracing::warn!(
            hook = hook.id,
            delivery = delivery.id,
            error,
            again = tried.again.is_some(),
            "a webhook failed"
        );
    }
    let store = Arc::clone(&webhooks.store);
    blocking(context, move || store.record(number, &attempt, &verdict)).await
}

/// What follows from an attempt after so many earlier failures.
fn judge(config: &WebhookSection, id: &str, failures: u32, attempt: &Attempt) -> Verdict {
    if attempt.is_success() {
        return Verdict::Delivered;
    }
    if attempt.is_gone() {
        return Verdict::Gone;
    }
    let failures = failures.saturating_add(1);
    if failures >= config.max_attempts {
        return Verdict::Dead;
    }
    let asked = attempt.retry_after_ms.unwrap_or(0).min(config.max_pause_ms);
    let pause = schedule::pause_ms(config, id, failures).max(asked);
    Verdict::Again(now().plus(pause))
}
