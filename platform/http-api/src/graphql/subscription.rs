//! Subscriptions: what happens, as it happens. The journal is the truth, the node's events only wake a stream up, so a slow
//! client misses nothing and costs no more than its place. A stream belongs to its connection and is dropped with it.

use super::error::refused;
use super::event::Event;
use super::visible::{Eyes, asked, bounded, task_id};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::routes::{network, tasks};
use crate::state::AppState;
use crate::view::event::{TYPE_NAMES, type_name};
use crate::view::{NetworkStatus, Task};
use async_graphql::{Context, Result, Subscription as GraphqlSubscription};
use futures_util::stream::{self, Stream};
use job_model::{Recorded, TaskId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Journal records read at once.
const PAGE: usize = 128;
/// A task is shown at most once in this time, and at once when it ends.
const TASK_EVERY: Duration = Duration::from_millis(100);
/// A task is looked at again after this long without an event.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Time between two reports of the node, unless told otherwise, and at most.
const STATUS_EVERY_SECONDS: (u32, u32) = (5, 3_600);

/// The root of subscriptions.
pub struct Subscription;

/// What there is to listen to.
#[GraphqlSubscription(rename_fields = "snake_case", rename_args = "snake_case")]
impl Subscription {
    /// A task now and after every change, at most ten times a second; ends with the task.
    async fn task_updated(
        &self,
        ctx: &Context<'_>,
        task_id: String,
    ) -> Result<impl Stream<Item = Result<Task>> + use<>> {
        let (state, caller) = asked(ctx)?;
        let id = self::task_id(&task_id)?;
        tasks::visible(state, caller, id).await.map_err(refused)?;
        let watch = TaskWatch {
            live: state.api.events(),
            state: state.clone(),
            caller: caller.clone(),
            task: id,
            shown: None,
            over: false,
        };
        Ok(stream::unfold(watch, TaskWatch::next))
    }

    /// What happens from now on, or from a position in the journal on; only events of these types, if some are named.
    async fn events(
        &self,
        ctx: &Context<'_>,
        from: Option<u64>,
        types: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        let (state, caller) = asked(ctx)?;
        let mut wanted = Vec::new();
        for name in types.unwrap_or_default() {
            let known = TYPE_NAMES.into_iter().find(|known| *known == name);
            wanted.push(known.ok_or_else(|| {
                let message = format!("expected some of {}", TYPE_NAMES.join(", "));
                refused(Problem::bad_field("types", message))
            })?);
        }
        // Subscribed before the journal's end is looked at: nothing can happen in between unseen.
        let live = state.api.events();
        let follow = Follow {
            live,
            next: from
                .unwrap_or_else(|| state.events.published().saturating_add(1))
                .max(1),
            behind: true,
            ready: VecDeque::new(),
            types: wanted,
            eyes: Eyes::new(state, caller),
            state: state.clone(),
        };
        Ok(stream::unfold(follow, Follow::next))
    }

    /// The node at a glance, now and every so many seconds (1 to 3600; 5 unless given).
    async fn network_status(
        &self,
        ctx: &Context<'_>,
        every: Option<u32>,
    ) -> Result<impl Stream<Item = Result<NetworkStatus>> + use<>> {
        let (state, _) = asked(ctx)?;
        let (usual, most) = STATUS_EVERY_SECONDS;
        let seconds = bounded("every", every, usual, most)?;
        let mut ticks = tokio::time::interval(Duration::from_secs(u64::from(seconds)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let report = |(state, mut ticks): (AppState, tokio::time::Interval)| async move {
            ticks.tick().await;
            let glance = network::glance(&state).await.map_err(refused);
            Some((glance, (state, ticks)))
        };
        Ok(stream::unfold((state.clone(), ticks), report))
    }
}

struct TaskWatch {
    state: AppState,
    caller: Caller,
    live: broadcast::Receiver<Arc<Recorded>>,
    task: TaskId,
    shown: Option<Instant>,
    over: bool,
}

impl TaskWatch {
    async fn next(mut self) -> Option<(Result<Task>, Self)> {
        if self.over {
            return None;
        }
        if let Some(shown) = self.shown {
            let news = self.news(shown + TASK_EVERY);
            // Nothing new: look all the same.
            let _ = tokio::time::timeout(LOOK_AGAIN, news).await;
        }
        self.shown = Some(Instant::now());
        let found = tasks::find(&self.state, &self.caller, self.task).await;
        match found {
            Ok(report) => {
                self.over = report.status.is_final();
                let task = tasks::shown(&self.state, report).await;
                Some((Ok(task), self))
            }
            Err(problem) => {
                self.over = true;
                Some((Err(refused(problem)), self))
            }
        }
    }

    /// Resolves when the task has ended, or has changed and may be shown again.
    async fn news(&mut self, not_before: Instant) {
        let mut changed = false;
        loop {
            let heard = if changed {
                match tokio::time::timeout_at(not_before, self.live.recv()).await {
                    Ok(heard) => heard,
                    Err(_) => return,
                }
            } else {
                self.live.recv().await
            };
            match heard {
                Ok(record) if record.event.task() == Some(self.task) => {
                    let name = type_name(&record.event);
                    if ["task_completed", "task_failed", "task_cancelled"].contains(&name) {
                        return;
                    }
                    changed = true;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            }
        }
    }
}

struct Follow {
    state: AppState,
    eyes: Eyes,
    live: broadcast::Receiver<Arc<Recorded>>,
    next: u64,
    behind: bool,
    ready: VecDeque<Event>,
    types: Vec<&'static str>,
}

impl Follow {
    async fn next(mut self) -> Option<(Result<Event>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.behind {
                match self.state.events.records(None, self.next, PAGE).await {
                    Ok(page) => {
                        self.behind = page.len() >= PAGE;
                        for record in &page {
                            self.take(record).await;
                        }
                    }
                    // The node stops: the client comes again.
                    Err(_) => return None,
                }
                continue;
            }
            match self.live.recv().await {
                Ok(record) if record.seq == self.next => self.take(&record).await,
                Ok(record) if record.seq < self.next => {}
                // A gap: the journal knows whether something is missing.
                Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn take(&mut self, record: &Recorded) {
        self.next = record.seq.saturating_add(1);
        let wanted = self.types.is_empty() || self.types.contains(&type_name(&record.event));
        if wanted && self.eyes.see(record).await {
            self.ready.push_back(Event::from(record));
        }
    }
}
