//! Writing: a batch in one transaction with the journal position it leads to, and where to go on after a restart.

use crate::History;
use crate::batch::{Batch, ChunkChange, Submitted, TaskChange};
use crate::dialect::Transaction;
use crate::error::HistoryError;
use crate::statement::{Statement, Value};
use job_model::task::VerifyPolicy;
use job_model::{NodeId, TaskId};
use std::collections::BTreeMap;

/// Rows of one statement: many enough that its cost does not count, few enough for SQLite's 32766 values.
const ROWS_PER_STATEMENT: usize = 500;
/// Adds a change to the chunk that is there.
const ADD_CHUNK: &str = " ON CONFLICT (task_key, chunk) DO UPDATE SET \
    status = CASE WHEN excluded.status = 'open' THEN p2pjob_chunks.status ELSE excluded.status END, \
    winner = COALESCE(excluded.winner, p2pjob_chunks.winner), \
    replicas = p2pjob_chunks.replicas + excluded.replicas, \
    lost = p2pjob_chunks.lost + excluded.lost, \
    outcomes = p2pjob_chunks.outcomes || excluded.outcomes, \
    verdicts = p2pjob_chunks.verdicts || excluded.verdicts, \
    workers = p2pjob_chunks.workers || excluded.workers, \
    error = COALESCE(excluded.error, p2pjob_chunks.error), \
    wall_us = CASE WHEN excluded.wall_us > p2pjob_chunks.wall_us THEN excluded.wall_us \
        ELSE p2pjob_chunks.wall_us END, \
    fuel = p2pjob_chunks.fuel + excluded.fuel, \
    changed_at = excluded.changed_at";

/// Where a recorder goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resume {
    /// The last journal position that is recorded; 0 is none.
    pub recorded_seq: u64,
    /// Tasks that have not ended.
    pub open: Vec<OpenTask>,
}

/// What a recorder must know of a task that has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenTask {
    /// The task.
    pub task: TaskId,
    /// Whether a replica of it was placed.
    pub started: bool,
    /// Undecided chunks with finished replicas: index, and outcomes as in [`ChunkChange::outcomes`].
    pub chunks: Vec<(u32, String)>,
}

impl History {
    /// Where the recorder of this node goes on. Makes the node known.
    pub async fn resume(&self, node: NodeId) -> Result<Resume, HistoryError> {
        self.resume_impl(node).await.map_err(|error| self.explain(error))
    }

