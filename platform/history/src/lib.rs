//! What a node remembers beyond its journal (G8): every task and chunk, and samples of load and prices, in SQLite or
//! PostgreSQL. The only crate that knows sqlx.
//!
//! A [`History`] owns a pool of connections and no other state. Rows come in as a [`Batch`] with the journal position
//! they were made from, written in one transaction together with that position: after a crash the recorder reads the
//! position and goes on there, so every event counts exactly once. What differs between the two databases is in
//! `dialect`, and nowhere else.

mod batch;
mod dialect;
mod error;
mod export;
mod location;
mod prune;
mod query;
mod record;
mod rows;
mod statement;

pub use batch::{Batch, ChunkChange, ChunkState, LoadSample, PriceSample, Submitted, TaskChange, TaskEnd};
pub use error::{ErrorClass, HistoryError};
pub use export::{Export, ExportError, ExportFormat, ExportKind};
pub use location::url_of;
pub use prune::{Pruned, Retention};
pub use query::{MAX_POINTS, MAX_ROWS, SeriesQuery, TaskCursor, TaskFilter, TaskPage};
pub use record::{OpenTask, Resume};
pub use rows::{ChunkRow, LoadPoint, LoadRow, PricePoint, PriceRow, TaskRow};

use dialect::Pool;
use location::Target;
use std::sync::Arc;

/// A history database. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct History {
    pool: Pool,
    target: Arc<Target>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("History").field(&self.target.shown()).finish()
    }
}

impl History {
    /// Opens `sqlite:PATH` (made if missing) or `postgres://USER:PASSWORD@HOST/DATABASE` and brings its tables up to
    /// date. Fails when the URL is wrong, the server does not answer, or it refuses.
    pub async fn open(url: &str) -> Result<Self, HistoryError> {
        let target = Arc::new(Target::parse(url)?);
        let pool = Pool::connect(&target, true)
            .await
            .map_err(|error| target.explain(error))?;
        pool.migrate().await.map_err(|error| target.explain(error.into()))?;
        Ok(Self { pool, target })
    }

    /// Opens a database that a node has made, to read it; makes and changes nothing.
    pub async fn attach(url: &str) -> Result<Self, HistoryError> {
        let target = Arc::new(Target::parse(url)?);
        target.must_exist()?;
        let pool = Pool::connect(&target, false)
            .await
            .map_err(|error| target.explain(error))?;
        let found = pool.version().await.map_err(|error| target.explain(error))?;
        match found {
            None => Err(HistoryError::Missing { target: target.shown() }),
            Some(version) if version == Pool::wanted_version() => Ok(Self { pool, target }),
            Some(version) => Err(HistoryError::Schema {
                target: target.shown(),
                why: format!("has version {version}, this program needs {}", Pool::wanted_version()),
            }),
        }
    }

    /// The database as it may be shown: without its password.
    pub fn shown(&self) -> String {
        self.target.shown()
    }

    /// Ends all connections. Later calls fail with an "unreachable" error.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn explain(&self, error: sqlx::Error) -> HistoryError {
        self.target.explain(error)
    }
}

#[cfg(test)]
mod tests;
