//! Hooks and deliveries on disk: a database of its own (redb, mode 0600: it holds the secrets).
//!
//! Every change is one synced transaction: the deliveries of journal records are written together with the position up to
//! which the journal was read, so that after a crash each event has one delivery per hook, and each delivery goes on.

mod deliveries;

use super::types::{Delivery, DeliveryPage, DeliveryState, Disabled, Hook, HookEvent};
use job_model::{TaskId, UnixMillis, codec};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

type Numbered = TableDefinition<'static, u64, &'static [u8]>;

const HOOKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("hooks");
const PENDING: Numbered = TableDefinition::new("pending");
const DEAD: Numbered = TableDefinition::new("dead");
const DELIVERED: Numbered = TableDefinition::new("delivered");
const BODIES: Numbered = TableDefinition::new("bodies");
const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("marks");

/// The journal position that is read next.
const CURSOR: &str = "cursor";
/// The number of the newest delivery.
const NEWEST: &str = "newest";

/// Most hooks.
pub const MAX_HOOKS: u64 = 100;
/// Taken messages that are remembered.
const MAX_DELIVERED: u64 = 500;
/// Largest record that is read back, in bytes.
const MAX_RECORD_BYTES: usize = 1 << 20;
/// Memory redb may use for its page cache, in bytes: few nodes have hooks.
const CACHE_BYTES: usize = 1 << 20;

/// Why the database cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("webhooks {path}: {why}; if the disk is full, free some space; otherwise restore or remove the file")]
pub struct StoreError {
    /// The file.
    pub path: PathBuf,
    /// What happened.
    pub why: String,
}

/// A delivery to be made.
pub struct NewDelivery {
    /// The hook.
    pub hook: String,
    /// What happened.
    pub event: HookEvent,
    /// To which task.
    pub task: TaskId,
    /// Position of the event in the journal.
    pub seq: u64,
    /// The JSON.
    pub body: Vec<u8>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// Try again then.
    Again(UnixMillis),
    /// Given up.
    Dead,
    /// Given up, and the hook gets nothing more.
    Gone,
}

/// The database.
#[derive(Debug)]
pub struct Store {
    database: Database,
    path: PathBuf,
    max_dead: u64,
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, redb::Error> {
    codec::decode(bytes, MAX_RECORD_BYTES).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn table_of(state: DeliveryState) -> Numbered {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Dead => DEAD,
        DeliveryState::Delivered => DELIVERED,
    }
}

impl Store {
    /// Opens or creates the file.
    pub fn open(path: &Path, max_dead_letters: u32) -> Result<Self, StoreError> {
        let fail = |why: String| StoreError {
            path: path.to_owned(),
            why,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path);
        let file = file.map_err(|error| fail(error.to_string()))?;
        let owner_only = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        owner_only.map_err(|error| fail(error.to_string()))?;
        drop(file);
        let database = redb::Builder::new().set_cache_size(CACHE_BYTES).create(path);
        let store = Self {
            database: database.map_err(|error| fail(error.to_string()))?,
            path: path.to_owned(),
            max_dead: u64::from(max_dead_letters),
        };
        store.change(|write| {
            write.open_table(HOOKS)?;
            write.open_table(MARKS)?;
            for table in [PENDING, DEAD, DELIVERED, BODIES] {
                write.open_table(table)?;
            }
            Ok(())
        })?;
        Ok(store)
    }

    fn fail(&self, error: impl std::fmt::Display) -> StoreError {
        StoreError {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }

    fn change<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let write = self.database.begin_write().map_err(|error| self.fail(error))?;
        let value = work(&write).map_err(|error| self.fail(error))?;
        write.commit().map_err(|error| self.fail(error))?;
        Ok(value)
    }

    fn look<T>(&self, work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let read = self.database.begin_read().map_err(|error| self.fail(error))?;
        work(&read).map_err(|error| self.fail(error))
    }

    /// All hooks, by id.
    pub fn hooks(&self) -> Result<Vec<Hook>, StoreError> {
        self.look(|transaction| {
            let table = transaction.open_table(HOOKS)?;
            table.iter()?.map(|row| read(row?.1.value())).collect()
        })
    }

    /// One hook.
    pub fn hook(&self, id: &str) -> Result<Option<Hook>, StoreError> {
        self.look(|transaction| {
            let table = transaction.open_table(HOOKS)?;
            table.get(id)?.map(|bytes| read(bytes.value())).transpose()
        })
    }