    async fn resume_impl(&self, node: NodeId) -> Result<Resume, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let mut known = Statement::new("INSERT INTO p2pjob_nodes (node, recorded_seq) VALUES ");
        known.tuple([Value::from(node.to_string().as_str()), Value::from(0_u64)]);
        known.push(" ON CONFLICT (node) DO NOTHING");
        transaction.execute(known).await?;
        transaction.commit().await?;
        let mut position = Statement::new("SELECT node_key, recorded_seq FROM p2pjob_nodes WHERE node = ");
        position.bind(node.to_string().as_str());
        let found: Vec<(i64, i64)> = self.pool.fetch(position).await?;
        let (key, recorded) = found.first().copied().unwrap_or_default();
        let mut open =
            Statement::new("SELECT task, started_at FROM p2pjob_tasks WHERE ended_at IS NULL AND node_key = ");
        open.bind(key);
        let tasks: Vec<(String, Option<i64>)> = self.pool.fetch(open).await?;
        let mut undecided = Statement::new(
            "SELECT t.task, c.chunk, c.outcomes FROM p2pjob_tasks t JOIN p2pjob_chunks c ON c.task_key = t.task_key \
             WHERE t.ended_at IS NULL AND c.status = 'open' AND c.outcomes <> '' AND t.node_key = ",
        );
        undecided.bind(key);
        let chunks: Vec<(String, i64, String)> = self.pool.fetch(undecided).await?;
        let mut by_task: BTreeMap<TaskId, OpenTask> = BTreeMap::new();
        for (task, started_at) in tasks {
            // Only ids are written there; a row that somebody else put in is none of ours.
            let Ok(task) = task.parse::<TaskId>() else { continue };
            let started = started_at.is_some();
            let chunks = Vec::new();
            by_task.insert(task, OpenTask { task, started, chunks });
        }
        for (task, chunk, outcomes) in chunks {
            let entry = task.parse::<TaskId>().ok().and_then(|task| by_task.get_mut(&task));
            if let (Some(entry), Ok(chunk)) = (entry, u32::try_from(chunk)) {
                entry.chunks.push((chunk, outcomes));
            }
        }
        Ok(Resume {
            recorded_seq: u64::try_from(recorded).unwrap_or(0),
            open: by_task.into_values().collect(),
        })
    }

    /// Writes a batch: whole, or not at all. A batch that is there already (its answer was lost) is not written again.
    /// [`HistoryError::Moved`] says that the database is at another position: read it with [`History::resume`].
    pub async fn record(&self, batch: &Batch) -> Result<(), HistoryError> {
        let (found, written) = Box::pin(self.record_impl(batch))
            .await
            .map_err(|error| self.explain(error))?;
        let there_already = found == Some(batch.to_seq) && batch.to_seq > batch.from_seq;
        if written || there_already {
            return Ok(());
        }
        Err(HistoryError::Moved {
            target: self.shown(),
            found: found.unwrap_or(0),
            expected: batch.from_seq,
        })
    }

    async fn record_impl(&self, batch: &Batch) -> Result<(Option<u64>, bool), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // First, so that SQLite's write lock is taken before anything is read.
        let mut advance = Statement::new("UPDATE p2pjob_nodes SET recorded_seq = ");
        advance
            .bind(batch.to_seq)
            .push(" WHERE node = ")
            .bind(batch.node.to_string().as_str());
        advance
            .push(" AND recorded_seq = ")
            .bind(batch.from_seq)
            .push(" RETURNING node_key");
        let moved: Vec<(i64,)> = transaction.fetch(advance).await?;
        let Some((node_key,)) = moved.first().copied() else {
            let mut position = Statement::new("SELECT recorded_seq FROM p2pjob_nodes WHERE node = ");
            position.bind(batch.node.to_string().as_str());
            let found: Vec<(i64,)> = transaction.fetch(position).await?;
            return Ok((found.first().and_then(|(seq,)| u64::try_from(*seq).ok()), false));
        };
        write_tasks(&mut transaction, node_key, &batch.tasks).await?;
        write_chunks(&mut transaction, node_key, &batch.chunks).await?;
        write_samples(&mut transaction, node_key, batch).await?;
        transaction.commit().await?;
        Ok((Some(batch.to_seq), true))
    }
}

async fn write_tasks(transaction: &mut Transaction, node_key: i64, changes: &[TaskChange]) -> Result<(), sqlx::Error> {
    let fresh: Vec<(&TaskChange, &Submitted)> = changes
        .iter()
        .filter_map(|change| Some((change, change.submitted.as_deref()?)))
        .collect();
    for rows in fresh.chunks(ROWS_PER_STATEMENT) {
        let mut insert = Statement::new(
            "INSERT INTO p2pjob_tasks (node_key, task, owner, job, job_name, priority, verify, params, params_bytes, \
             inputs, input_bytes, max_price, status, submitted_at, started_at, ended_at, chunks, accepted, failed, \
             recalled, replicas, lost, price, fuel, confidence_sum, recalled_confidence, result_hash, result_bytes, \
             detail) VALUES ",
        );
        insert.tuples(
            rows.iter()
                .map(|(change, submitted)| task_values(node_key, change, submitted)),
        );
        insert.push(" ON CONFLICT (node_key, task) DO NOTHING");
        insert.kept = rows.len() == 1;
        transaction.execute(insert).await?;
    }
    for change in changes.iter().filter(|change| change.submitted.is_none()) {
        transaction.execute(task_update(node_key, change)).await?;
    }
    Ok(())
}

