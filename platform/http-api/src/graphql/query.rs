//! Queries: what REST's `GET` routes show, from the same types. Owns nothing.

use super::error::refused;
use super::event::Event;
use super::input::TaskFilterInput;
use super::visible::{Eyes, asked, bounded, task_id};
use crate::extract::shown;
use crate::problem::Problem;
use crate::routes::{network, tasks};
use crate::view::{Chunk, Job, Ledger, NetworkStatus, Peer, Prices, Task};
use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, Object, Result, SimpleObject};

/// Items of a list, unless told otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Most items of a list.
const MAX_LIMIT: u32 = 500;
/// Longest name or hash of a job, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The root of queries.
pub struct Query;

/// A page of the journal.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct EventPage {
    /// The records, in order.
    pub items: Vec<Event>,
    /// `from` of the next page; the journal may have nothing there yet.
    pub next_from: u64,
}

/// What there is to ask.
#[Object(rename_fields = "snake_case", rename_args = "snake_case")]
impl Query {
    /// One task.
    #[graphql(complexity = "20 + child_complexity")]
    async fn task(&self, ctx: &Context<'_>, task_id: String) -> Result<Option<Task>> {
        let (state, caller) = asked(ctx)?;
        let id = self::task_id(&task_id)?;
        let report = tasks::find(state, caller, id).await.map_err(refused)?;
        Ok(Some(tasks::shown(state, report).await))
    }

    /// Tasks, the newest first. `result` is null here: ask for one task to see it.
    #[graphql(complexity = "20 + first.unwrap_or(50) as usize * child_complexity / 4")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        filter: Option<TaskFilterInput>,
        first: Option<u32>,
        after: Option<String>,
    ) -> Result<Connection<String, Task, EmptyFields, EmptyFields>> {
        let (state, caller) = asked(ctx)?;
        let first = bounded("first", first, DEFAULT_LIMIT, MAX_LIMIT)?;
        let query = filter.unwrap_or_default().into_query(first, after);
        let listed = tasks::listed(state, caller, &query).await.map_err(refused)?;
        let now = state.api.now().0;
        let has_previous = query.cursor.is_some();
        let mut connection = Connection::new(has_previous, listed.page.next.is_some());
        connection.edges = listed
            .page
            .tasks
            .iter()
            .map(|report| {
                Edge::new(
                    listed.cursor((report.submitted_at, report.task_id)),
                    Task::at(report.clone(), now),
                )
            })
            .collect();
        Ok(connection)
    }

    /// One job with its schema, by name, `name@version`, hash, or a unique start of the hash.
    #[graphql(complexity = "20 + child_complexity")]
    async fn job(&self, ctx: &Context<'_>, job: String) -> Result<Option<Job>> {
        let (state, _) = asked(ctx)?;
        if job.len() > MAX_NAME_BYTES || job.contains(char::is_control) {
            return Err(refused(Problem::bad_field(
                "job",
                format!("{:?} is no name of a job", shown(&job)),
            )));
        }
        Ok(Some(state.api.describe(&job).await.map_err(refused)?.into()))
    }

    /// All known jobs.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn jobs(&self, ctx: &Context<'_>) -> Result<Vec<Job>> {
        let (state, _) = asked(ctx)?;
        let jobs = state.api.jobs().await.map_err(refused)?;
        Ok(jobs.into_iter().map(Job::from).collect())
    }

    /// The node at a glance.
    #[graphql(complexity = "50 + child_complexity")]
    async fn network_status(&self, ctx: &Context<'_>) -> Result<NetworkStatus> {
        let (state, _) = asked(ctx)?;
        network::glance(state).await.map_err(refused)
    }

    /// All known peers.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn peers(&self, ctx: &Context<'_>) -> Result<Vec<Peer>> {
        let (state, _) = asked(ctx)?;
        let peers = state.api.peers().await.map_err(refused)?;
        Ok(peers.into_iter().map(Peer::from).collect())
    }

    /// Prices of this node, their past and their prediction.
    #[graphql(complexity = "20 + child_complexity")]
    async fn prices(&self, ctx: &Context<'_>) -> Result<Prices> {
        let (state, _) = asked(ctx)?;
        Ok(state.api.prices().await.map_err(refused)?.into())
    }

    /// Balances per peer.
    #[graphql(complexity = "50 + child_complexity")]
    async fn ledger(&self, ctx: &Context<'_>) -> Result<Ledger> {
        let (state, _) = asked(ctx)?;
        Ok(state.api.ledger().await.map_err(refused)?.into())
    }

    /// What happened, from a position in the journal on: in one task, or at the node.
    #[graphql(complexity = "20 + limit.unwrap_or(50) as usize * child_complexity")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        task_id: Option<String>,
        from: Option<u64>,
        limit: Option<u32>,
    ) -> Result<EventPage> {
        let (state, caller) = asked(ctx)?;
        let limit = bounded("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)?;
        let task = match task_id {
            Some(text) => {
                let id = self::task_id(&text)?;
                tasks::visible(state, caller, id).await.map_err(refused)?;
                Some(id)
            }
            None => None,
        };
        let from = from.unwrap_or(1).max(1);
        let records = state
            .events
            .records(task, from, limit as usize)
            .await
            .map_err(refused)?;
        let next_from = records.last().map_or(from, |record| record.seq.saturating_add(1));
        let mut eyes = Eyes::new(state, caller);
        let mut items = Vec::new();
        for record in &records {
            if eyes.see(record).await {
                items.push(Event::from(record));
            }
        }
        Ok(EventPage { items, next_from })
    }

    /// Chunks of a task: who ran them, what was decided, and why.
    #[graphql(complexity = "20 + limit.unwrap_or(50) as usize * child_complexity")]
    async fn chunks(
        &self,
        ctx: &Context<'_>,
        task_id: String,
        from: Option<u32>,
        limit: Option<u32>,
    ) -> Result<Vec<Chunk>> {
        let (state, caller) = asked(ctx)?;
        let limit = bounded("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)?;
        let id = self::task_id(&task_id)?;
        tasks::visible(state, caller, id).await.map_err(refused)?;
        let chunks = state.api.chunks(id, from.unwrap_or(0), limit).await.map_err(refused)?;
        Ok(chunks.into_iter().map(Chunk::from).collect())
    }
}
