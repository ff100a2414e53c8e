//! The small steps `apply` is made of: each keeps one cross-reference of the state in order.

use crate::judge::Bench;
use crate::options::SchedulerOptions;
use crate::state::{ChunkState, Phase, ReplicaState, Task};
use crate::workers::{NodeIx, Nodes};
use job_model::event::ReplicaResult;
use job_model::{MicroCredits, TaskId};

/// Open chunks on which the node has or had a replica.
pub(crate) fn open_chunks_of(task: &Task, node: NodeIx) -> Vec<u32> {
    let touched = |chunk: &ChunkState| chunk.is_open() && chunk.replicas.iter().any(|r| r.node == node);
    task.chunks
        .iter()
        .enumerate()
        .filter(|(_, chunk)| touched(chunk))
        .map(|(at, _)| at as u32)
        .collect()
}

/// Puts a chunk where it belongs in the waiting queue.
pub(crate) fn reindex(options: &SchedulerOptions, nodes: &Nodes, id: &TaskId, task: &mut Task, index: u32) {
    let Some(chunk) = task.chunks.get_mut(index as usize) else {
        return;
    };
    let bench = Bench {
        options,
        nodes,
        task: id,
        config: &task.spec.config,
    };
    let key = if chunk.is_open() && !task.phase.is_final() {
        bench.group(index, chunk)
    } else {
        None
    };
    if let Some(number) = chunk.group {
        if key.as_ref() == task.queue.key(number) {
            return;
        }
        task.queue.remove(number, index);
    }
    chunk.group = key.map(|key| task.queue.insert(key, index));
}

/// Takes a running replica off its worker's books.
pub(crate) fn take_off(nodes: &mut Nodes, task: &mut Task, id: &TaskId, index: u32, attempt: u32) {
    let Some(replica) = task.replica(index, attempt) else {
        return;
    };
    let (node, cost) = (replica.node, u64::from(replica.cost_us));
    let priority = task.spec.config.priority as usize;
    task.replicas.running -= 1;
    let worker = nodes.get_mut(node);
    worker.flight[priority] -= 1;
    worker.load_us[priority] -= cost;
    if let Some(running) = worker.running.get_mut(id) {
        running.remove(&(index, attempt));
        if running.is_empty() {
            worker.running.remove(id);
        }
    }
    if worker.running.is_empty() {
        worker.stall_at = None;
    }
}

/// Gives back what was held for a replica that is not judged.
pub(crate) fn release(nodes: &mut Nodes, task: &mut Task, node: NodeIx, hold: MicroCredits) {
    task.held -= hold;
    task.held_open -= hold;
    nodes.get_mut(node).credit += hold;
}

/// Gives back all that is held for replicas that will not be judged: the task ends.
pub(crate) fn release_undecided(nodes: &mut Nodes, task: &mut Task) {
    for chunk in task.chunks.iter_mut().filter(|chunk| chunk.is_open()) {
        for replica in &mut chunk.replicas {
            if let ReplicaState::Finished(finished) = &mut replica.state
                && !finished.released
            {
                finished.released = true;
                task.held -= replica.hold;
                task.held_open -= replica.hold;
                nodes.get_mut(replica.node).credit += replica.hold;
            }
        }
    }
}

pub(crate) fn set_state(task: &mut Task, index: u32, attempt: u32, state: ReplicaState) {
    if let Some(replica) = task
        .chunks
        .get_mut(index as usize)
        .and_then(|c| c.replicas.get_mut(attempt as usize))
    {
        replica.state = state;
    }
}

/// The oldest running replica that is not hedged is hedged now.
pub(crate) fn mark_hedged(chunk: &mut ChunkState) {
    for replica in &mut chunk.replicas {
        if let ReplicaState::Running { hedged: hedged @ false } = &mut replica.state {
            *hedged = true;
            return;
        }
    }
}

pub(crate) fn add_usage(task: &mut Task, result: &ReplicaResult) {
    let (sum, one) = (&mut task.usage, &result.usage);
    sum.fuel = sum.fuel.saturating_add(one.fuel);
    sum.input_bytes = sum.input_bytes.saturating_add(one.input_bytes);
    sum.output_bytes = sum.output_bytes.saturating_add(one.output_bytes);
    sum.memory_bytes = sum.memory_bytes.max(one.memory_bytes);
    sum.wall_us = sum.wall_us.saturating_add(one.wall_us);
}

pub(crate) fn enter_reducing(task: &mut Task) {
    if task.phase == Phase::Open && task.undecided() == 0 && task.counts.failed == 0 {
        task.phase = Phase::Reducing;
    }
}
