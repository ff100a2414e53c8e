//! Forgetting: rows older than the configuration keeps them, in bounded steps so that nobody waits long for the lock.

use crate::History;
use crate::error::HistoryError;
use crate::statement::Statement;
use job_model::{NodeId, UnixMillis};

/// Tasks whose rows one transaction deletes.
const TASKS_PER_STEP: u32 = 100;
/// Samples that one transaction deletes.
const SAMPLES_PER_STEP: u32 = 10_000;

/// How long things are kept, in milliseconds. Tasks that have not ended are kept in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Tasks after their end.
    pub tasks_ms: u64,
    /// Chunks after the end of their task.
    pub chunks_ms: u64,
    /// Samples.
    pub samples_ms: u64,
}

/// What was deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// Tasks.
    pub tasks: u64,
    /// Chunks.
    pub chunks: u64,
    /// Samples of load and prices.
    pub samples: u64,
}

impl History {
    /// Deletes what a node need not keep at this moment. Rows of other nodes are theirs.
    pub async fn prune(&self, node: NodeId, retention: Retention, now: UnixMillis) -> Result<Pruned, HistoryError> {
        self.prune_impl(node, retention, now)
            .await
            .map_err(|error| self.explain(error))
    }

    async fn prune_impl(&self, node: NodeId, retention: Retention, now: UnixMillis) -> Result<Pruned, sqlx::Error> {
        let mut known = Statement::new("SELECT node_key FROM p2pjob_nodes WHERE node = ");
        known.bind(node.to_string().as_str());
        let found: Vec<(i64,)> = self.pool.fetch(known).await?;
        let Some((node_key,)) = found.first().copied() else {
            return Ok(Pruned::default());
        };
        let before = |keep: u64| now.0.saturating_sub(keep);
        let mut pruned = Pruned::default();
        // A chunk never outlives its task.
        let chunks_before = before(retention.chunks_ms.min(retention.tasks_ms));
        pruned.chunks = self.prune_chunks(node_key, chunks_before).await?;
        pruned.tasks = self.prune_tasks(node_key, before(retention.tasks_ms)).await?;
        for table in ["p2pjob_load", "p2pjob_prices"] {
            pruned.samples += self
                .prune_samples(table, node_key, before(retention.samples_ms))
                .await?;
        }
        if pruned != Pruned::default() {
            self.pool.give_space_back().await?;
        }
        Ok(pruned)
    }

    async fn prune_chunks(&self, node_key: i64, before: u64) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        let mut after = i64::MIN;
        loop {
            // Only tasks that still have chunks, so that a year of tasks is not looked through every hour.
            let mut select = Statement::new("SELECT t.task_key FROM p2pjob_tasks t WHERE t.node_key = ");
            select.bind(node_key).push(" AND t.ended_at < ").bind(before);
            select.push(" AND t.task_key > ").bind(after);
            select.push(" AND EXISTS (SELECT 1 FROM p2pjob_chunks c WHERE c.task_key = t.task_key)");
            select.push(" ORDER BY t.task_key LIMIT ").bind(TASKS_PER_STEP);
            let tasks: Vec<(i64,)> = self.pool.fetch(select).await?;
            let Some((last,)) = tasks.last().copied() else {
                return Ok(deleted);
            };
            after = last;
            for (task_key,) in tasks {
                let mut transaction = self.pool.begin().await?;
                let mut delete = Statement::new("DELETE FROM p2pjob_chunks WHERE task_key = ");
                delete.bind(task_key);
                deleted += transaction.execute(delete).await?;
                transaction.commit().await?;
            }
        }
    }

    async fn prune_tasks(&self, node_key: i64, before: u64) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        loop {
            let mut delete = Statement::new(
                "DELETE FROM p2pjob_tasks WHERE task_key IN (SELECT task_key FROM p2pjob_tasks WHERE node_key = ",
            );
            delete.bind(node_key).push(" AND ended_at < ").bind(before);
            delete.push(" LIMIT ").bind(TASKS_PER_STEP).push(")");
            let mut transaction = self.pool.begin().await?;
            let step = transaction.execute(delete).await?;
            transaction.commit().await?;
            deleted += step;
            if step == 0 {
                return Ok(deleted);
            }
        }
    }

    async fn prune_samples(&self, table: &str, node_key: i64, before: u64) -> Result<u64, sqlx::Error> {
        let mut deleted = 0;
        loop {
            let mut delete = Statement::new(&format!("DELETE FROM {table} WHERE node_key = "));
            delete.bind(node_key);
            delete.push(&format!(" AND at IN (SELECT at FROM {table} WHERE node_key = "));
            delete.bind(node_key).push(" AND at < ").bind(before);
            delete.push(" ORDER BY at LIMIT ").bind(SAMPLES_PER_STEP).push(")");
            let mut transaction = self.pool.begin().await?;
            let step = transaction.execute(delete).await?;
            transaction.commit().await?;
            deleted += step;
            if step == 0 {
                return Ok(deleted);
            }
        }
    }
}
