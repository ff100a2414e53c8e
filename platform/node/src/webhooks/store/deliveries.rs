//! What happens to deliveries on disk, each change one synced transaction.

use super::{
    BODIES, CURSOR, DEAD, DELIVERED, HOOKS, MARKS, MAX_DELIVERED, NEWEST, NewDelivery, PENDING, Store, StoreError,
    Verdict, read, set_disabled, table_of,
};
use crate::webhooks::HOOK_PREFIX;
use crate::webhooks::types::{Attempt, Delivery, DeliveryState, Disabled};
use job_model::{UnixMillis, codec};
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

/// Most deliveries that wait, over all hooks; what comes on top is a dead letter at once.
const MAX_PENDING: u64 = 20_000;
/// Attempts that are remembered of each delivery.
const MAX_ATTEMPTS_KEPT: usize = 20;

fn put(write: &WriteTransaction, delivery: &Delivery) -> Result<(), redb::Error> {
    let mut table = write.open_table(table_of(delivery.state))?;
    table.insert(delivery.number, codec::encode(delivery).as_slice())?;
    Ok(())
}

/// Takes a delivery out of a state; none if it is not in it.
fn take(write: &WriteTransaction, state: DeliveryState, number: u64) -> Result<Option<Delivery>, redb::Error> {
    let mut table = write.open_table(table_of(state))?;
    let found = table.remove(number)?;
    found.map(|bytes| read(bytes.value())).transpose()
}

impl Store {
    /// Writes the deliveries of journal records and the position after them. Answers with what is to be sent: hook, time,
    /// number.
    pub fn enqueue(
        &self,
        new: &[NewDelivery],
        cursor: u64,
        at: UnixMillis,
    ) -> Result<Vec<(String, UnixMillis, u64)>, StoreError> {
        self.change(|write| {
            let mut marks = write.open_table(MARKS)?;
            let mut number = marks.get(NEWEST)?.map_or(0, |value| value.value());
            let mut queued = Vec::new();
            for one in new {
                // Removed in the meantime.
                if write.open_table(HOOKS)?.get(one.hook.as_str())?.is_none() {
                    continue;
                }
                number += 1;
                let delivery = first_form(one, number, at, write.open_table(PENDING)?.len()? < MAX_PENDING);
                put(write, &delivery)?;
                write.open_table(BODIES)?.insert(number, one.body.as_slice())?;
                if let Some(due) = delivery.next_at {
                    queued.push((delivery.hook, due, number));
                }
            }
            marks.insert(NEWEST, number)?;
            marks.insert(CURSOR, cursor)?;
            self.forget_oldest(write)?;
            Ok(queued)
        })
    }

    /// Writes what came of an attempt. Nothing happens to a delivery that was removed meanwhile.
    pub fn record(&self, number: u64, attempt: &Attempt, verdict: &Verdict) -> Result<(), StoreError> {
        self.change(|write| {
            let Some(mut delivery) = take(write, DeliveryState::Pending, number)? else {
                return Ok(());
            };
            delivery.attempts.push(attempt.clone());
            let surplus = delivery.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
            delivery.attempts.drain(..surplus);
            delivery.next_at = None;
            delivery.failures = delivery.failures.saturating_add(u32::from(!attempt.is_success()));
            match verdict {
                Verdict::Delivered => {
                    delivery.state = DeliveryState::Delivered;
                    write.open_table(BODIES)?.remove(number)?;
                }
                Verdict::Again(due) => delivery.next_at = Some(*due),
                Verdict::Dead | Verdict::Gone => delivery.state = DeliveryState::Dead,
            }
            put(write, &delivery)?;
            if *verdict == Verdict::Gone {
                let reason = "the receiver answered 410 Gone".to_owned();
                set_disabled(write, &delivery.hook, Some(Disabled { at: attempt.at, reason }))?;
                give_up_all(write, &delivery.hook)?;
            }
            self.forget_oldest(write)
        })
    }

    /// Lets a delivery wait again, due now, with all its attempts to come. None if there is no such delivery.
    pub fn resend(&self, number: u64, at: UnixMillis) -> Result<Option<Delivery>, StoreError> {
        self.change(|write| {
            let found = match take(write, DeliveryState::Dead, number)? {
                Some(found) => Some(found),
                None => take(write, DeliveryState::Pending, number)?,
            };
            let Some(mut delivery) = found else { return Ok(None) };
            (delivery.state, delivery.failures, delivery.next_at) = (DeliveryState::Pending, 0, Some(at));
            put(write, &delivery)?;
            Ok(Some(delivery))
        })
    }

    /// Keeps dead letters and taken messages within their numbers; the oldest go first.
    fn forget_oldest(&self, write: &WriteTransaction) -> Result<(), redb::Error> {
        for (state, most) in [(DEAD, self.max_dead), (DELIVERED, MAX_DELIVERED)] {
            let mut table = write.open_table(state)?;
            while table.len()? > most {
                let oldest = table.pop_first()?.map(|(number, _)| number.value());
                let Some(number) = oldest else { break };
                write.open_table(BODIES)?.remove(number)?;
            }
        }
        Ok(())
    }
}

fn first_form(new: &NewDelivery, number: u64, at: UnixMillis, room: bool) -> Delivery {
    let id = format!("msg_{}_{number}", new.hook.trim_start_matches(HOOK_PREFIX));
    let full = Attempt {
        at,
        duration_ms: 0,
        status: None,
        error: Some(format!("not sent: {MAX_PENDING} deliveries wait already")),
        answer: String::new(),
        retry_after_ms: None,
    };
    Delivery {
        id,
        number,
        hook: new.hook.clone(),
        event: new.event,
        task: new.task,
        seq: new.seq,
        created_at: at,
        state: if room {
            DeliveryState::Pending
        } else {
            DeliveryState::Dead
        },
        failures: 0,
        next_at: room.then_some(at),
        attempts: if room { Vec::new() } else { vec![full] },
    }
}

/// Everything that waits for a hook becomes a dead letter.
fn give_up_all(write: &WriteTransaction, hook: &str) -> Result<(), redb::Error> {
    let mut waiting: Vec<Delivery> = Vec::new();
    {
        let pending = write.open_table(PENDING)?;
        for row in pending.iter()? {
            let delivery: Delivery = read(row?.1.value())?;
            if delivery.hook == hook {
                waiting.push(delivery);
            }
        }
    }
    for mut delivery in waiting {
        take(write, DeliveryState::Pending, delivery.number)?;
        (delivery.state, delivery.next_at) = (DeliveryState::Dead, None);
        put(write, &delivery)?;
    }
    Ok(())
}
