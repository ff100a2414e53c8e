/**
 * The whole node as its events tell it: tasks by status, chunks per second, jobs, quotes, settlements, distrusted nodes.
 * `reduce(state, event)` owns the state it is given and returns it (see task.ts). Chunk tables of ended tasks are dropped,
 * and the oldest ended tasks are forgotten, so memory stays bounded however long a page is open.
 */

import type { EventView, TaskStatus } from './event';
import { dropTable, reduceTask } from './task';
import { isFinal, newTask, type TaskState } from './task-state';
import { Cell } from './chunks';

/** Most tasks that are remembered; the oldest ended ones go first. */
export const MAX_TASKS = 2000;
/** Ended tasks whose chunks are still remembered one by one. */
const MAX_TABLES = 8;
/** Seconds of the chunk rate that are remembered. */
export const RATE_SECONDS = 300;
/** Newest settlements, distrusted nodes and events that are listed. */
const MAX_RECENT = 100;

export interface TaskSummary {
  id: string;
  status: TaskStatus;
  job: string;
  jobName: string;
  owner: string;
  priority: string;
  submittedAt: number | null;
  endedAt: number | null;
  chunks: number;
  accepted: number;
  recalled: number;
  failed: number;
  running: number;
  posted: number;
  held: number;
  liars: number;
  partial: boolean;
}
export interface JobNote {
  job: string;
  name: string;
  version: string;
  size: number;
  publisher: string;
  at: number;
}
export interface QuoteNote {
  worker: string;
  quote: number;
  cpu: number;
  ram: number;
  disk: number;
  slots: number;
  at: number;
}
export interface SettlementNote {
  at: number;
  peer: string;
  seq: number;
  amount: number;
}
export interface DistrustNote {
  node: string;
  task: string;
  chunk: number;
  at: number;
}

export interface NetworkState {
  version: number;
  lastSeq: number;
  /** Events were missed: before the first one seen, or between. */
  partial: boolean;
  gaps: number;
  events: number;
  tasks: Map<string, TaskState>;
  /** Ended tasks that still have their tables, oldest first. */
  ended: string[];
  /** Tasks by status among those remembered. */
  byStatus: Record<TaskStatus, number>;
  jobs: Map<string, JobNote>;
  quotes: Map<string, QuoteNote>;
  settlements: { signed: number; proposed: number; earned: number; spent: number; recent: SettlementNote[] };
  distrusted: Map<string, DistrustNote>;
  /** Decided chunks per second of the newest seconds, by second modulo RATE_SECONDS. */
  rate: { counts: Uint32Array; newest: number };
  chunksDecided: number;
}

export function newNetwork(): NetworkState {
  return {
    version: 0,
    lastSeq: 0,
    partial: false,
    gaps: 0,
    events: 0,
    tasks: new Map(),
    ended: [],
    byStatus: { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 },
    jobs: new Map(),
    quotes: new Map(),
    settlements: { signed: 0, proposed: 0, earned: 0, spent: 0, recent: [] },
    distrusted: new Map(),
    rate: { counts: new Uint32Array(RATE_SECONDS), newest: 0 },
    chunksDecided: 0,
  };
}

/** Applies one event. Events seen before change nothing. */
export function reduce(state: NetworkState, event: EventView): NetworkState {
  if (event.seq <= state.lastSeq) return state;
  if (event.seq !== state.lastSeq + 1) {
    state.partial = true;
    if (state.lastSeq !== 0) state.gaps += 1;
  }
  state.lastSeq = event.seq;
  state.version += 1;
  state.events += 1;
  if ('task' in event && event.task !== undefined) applyTask(state, event.task, event);
  switch (event.type) {
    case 'job_published': {
      const { job, name, version, size, publisher, at } = event;
      state.jobs.set(job, { job, name, version, size, publisher, at });
      break;
    }
    case 'quote_received': {
      const { worker, quote, cpu, ram, disk, slots, at } = event;
      state.quotes.set(worker, { worker, quote, cpu, ram, disk, slots, at });
      break;
    }
    case 'chunks_recalled':
    case 'chunks_verified':
      count(state, event.at, event.chunks.length);
      break;
    case 'node_distrusted':
      if (!state.distrusted.has(event.node)) {
        const { node, task, chunk, at } = event;
        state.distrusted.set(node, { node, task, chunk, at });
      }
      break;
    case 'settlement_proposed':
      state.settlements.proposed += 1;
      break;
    case 'settlement_signed':
      signed(state, { at: event.at, peer: event.peer, seq: event.seq_in_chain, amount: event.amount });
      break;
  }
  return state;
}

