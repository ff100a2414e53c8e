//! Reading: tasks by filter and page, chunks of a task, and series of samples thinned out by the database.

use crate::History;
use crate::error::HistoryError;
use crate::rows::{ChunkRow, LoadPoint, PricePoint, TaskRow};
use crate::statement::Statement;
use job_model::task::TaskStatus;
use job_model::{NodeId, TaskId, UnixMillis};

/// Most rows of one answer.
pub const MAX_ROWS: u32 = 1_000;
/// Most points of a series: more than a screen has columns.
pub const MAX_POINTS: u32 = 2_000;

/// What every list of tasks selects.
pub(crate) const TASK_COLUMNS: &str = "SELECT t.task_key, n.node, t.task, t.owner, t.job, t.job_name, t.priority, \
    t.verify, t.params, t.params_bytes, t.inputs, t.input_bytes, t.max_price, t.status, t.submitted_at, t.started_at, \
    t.ended_at, t.chunks, t.accepted, t.failed, t.recalled, t.replicas, t.lost, t.price, t.fuel, \
    CASE WHEN t.accepted + t.failed > 0 THEN t.confidence_sum / (t.accepted + t.failed) \
         WHEN t.recalled > 0 THEN t.recalled_confidence \
         ELSE CAST(0 AS DOUBLE PRECISION) END AS confidence, \
    t.result_hash, t.result_bytes, t.detail \
    FROM p2pjob_tasks t JOIN p2pjob_nodes n ON n.node_key = t.node_key WHERE 1 = 1";
/// What every list of chunks selects.
pub(crate) const CHUNK_COLUMNS: &str = "SELECT c.task_key, n.node, t.task, c.chunk, c.status, c.winner, c.replicas, \
    c.lost, c.outcomes, c.verdicts, c.workers, c.error, c.wall_us, c.fuel, c.changed_at \
    FROM p2pjob_chunks c JOIN p2pjob_tasks t ON t.task_key = c.task_key \
    JOIN p2pjob_nodes n ON n.node_key = t.node_key WHERE 1 = 1";

/// Which tasks. Everything that is set must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TaskFilter {
    /// Of this node.
    pub node: Option<NodeId>,
    /// This one.
    pub task: Option<TaskId>,
    /// Of this owner; the empty text is the node's own user.
    pub owner: Option<String>,
    /// In this status.
    pub status: Option<TaskStatus>,
    /// Of the job with this name or id.
    pub job: Option<String>,
    /// Submitted then or later.
    pub since: Option<UnixMillis>,
    /// Submitted before.
    pub until: Option<UnixMillis>,
    /// After this one, in the list's order.
    pub after: Option<TaskCursor>,
    /// Most rows, up to [`MAX_ROWS`].
    pub limit: u32,
}

/// A place in a list of tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskCursor {
    /// Submit time of the task before it.
    pub submitted_at: i64,
    /// Its row.
    pub task_key: i64,
}

impl std::fmt::Display for TaskCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.submitted_at, self.task_key)
    }
}

impl std::str::FromStr for TaskCursor {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (submitted_at, task_key) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self {
            submitted_at: submitted_at.parse()?,
            task_key: task_key.parse()?,
        })
    }
}

/// Tasks, and where the next page begins.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TaskPage {
    /// The newest first.
    pub tasks: Vec<TaskRow>,
    /// None at the end.
    pub next: Option<TaskCursor>,
}

/// Which samples, thinned out to how many points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeriesQuery {
    /// The node.
    pub node: NodeId,
    /// From then on.
    pub since: UnixMillis,
    /// To before then.
    pub until: UnixMillis,
    /// Most points, up to [`MAX_POINTS`].
    pub points: u32,
}

impl SeriesQuery {
    /// How many milliseconds one point stands for.
    fn width(&self) -> u64 {
        let points = u64::from(self.points.clamp(1, MAX_POINTS));
        self.until.since(self.since).div_ceil(points).max(1)
    }

    fn statement(&self, columns: &str, table: &str) -> Statement {
        let mut statement = Statement::new("SELECT MIN(at) AS at, COUNT(*) AS samples, ");
        statement.push(columns);
        statement.push(&format!(
            " FROM {table} WHERE node_key = (SELECT node_key FROM p2pjob_nodes WHERE node = "
        ));
        statement.bind(self.node.to_string().as_str());
        statement.push(") AND at >= ").bind(self.since.0);
        statement.push(" AND at < ").bind(self.until.0);
        statement
            .push(" GROUP BY (at - ")
            .bind(self.since.0)
            .push(") / ")
            .bind(self.width());
        statement.push(" ORDER BY 1");
        statement
    }
}

