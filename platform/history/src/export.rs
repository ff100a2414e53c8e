//! Export: one table as lines of JSON or as CSV, read page by page, never whole.

use crate::History;
use crate::dialect::Row;
use crate::error::HistoryError;
use crate::query::{CHUNK_COLUMNS, TASK_COLUMNS};
use crate::rows::{ChunkRow, Exported, LoadRow, PriceRow, TaskRow};
use crate::statement::Statement;
use job_model::{NodeId, UnixMillis};
use std::io::Write;

/// Rows that are in memory at once.
const PAGE_ROWS: u32 = 1_000;

/// What to export.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExportKind {
    /// Tasks, by submit time.
    Tasks,
    /// Chunks, by the time of their last change.
    Chunks,
    /// Samples of load.
    Load,
    /// Samples of prices.
    Prices,
}

/// As what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExportFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// RFC 4180, with a line of names first.
    Csv,
}

/// An export.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Export {
    /// What.
    pub kind: ExportKind,
    /// As what.
    pub format: ExportFormat,
    /// Of this node only.
    pub node: Option<NodeId>,
    /// From then on.
    pub since: Option<UnixMillis>,
    /// To before then.
    pub until: Option<UnixMillis>,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Where it was to be written.
    #[error("cannot write the export: {0}")]
    Write(#[from] std::io::Error),
}

impl Export {
    /// The conditions that all kinds share, on this column.
    fn narrow(&self, statement: &mut Statement, time: &str) {
        if let Some(node) = &self.node {
            statement.push(" AND n.node = ").bind(node.to_string().as_str());
        }
        if let Some(since) = self.since {
            statement.push(&format!(" AND {time} >= ")).bind(since.0);
        }
        if let Some(until) = self.until {
            statement.push(&format!(" AND {time} < ")).bind(until.0);
        }
    }
}

/// A page of a table: which rows come after a row, or first.
type NextPage<R> = fn(&Export, Option<&R>) -> Statement;

fn task_page(export: &Export, last: Option<&TaskRow>) -> Statement {
    let mut statement = Statement::new(TASK_COLUMNS);
    export.narrow(&mut statement, "t.submitted_at");
    if let Some(last) = last {
        statement.push(" AND (t.submitted_at, t.task_key) > ");
        statement.tuple([last.submitted_at.into(), last.task_key.into()]);
    }
    statement
        .push(" ORDER BY t.submitted_at, t.task_key LIMIT ")
        .bind(PAGE_ROWS);
    statement
}

fn chunk_page(export: &Export, last: Option<&ChunkRow>) -> Statement {
    let mut statement = Statement::new(CHUNK_COLUMNS);
    export.narrow(&mut statement, "c.changed_at");
    if let Some(last) = last {
        statement.push(" AND (c.task_key, c.chunk) > ");
        statement.tuple([last.task_key.into(), last.chunk.into()]);
    }
    statement.push(" ORDER BY c.task_key, c.chunk LIMIT ").bind(PAGE_ROWS);
    statement
}

fn sample_page<R: Exported>(export: &Export, table: &str, last: Option<(&str, i64)>) -> Statement {
    // The first two columns are the node's name and the time.
    let columns = R::COLUMNS.iter().skip(1).map(|name| format!(", s.{name}"));
    let columns: String = columns.collect();
    let mut statement = Statement::new(&format!(
        "SELECT n.node{columns} FROM {table} s JOIN p2pjob_nodes n ON n.node_key = s.node_key WHERE 1 = 1"
    ));
    export.narrow(&mut statement, "s.at");
    if let Some((node, at)) = last {
        statement.push(" AND (n.node, s.at) > ");
        statement.tuple([node.into(), at.into()]);
    }
    statement.push(" ORDER BY n.node, s.at LIMIT ").bind(PAGE_ROWS);
    statement
}

fn load_page(export: &Export, last: Option<&LoadRow>) -> Statement {
    sample_page::<LoadRow>(export, "p2pjob_load", last.map(|row| (row.node.as_str(), row.at)))
}

fn price_page(export: &Export, last: Option<&PriceRow>) -> Statement {
    sample_page::<PriceRow>(export, "p2pjob_prices", last.map(|row| (row.node.as_str(), row.at)))
}

impl History {
    /// Writes one table; how many rows.
    pub async fn export(&self, export: &Export, writer: &mut (dyn Write + Send)) -> Result<u64, ExportError> {
        match export.kind {
            ExportKind::Tasks => self.export_rows::<TaskRow>(export, task_page, writer).await,
            ExportKind::Chunks => self.export_rows::<ChunkRow>(export, chunk_page, writer).await,
            ExportKind::Load => self.export_rows::<LoadRow>(export, load_page, writer).await,
            ExportKind::Prices => self.export_rows::<PriceRow>(export, price_page, writer).await,
        }
    }

    async fn export_rows<R: Row + Exported>(
        &self,
        export: &Export,
        next_page: NextPage<R>,
        writer: &mut (dyn Write + Send),
    ) -> Result<u64, ExportError> {
        if export.format == ExportFormat::Csv {
            writeln!(writer, "{}", R::COLUMNS.join(","))?;
        }
        let mut written = 0;
        let mut last: Option<R> = None;
        loop {
            let page: Vec<R> = self
                .pool
                .fetch(next_page(export, last.as_ref()))
                .await
                .map_err(|error| self.explain(error))?;
            for row in &page {
                write_row(row, export.format, writer)?;
            }
            written += page.len() as u64;
            let full = page.len() == PAGE_ROWS as usize;
            last = page.into_iter().last();
            if !full {
                writer.flush()?;
                return Ok(written);
            }
        }
    }
}

fn write_row<R: Exported>(row: &R, format: ExportFormat, writer: &mut (dyn Write + Send)) -> std::io::Result<()> {
    match format {
        ExportFormat::Jsonl => {
            serde_json::to_writer(&mut *writer, row)?;
            writeln!(writer)
        }
        ExportFormat::Csv => {
            let mut line = String::new();
            row.cells(&mut |cell| {
                cell.write(&mut line);
                line.push(',');
            });
            // Each value has its comma; the last one ends the line instead.
            line.pop();
            writeln!(writer, "{line}")
        }
    }
}
