//! What differs between SQLite and PostgreSQL: connecting, running a statement, migrations, giving space back.

use crate::location::{Place, Target};
use crate::statement::{Statement, Value};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, FromRow, PgConnection, PgPool, Postgres, Sqlite, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// Connections of one node: the recorder and a few readers.
const MAX_CONNECTIONS: u32 = 4;
/// How long a free connection, or a new one, is waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections without work are closed after this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long SQLite waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// SQLite's page cache per connection, in KiB (negative means KiB).
const SQLITE_CACHE: &str = "-4096";
/// Free pages that SQLite gives back at once after a prune.
const VACUUM_PAGES: &str = "PRAGMA incremental_vacuum(10000)";
/// The table that says which migrations ran; not sqlx's default, which another program may use in the same database.
const VERSIONS: &str = "p2pjob_history_versions";

/// Connections to one of the two.
#[derive(Clone)]
pub enum Pool {
    /// SQLite.
    Sqlite(SqlitePool),
    /// PostgreSQL.
    Postgres(PgPool),
}

/// A row that both can give.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for R {}

macro_rules! bound {
    ($query:expr, $statement:expr) => {{
        let mut query = $query.persistent($statement.kept);
        for value in $statement.values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Real(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query
    }};
}

fn sqlite_migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("migrations/sqlite");
    migrations.dangerous_set_table_name(VERSIONS);
    migrations
}

fn postgres_migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("migrations/postgres");
    migrations.dangerous_set_table_name(VERSIONS);
    migrations
}

fn sqlite_options(path: &Path, write: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", SQLITE_CACHE)
        .disable_statement_logging();
    if write {
        options
            .create_if_missing(true)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
    } else {
        options.read_only(true)
    }
}

/// A new file only for its owner: it tells what was computed for whom. SQLite gives its other files the same mode.
fn make_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    if let Err(error) = made
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        // SQLite meets the same and says it in its own words.
        tracing::debug!(%error, "the history's file cannot be made");
    }
}

async fn postgres_pool(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    let options = options.disable_statement_logging();
    // A pool retries until its time is over and forgets why; one connection of our own says it.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
    let first = first.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    // Nothing was done on it yet.
    let _ = first.close().await;
    Ok(PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .connect_lazy_with(options))
}

impl Pool {
    /// Connects once, to see that it works.
    pub async fn connect(target: &Target, write: bool) -> Result<Self, sqlx::Error> {
        match &target.place {
            Place::Sqlite(path) => {
                if write {
                    make_private(path);
                }
                let pool = SqlitePoolOptions::new()
                    .max_connections(MAX_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .idle_timeout(IDLE_TIMEOUT)
                    .connect_with(sqlite_options(path, write));
                Ok(Self::Sqlite(pool.await?))
            }
            Place::Postgres(options) => Ok(Self::Postgres(postgres_pool((**options).clone()).await?)),
        }
    }

    /// Brings the tables up to date. Several nodes may do so at once: the migrator locks PostgreSQL, but not SQLite, where
    /// a transaction that may write from its start keeps the others waiting.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(pool) => {
                let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
                sqlite_migrations().run_direct(None, &mut *alone, false).await?;
                Ok(alone.commit().await?)
            }
            Self::Postgres(pool) => postgres_migrations().run(pool).await,
        }
    }

    /// The version this program writes.
    pub fn wanted_version() -> i64 {
        let migrations = sqlite_migrations();
        migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// The version that is there; none where nothing was written.
    pub async fn version(&self) -> Result<Option<i64>, sqlx::Error> {
        let exists = match self {
            Self::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE name = ",
            Self::Postgres(_) => {
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = "
            }
        };
        let mut statement = Statement::new(exists);
        statement.bind(VERSIONS);
        let found: Vec<(i64,)> = self.fetch(statement).await?;
        if found.iter().all(|(count,)| *count == 0) {
            return Ok(None);
        }
        let newest: Vec<(Option<i64>,)> = self
            .fetch(Statement::new(&format!("SELECT MAX(version) FROM {VERSIONS}")))
            .await?;
        Ok(newest.into_iter().find_map(|(version,)| version))
    }

    /// Runs a query.
    pub async fn fetch<R: Row>(&self, statement: Statement) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                bound!(
                    sqlx::query_as::<Sqlite, R>(AssertSqlSafe(statement.sqlite_text())),
                    statement
                )
                .fetch_all(pool)
                .await
            }
            Self::Postgres(pool) => {
                bound!(
                    sqlx::query_as::<Postgres, R>(AssertSqlSafe(statement.postgres_text())),
                    statement
                )
                .fetch_all(pool)
                .await
            }
        }
    }

    /// Begins a transaction; dropped without [`Transaction::commit`], it never was.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Gives the space of deleted rows back to the disk. PostgreSQL does so by itself (autovacuum).
    pub async fn give_space_back(&self) -> Result<(), sqlx::Error> {
        if let Self::Sqlite(pool) = self {
            sqlx::query(VACUUM_PAGES).execute(pool).await?;
        }
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction on either.
pub enum Transaction {
    /// SQLite.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Runs a statement; how many rows it touched.
    pub async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(inner) => {
                let query = bound!(sqlx::query::<Sqlite>(AssertSqlSafe(statement.sqlite_text())), statement);
                Ok(query.execute(&mut **inner).await?.rows_affected())
            }
            Self::Postgres(inner) => {
                let query = bound!(
                    sqlx::query::<Postgres>(AssertSqlSafe(statement.postgres_text())),
                    statement
                );
                Ok(query.execute(&mut **inner).await?.rows_affected())
            }
        }
    }

    /// Runs a query.
    pub async fn fetch<R: Row>(&mut self, statement: Statement) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Sqlite(inner) => {
                let query = bound!(
                    sqlx::query_as::<Sqlite, R>(AssertSqlSafe(statement.sqlite_text())),
                    statement
                );
                query.fetch_all(&mut **inner).await
            }
            Self::Postgres(inner) => {
                let query = bound!(
                    sqlx::query_as::<Postgres, R>(AssertSqlSafe(statement.postgres_text())),
                    statement
                );
                query.fetch_all(&mut **inner).await
            }
        }
    }

    /// Keeps what was done.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(inner) => inner.commit().await,
            Self::Postgres(inner) => inner.commit().await,
        }
    }
}