/// The status a change leads to, unless there is none before it.
fn status_of(change: &TaskChange) -> Option<&'static str> {
    use job_model::task::TaskStatus;
    let name = |status| match status {
        TaskStatus::Pending => "pending",
        TaskStatus::Running => "running",
        TaskStatus::Completed => "completed",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    };
    let ended = change.end.as_ref().map(|end| name(end.status));
    ended.or(change.started_at.map(|_| "running"))
}

fn task_values(node_key: i64, change: &TaskChange, submitted: &Submitted) -> Vec<Value> {
    let end = change.end.as_ref();
    let result = end.and_then(|end| end.result);
    let priority = format!("{:?}", submitted.priority).to_lowercase();
    vec![
        node_key.into(),
        change.task.to_string().as_str().into(),
        submitted.owner.as_str().into(),
        submitted.job.to_string().as_str().into(),
        submitted.job_name.as_str().into(),
        priority.as_str().into(),
        verify_text(submitted.verify).as_str().into(),
        submitted.params.as_str().into(),
        submitted.params_bytes.into(),
        submitted.inputs.into(),
        submitted.input_bytes.into(),
        Value::Int(submitted.max_price.map(|price| price.0)),
        status_of(change).unwrap_or("pending").into(),
        submitted.at.0.into(),
        change.started_at.map(|at| at.0).into(),
        end.map(|end| end.at.0).into(),
        change.chunks.unwrap_or(0).into(),
        change.accepted.into(),
        change.failed.into(),
        change.recalled.into(),
        change.replicas.into(),
        change.lost.into(),
        change.price.0.into(),
        change.fuel.into(),
        change.confidence_sum.into(),
        submitted.recalled_confidence.into(),
        result.map(|(hash, _)| hash.to_string()).as_deref().into(),
        result.map(|(_, size)| size).into(),
        end.map_or("", |end| end.detail.as_str()).into(),
    ]
}

fn task_update(node_key: i64, change: &TaskChange) -> Statement {
    let mut update = Statement::new("UPDATE p2pjob_tasks SET status = COALESCE(");
    update.bind(status_of(change)).push(", status)");
    let sums: [(&str, Value); 8] = [
        ("accepted", change.accepted.into()),
        ("failed", change.failed.into()),
        ("recalled", change.recalled.into()),
        ("replicas", change.replicas.into()),
        ("lost", change.lost.into()),
        ("price", change.price.0.into()),
        ("fuel", change.fuel.into()),
        ("confidence_sum", change.confidence_sum.into()),
    ];
    for (column, value) in sums {
        update.push(&format!(", {column} = {column} + ")).bind(value);
    }
    let end = change.end.as_ref();
    let result = end.and_then(|end| end.result);
    let later: [(&str, Value); 5] = [
        ("chunks", change.chunks.map(u64::from).into()),
        ("ended_at", end.map(|end| end.at.0).into()),
        (
            "result_hash",
            result.map(|(hash, _)| hash.to_string()).as_deref().into(),
        ),
        ("result_bytes", result.map(|(_, size)| size).into()),
        ("detail", end.map(|end| end.detail.as_str()).into()),
    ];
    for (column, value) in later {
        update
            .push(&format!(", {column} = COALESCE("))
            .bind(value)
            .push(&format!(", {column})"));
    }
    update
        .push(", started_at = COALESCE(started_at, ")
        .bind(change.started_at.map(|at| at.0))
        .push(")");
    update.push(" WHERE node_key = ").bind(node_key);
    update.push(" AND task = ").bind(change.task.to_string().as_str());
    update
}