    /// The journal position that is read next.
    pub fn cursor(&self) -> Result<u64, StoreError> {
        self.look(|transaction| {
            let found = transaction.open_table(MARKS)?.get(CURSOR)?;
            Ok(found.map_or(1, |value| value.value()))
        })
    }

    /// Adds a hook; false when there are too many. The first one sets the journal position to its own.
    pub fn add_hook(&self, hook: &Hook) -> Result<bool, StoreError> {
        self.change(|write| {
            let mut hooks = write.open_table(HOOKS)?;
            let count = hooks.len()?;
            if count >= MAX_HOOKS {
                return Ok(false);
            }
            hooks.insert(hook.id.as_str(), codec::encode(hook).as_slice())?;
            if count == 0 {
                write.open_table(MARKS)?.insert(CURSOR, hook.from_seq)?;
            }
            Ok(true)
        })
    }

    /// Forgets a hook and all its deliveries; false when there is none.
    pub fn remove_hook(&self, id: &str) -> Result<bool, StoreError> {
        self.change(|write| {
            if write.open_table(HOOKS)?.remove(id)?.is_none() {
                return Ok(false);
            }
            let mut bodies = write.open_table(BODIES)?;
            for state in DeliveryState::ALL {
                let mut table = write.open_table(table_of(state))?;
                let mut of_hook = Vec::new();
                for row in table.iter()? {
                    let (number, bytes) = row?;
                    if read::<Delivery>(bytes.value())?.hook == id {
                        of_hook.push(number.value());
                    }
                }
                for number in of_hook {
                    table.remove(number)?;
                    bodies.remove(number)?;
                }
            }
            Ok(true)
        })
    }

    /// Says why a hook gets nothing more, or that it gets messages again.
    pub fn set_disabled(&self, id: &str, disabled: Option<Disabled>) -> Result<(), StoreError> {
        self.change(|write| set_disabled(write, id, disabled))
    }

    /// What waits: hook, time, number.
    pub fn pending(&self) -> Result<Vec<(String, UnixMillis, u64)>, StoreError> {
        self.look(|transaction| {
            let mut found = Vec::new();
            for row in transaction.open_table(PENDING)?.iter()? {
                let delivery: Delivery = read(row?.1.value())?;
                found.push((delivery.hook, delivery.next_at.unwrap_or_default(), delivery.number));
            }
            Ok(found)
        })
    }

    /// What one delivery needs: itself, its hook, its body. None if it does not wait any more.
    pub fn to_send(&self, number: u64) -> Result<Option<(Delivery, Hook, Vec<u8>)>, StoreError> {
        self.look(|transaction| {
            let Some(bytes) = transaction.open_table(PENDING)?.get(number)? else {
                return Ok(None);
            };
            let delivery: Delivery = read(bytes.value())?;
            let hooks = transaction.open_table(HOOKS)?;
            let (hook, body) = (
                hooks.get(delivery.hook.as_str())?,
                transaction.open_table(BODIES)?.get(number)?,
            );
            let (Some(hook), Some(body)) = (hook, body) else {
                return Ok(None);
            };
            Ok(Some((delivery, read(hook.value())?, body.value().to_vec())))
        })
    }

    /// Deliveries of one state or all, newest first, with numbers below `before`.
    pub fn page(
        &self,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let end = before.unwrap_or(u64::MAX);
        let mut items = self.look(|transaction| {
            let mut found: Vec<Delivery> = Vec::new();
            for state in DeliveryState::ALL
                .into_iter()
                .filter(|one| state.is_none_or(|wanted| wanted == *one))
            {
                let table = transaction.open_table(table_of(state))?;
                for row in table.range(..end)?.rev().take(limit.saturating_add(1)) {
                    found.push(read(row?.1.value())?);
                }
            }
            Ok(found)
        })?;
        items.sort_by_key(|delivery| std::cmp::Reverse(delivery.number));
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|delivery| delivery.number);
        Ok(DeliveryPage { items, next })
    }
}

fn set_disabled(write: &WriteTransaction, id: &str, disabled: Option<Disabled>) -> Result<(), redb::Error> {
    let mut hooks = write.open_table(HOOKS)?;
    let found = hooks.get(id)?.map(|bytes| read::<Hook>(bytes.value())).transpose()?;
    if let Some(mut hook) = found {
        hook.disabled = disabled;
        hooks.insert(id, codec::encode(&hook).as_slice())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