function applyTask(state: NetworkState, id: string, event: EventView): void {
  let task = state.tasks.get(id);
  if (task === undefined) {
    task = newTask(id);
    state.tasks.set(id, task);
    state.byStatus[task.status] += 1;
    if (state.tasks.size > MAX_TASKS) forgetOldest(state);
  }
  const before = task.status;
  reduceTask(task, event);
  if (task.status === before) return;
  state.byStatus[before] -= 1;
  state.byStatus[task.status] += 1;
  if (!isFinal(task.status)) return;
  state.ended.push(id);
  while (state.ended.length > MAX_TABLES) {
    const oldest = state.tasks.get(state.ended.shift() ?? '');
    if (oldest !== undefined) dropTable(oldest);
  }
}

/** Makes room: ended tasks first, else the oldest. */
function forgetOldest(state: NetworkState): void {
  let victim: TaskState | undefined;
  for (const task of state.tasks.values()) {
    victim ??= task;
    if (isFinal(task.status)) {
      victim = task;
      break;
    }
  }
  if (victim === undefined) return;
  state.tasks.delete(victim.id);
  state.byStatus[victim.status] -= 1;
}

function signed(state: NetworkState, note: SettlementNote): void {
  const { settlements } = state;
  settlements.signed += 1;
  if (note.amount > 0) settlements.earned += note.amount;
  else settlements.spent -= note.amount;
  settlements.recent.push(note);
  if (settlements.recent.length > MAX_RECENT) settlements.recent.shift();
}

function count(state: NetworkState, at: number, chunks: number): void {
  const { rate } = state;
  const second = Math.floor(at / 1000);
  state.chunksDecided += chunks;
  if (second > rate.newest) {
    const fresh = Math.min(RATE_SECONDS, second - rate.newest);
    for (let back = 0; back < fresh; back += 1) rate.counts[(second - back) % RATE_SECONDS] = 0;
    rate.newest = second;
  }
  if (second <= rate.newest - RATE_SECONDS) return;
  const slot = second % RATE_SECONDS;
  rate.counts[slot] = (rate.counts[slot] as number) + chunks;
}

/** Decided chunks of each of the last `seconds` whole seconds before `now` (unix ms), oldest first. */
export function chunkRate(state: NetworkState, now: number, seconds: number): number[] {
  const end = Math.floor(now / 1000);
  const { counts, newest } = state.rate;
  const rates: number[] = [];
  for (let second = end - Math.min(seconds, RATE_SECONDS); second < end; second += 1) {
    const known = second <= newest && second > newest - RATE_SECONDS;
    rates.push(known ? (counts[second % RATE_SECONDS] as number) : 0);
  }
  return rates;
}

/** A task in one line, for lists. */
export function summaryOf(task: TaskState): TaskSummary {
  const counts = task.chunks?.counts ?? task.counts;
  return {
    id: task.id,
    status: task.status,
    job: task.job,
    jobName: task.jobName,
    owner: task.owner,
    priority: task.priority,
    submittedAt: task.submittedAt,
    endedAt: task.endedAt,
    chunks: task.total,
    accepted: counts?.[Cell.accepted] ?? 0,
    recalled: counts?.[Cell.recalled] ?? 0,
    failed: counts?.[Cell.failed] ?? 0,
    running: task.replicas.running,
    posted: task.posted,
    held: task.held,
    liars: task.liars.size,
    partial: task.partial,
  };
}