/// Changes of chunks whose task is not there (any more) are dropped: it was pruned.
async fn write_chunks(
    transaction: &mut Transaction,
    node_key: i64,
    changes: &[ChunkChange],
) -> Result<(), sqlx::Error> {
    let mut wanted: Vec<TaskId> = changes.iter().map(|change| change.task).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut keys: BTreeMap<TaskId, i64> = BTreeMap::new();
    for tasks in wanted.chunks(ROWS_PER_STATEMENT) {
        let mut select = Statement::new("SELECT task, task_key FROM p2pjob_tasks WHERE node_key = ");
        select.bind(node_key).push(" AND task IN ");
        select.tuple(tasks.iter().map(|task| Value::from(task.to_string().as_str())));
        select.kept = tasks.len() == 1;
        let found: Vec<(String, i64)> = transaction.fetch(select).await?;
        keys.extend(
            found
                .into_iter()
                .filter_map(|(task, key)| Some((task.parse().ok()?, key))),
        );
    }
    let rows: Vec<(i64, &ChunkChange)> = changes
        .iter()
        .filter_map(|change| Some((*keys.get(&change.task)?, change)))
        .collect();
    for part in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = Statement::new(
            "INSERT INTO p2pjob_chunks (task_key, chunk, status, winner, replicas, lost, outcomes, verdicts, workers, \
             error, wall_us, fuel, changed_at) VALUES ",
        );
        insert.tuples(part.iter().map(|(key, change)| chunk_values(*key, change)));
        insert.push(ADD_CHUNK);
        // Full statements come again and again; a prepared one of each other length would only fill the memory.
        insert.kept = part.len() == ROWS_PER_STATEMENT;
        transaction.execute(insert).await?;
    }
    Ok(())
}

fn chunk_values(task_key: i64, change: &ChunkChange) -> Vec<Value> {
    vec![
        task_key.into(),
        change.chunk.into(),
        change.state.name().into(),
        change.winner.map(u64::from).into(),
        change.replicas.into(),
        change.lost.into(),
        change.outcomes.as_str().into(),
        change.verdicts.as_str().into(),
        change.workers.as_str().into(),
        change.error.as_deref().into(),
        change.wall_us.into(),
        change.fuel.into(),
        change.at.0.into(),
    ]
}

async fn write_samples(transaction: &mut Transaction, node_key: i64, batch: &Batch) -> Result<(), sqlx::Error> {
    for samples in batch.load.chunks(ROWS_PER_STATEMENT) {
        let mut insert = Statement::new(
            "INSERT INTO p2pjob_load (node_key, at, cpu_percent, host_cpu_percent, memory_bytes, \
             memory_available_bytes, disk_free_bytes, store_bytes, net_received_bytes, net_sent_bytes, running, \
             queued, peers, active_tasks, credits) VALUES ",
        );
        insert.tuples(samples.iter().map(|sample| load_values(node_key, sample)));
        insert.push(" ON CONFLICT (node_key, at) DO NOTHING");
        insert.kept = samples.len() == 1;
        transaction.execute(insert).await?;
    }
    for samples in batch.prices.chunks(ROWS_PER_STATEMENT) {
        let mut insert =
            Statement::new("INSERT INTO p2pjob_prices (node_key, at, factor, cpu, gpu, ram, disk) VALUES ");
        insert.tuples(samples.iter().map(|sample| {
            let rates = [sample.factor, sample.cpu, sample.gpu, sample.ram, sample.disk];
            let mut values = vec![Value::from(node_key), Value::from(sample.at.0)];
            values.extend(rates.map(Value::from));
            values
        }));
        insert.push(" ON CONFLICT (node_key, at) DO NOTHING");
        insert.kept = samples.len() == 1;
        transaction.execute(insert).await?;
    }
    Ok(())
}

fn load_values(node_key: i64, sample: &crate::LoadSample) -> Vec<Value> {
    vec![
        node_key.into(),
        sample.at.0.into(),
        sample.cpu_percent.into(),
        sample.host_cpu_percent.into(),
        sample.memory_bytes.into(),
        sample.memory_available_bytes.into(),
        sample.disk_free_bytes.into(),
        sample.store_bytes.into(),
        sample.net_received_bytes.into(),
        sample.net_sent_bytes.into(),
        sample.running.into(),
        sample.queued.into(),
        sample.peers.into(),
        sample.active_tasks.into(),
        sample.credits.0.into(),
    ]
}

/// As the command line writes it.
fn verify_text(verify: VerifyPolicy) -> String {
    match verify {
        VerifyPolicy::None => "none".to_owned(),
        VerifyPolicy::Spot(share) => format!("spot:{share}"),
        VerifyPolicy::Quorum(count) => format!("quorum:{count}"),
        VerifyPolicy::Check => "check".to_owned(),
    }
}