/// `mean(name)` for each, under its name.
fn means(names: &[&str]) -> String {
    let mean = |name: &&str| format!("CAST(AVG({name}) AS DOUBLE PRECISION) AS {name}");
    names.iter().map(mean).collect::<Vec<_>>().join(", ")
}

impl History {
    /// Tasks, the newest first.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<TaskPage, HistoryError> {
        let limit = filter.limit.clamp(1, MAX_ROWS);
        let mut statement = Statement::new(TASK_COLUMNS);
        if let Some(node) = &filter.node {
            statement.push(" AND n.node = ").bind(node.to_string().as_str());
        }
        if let Some(task) = &filter.task {
            statement.push(" AND t.task = ").bind(task.to_string().as_str());
        }
        if let Some(owner) = &filter.owner {
            statement.push(" AND t.owner = ").bind(owner.as_str());
        }
        if let Some(status) = filter.status {
            let name = format!("{status:?}").to_lowercase();
            statement.push(" AND t.status = ").bind(name.as_str());
        }
        if let Some(job) = &filter.job {
            statement.push(" AND (t.job_name = ").bind(job.as_str());
            statement
                .push(" OR t.job = ")
                .bind(job.to_lowercase().as_str())
                .push(")");
        }
        if let Some(since) = filter.since {
            statement.push(" AND t.submitted_at >= ").bind(since.0);
        }
        if let Some(until) = filter.until {
            statement.push(" AND t.submitted_at < ").bind(until.0);
        }
        if let Some(after) = filter.after {
            statement.push(" AND (t.submitted_at, t.task_key) < ");
            statement.tuple([after.submitted_at.into(), after.task_key.into()]);
        }
        statement
            .push(" ORDER BY t.submitted_at DESC, t.task_key DESC LIMIT ")
            .bind(limit + 1);
        let mut tasks: Vec<TaskRow> = self.pool.fetch(statement).await.map_err(|error| self.explain(error))?;
        let more = tasks.len() > limit as usize;
        tasks.truncate(limit as usize);
        let next = tasks.last().filter(|_| more).map(|last| TaskCursor {
            submitted_at: last.submitted_at,
            task_key: last.task_key,
        });
        Ok(TaskPage { tasks, next })
    }

    /// One task of a node.
    pub async fn task(&self, node: NodeId, task: TaskId) -> Result<Option<TaskRow>, HistoryError> {
        let filter = TaskFilter {
            node: Some(node),
            task: Some(task),
            limit: 1,
            ..TaskFilter::default()
        };
        Ok(self.tasks(&filter).await?.tasks.pop())
    }

    /// Chunks of a task of a node, from index `from` on, at most `limit` (up to [`MAX_ROWS`]). Chunks that nobody was
    /// given yet are left out.
    pub async fn chunks(
        &self,
        node: NodeId,
        task: TaskId,
        from: u32,
        limit: u32,
    ) -> Result<Vec<ChunkRow>, HistoryError> {
        let mut statement = Statement::new(CHUNK_COLUMNS);
        statement.push(" AND n.node = ").bind(node.to_string().as_str());
        statement.push(" AND t.task = ").bind(task.to_string().as_str());
        statement.push(" AND c.chunk >= ").bind(from);
        statement
            .push(" ORDER BY c.chunk LIMIT ")
            .bind(limit.clamp(1, MAX_ROWS));
        self.pool.fetch(statement).await.map_err(|error| self.explain(error))
    }

    /// Load over time, the oldest first.
    pub async fn load(&self, query: &SeriesQuery) -> Result<Vec<LoadPoint>, HistoryError> {
        let averaged = means(&[
            "cpu_percent",
            "host_cpu_percent",
            "memory_bytes",
            "memory_available_bytes",
            "disk_free_bytes",
            "store_bytes",
            "running",
            "queued",
            "peers",
            "active_tasks",
            "credits",
        ]);
        let columns =
            format!("{averaged}, MAX(net_received_bytes) AS net_received_bytes, MAX(net_sent_bytes) AS net_sent_bytes");
        let statement = query.statement(&columns, "p2pjob_load");
        self.pool.fetch(statement).await.map_err(|error| self.explain(error))
    }

    /// Prices over time, the oldest first.
    pub async fn prices(&self, query: &SeriesQuery) -> Result<Vec<PricePoint>, HistoryError> {
        let statement = query.statement(&means(&["factor", "cpu", "gpu", "ram", "disk"]), "p2pjob_prices");
        self.pool.fetch(statement).await.map_err(|error| self.explain(error))
    }
}
