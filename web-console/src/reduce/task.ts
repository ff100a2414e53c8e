/**
 * One task as its events tell it. `reduceTask(state, event)` owns the state it is given and returns it: the typed arrays
 * inside are written in place and `version` grows, so nobody may keep reading an older value. It reads no clock and
 * touches nothing else. Events it has seen (`seq` not above the last) change nothing; what it cannot know because events
 * are missing sets `partial`. It mirrors the scheduler's `apply`.
 */

import { Batches } from './batches';
import { Cell, ChunkTable, Flag, KIND, RELEASED, Slot, slotOf } from './chunks';
import type {
  ChunksVerified,
  CreditsPosted,
  EventView,
  ReplicasAssigned,
  ReplicasFinished,
  ReplicasLost,
  TaskStatus,
} from './event';
import { textOf } from './event';
import { isFinal, type NodeLane, type TaskState } from './task-state';

/** Disagreements and losses that are kept one by one; further ones are only counted. */
const MAX_NOTES = 200;
/** Share of work done by liars that `confidence` assumes, as the scheduler does. */
const BAD_SHARE = 0.2;

/** Mean probability that a decided chunk is right; null while nothing was verified. */
export function confidenceOf(state: TaskState): number | null {
  return state.confidence.chunks === 0 ? null : state.confidence.sum / state.confidence.chunks;
}

/** Applies one event of this task; events of others are ignored. */
export function reduceTask(state: TaskState, event: EventView): TaskState {
  if (!('task' in event) || event.task !== state.id || event.seq <= state.lastSeq) return state;
  if (state.submittedAt === null && event.type !== 'task_submitted') state.partial = true;
  state.lastSeq = event.seq;
  state.seenAt = Math.max(state.seenAt, event.at);
  state.version += 1;
  switch (event.type) {
    case 'task_submitted':
      state.job = event.job;
      state.jobName = event.job_name;
      state.owner = event.owner ?? '';
      state.priority = event.priority;
      state.verify = event.verify;
      state.submittedAt = event.at;
      break;
    case 'task_planned':
      state.plan = event.plan;
      state.plannedAt = event.at;
      state.total = event.chunks;
      state.chunks ??= new ChunkTable(event.chunks);
      break;
    case 'chunks_recalled':
      recalled(state, event.chunks);
      break;
    case 'replicas_assigned':
      assigned(state, event);
      break;
    case 'replicas_finished':
      finished(state, event);
      break;
    case 'replicas_lost':
      lost(state, event);
      break;
    case 'chunks_verified':
      verified(state, event);
      break;
    case 'credits_posted':
      posted(state, event);
      break;
    case 'node_distrusted':
      liar(state, event.node, event.chunk, 0).distrusted = true;
      break;
    case 'task_completed':
      end(state, 'completed', event.at);
      state.result = { hash: event.result, size: event.size };
      break;
    case 'task_failed':
      end(state, 'failed', event.at);
      state.failureRaw = event.failure;
      state.failure = textOf(event.failure);
      break;
    case 'task_cancelled':
      end(state, 'cancelled', event.at);
      state.cancelReason = event.reason;
      break;
    case 'settlement_proposed':
      state.settlements.proposed += 1;
      state.settlements.lines += event.lines;
      break;
  }
  return state;
}

/** The table, or null and a mark that events are missing. */
function tableOf(state: TaskState): ChunkTable | null {
  if (state.chunks === null && state.counts === null) state.partial = true;
  return state.chunks;
}

/** Frees the table of an ended task; its counts stay. */
export function dropTable(state: TaskState): void {
  if (state.chunks === null || !isFinal(state.status)) return;
  state.counts = state.chunks.counts;
  state.chunks = null;
  state.batches = new Batches();
}

export function laneOf(state: TaskState, node: string): number {
  const known = state.nodeIndex.get(node);
  if (known !== undefined) return known;
  const index = state.nodes.length;
  state.nodes.push({
    id: node,
    assigned: 0,
    running: 0,
    finished: 0,
    lost: 0,
    agreed: 0,
    wrong: 0,
    wallUs: 0,
    fuel: 0,
    paid: 0,
  });
  state.nodeIndex.set(node, index);
  return index;
}

function recalled(state: TaskState, chunks: number[]): void {
  const table = tableOf(state);
  if (table === null) return;
  for (const chunk of chunks) {
    if (table.has(chunk) && table.isOpen(chunk)) table.set(chunk, Cell.recalled);
  }
}

function assigned(state: TaskState, event: ReplicasAssigned): void {
  const table = tableOf(state);
  const lane = laneOf(state, event.worker);
  const node = state.nodes[lane] as NodeLane;
  if (!isFinal(state.status)) state.status = 'running';
  state.startedAt ??= event.at;
  const row = state.batches.add(lane, event.reason, event.hold, event.at, event.chunks[0] ?? 0);
  const flag = event.reason === 'escalation' ? Flag.escalated : event.reason === 'hedge' ? Flag.hedged : 0;
  let placed = 0;
  for (let at = 0; at < event.chunks.length; at += 1) {
    const chunk = event.chunks[at] as number;
    const attempt = event.attempts?.[at] ?? 0;
    if (table !== null) {
      if (!table.has(chunk)) {
        state.partial = true;
        continue;
      }
      if (attempt > (table.attempts[chunk] as number)) state.partial = true;
      const place = table.place(chunk, attempt);
      if (place >= 0) {
        if (table.slot[place] !== Slot.none) continue;
        table.slot[place] = Slot.running;
        table.batch[place] = row + 1;
      }
      table.attempts[chunk] = Math.max(table.attempts[chunk] as number, attempt + 1);
      table.running[chunk] = (table.running[chunk] as number) + 1;
      if (flag !== 0) table.setFlag(chunk, flag);
      table.settleOpen(chunk);
    }
    placed += 1;
  }
  state.batches.count[row] = placed;
  state.batches.open[row] = placed;
  node.assigned += placed;
  node.running += placed;
  state.replicas.assigned += placed;
  state.replicas.running += placed;
  state.held += placed * event.hold;
  if (event.reason === 'hedge') state.replicas.hedges += placed;
  if (event.reason === 'escalation') state.replicas.escalations += placed;
}

function finished(state: TaskState, event: ReplicasFinished): void {
  const table = tableOf(state);
  const lane = laneOf(state, event.worker);
  const node = state.nodes[lane] as NodeLane;
  node.fuel += event.fuel;
  state.fuel += event.fuel;
  for (let at = 0; at < event.chunks.length; at += 1) {
    const chunk = event.chunks[at] as number;
    const attempt = event.attempts?.[at] ?? 0;
    const letter = event.outcomes.charAt(at);
    const wall = event.wall_us[at] ?? 0;
    const took = table === null || cameBack(state, table, chunk, attempt, event.at, slotOf(letter), wall);
    if (!took) continue;
    const key = letter as keyof TaskState['outcomes'];
    if (key in state.outcomes) state.outcomes[key] += 1;
    node.finished += 1;
    node.wallUs += wall;
    state.replicas.finished += 1;
    if (table === null) {
      node.running = Math.max(0, node.running - 1);
      state.replicas.running = Math.max(0, state.replicas.running - 1);
    }
  }
}

/** Notes one finished replica; false when it is unknown or was finished before. */
function cameBack(
  state: TaskState,
  table: ChunkTable,
  chunk: number,
  attempt: number,
  at: number,
  kind: number,
  wall: number,
): boolean {
  const place = table.has(chunk) ? table.find(chunk, attempt) : -1;
  if (place < 0) {
    if (attempt < table.stride) state.partial = true;
    return false;
  }
  const before = (table.slot[place] as number) & KIND;
  if (before !== Slot.running && before !== Slot.lost) return false;
  const row = (table.batch[place] as number) - 1;
  const node = state.nodes[state.batches.node[row] as number] as NodeLane;
  const vote = kind !== Slot.noVerdict;
  if (before === Slot.running) {
    takeOff(state, table, chunk, node);
    state.batches.back(row, at, kind === Slot.value);
    if (!vote) release(state, row);
  } else {
    state.replicas.lost -= 1;
    node.lost -= 1;
  }
  table.slot[place] = kind | (before === Slot.lost || !vote ? RELEASED : 0);
  table.wallUs[place] = wall;
  if (vote) table.votes[chunk] = (table.votes[chunk] as number) + 1;
  else table.setFlag(chunk, Flag.noVerdict);
  table.settleOpen(chunk);
  return true;
}

function takeOff(state: TaskState, table: ChunkTable, chunk: number, node: NodeLane): void {
  table.running[chunk] = Math.max(0, (table.running[chunk] as number) - 1);
  node.running = Math.max(0, node.running - 1);
  state.replicas.running = Math.max(0, state.replicas.running - 1);
}

function release(state: TaskState, row: number): void {
  state.held = Math.max(0, state.held - (state.batches.hold[row] ?? 0));
}

function lost(state: TaskState, event: ReplicasLost): void {
  const table = tableOf(state);
  const lane = laneOf(state, event.worker);
  const node = state.nodes[lane] as NodeLane;
  const why = event.detail ? `${event.why}: ${event.detail}` : event.why;
  let count = 0;
  for (let at = 0; at < event.chunks.length; at += 1) {
    const chunk = event.chunks[at] as number;
    if (table === null) {
      count += 1;
      continue;
    }
    const place = table.has(chunk) ? table.find(chunk, event.attempts?.[at] ?? 0) : -1;
    if (place < 0 || table.slot[place] !== Slot.running) continue;
    const row = (table.batch[place] as number) - 1;
    table.slot[place] = Slot.lost | RELEASED;
    takeOff(state, table, chunk, node);
    state.batches.back(row, event.at, false);
    release(state, row);
    table.settleOpen(chunk);
    count += 1;
  }
  if (count === 0) return;
  node.lost += count;
  state.replicas.lost += count;
  state.lossReasons.set(why, (state.lossReasons.get(why) ?? 0) + count);
  if (state.losses.length < MAX_NOTES) {
    state.losses.push({ at: event.at, node: event.worker, why, replicas: count, chunk: event.chunks[0] ?? 0 });
  }
}

function verified(state: TaskState, event: ChunksVerified): void {
  const table = tableOf(state);
  const wrongAt = new Map<number, string[]>();
  for (const { chunk, node } of event.wrong ?? []) {
    const nodes = wrongAt.get(chunk);
    if (nodes === undefined) wrongAt.set(chunk, [node]);
    else nodes.push(node);
    if (state.disagreements.length < MAX_NOTES) state.disagreements.push({ chunk, node, at: event.at });
    state.disagreementCount += 1;
    liar(state, node, chunk, 1);
    (state.nodes[laneOf(state, node)] as NodeLane).wrong += 1;
  }
  if (table === null) return;
  for (let at = 0; at < event.chunks.length; at += 1) {
    decide(state, table, event.chunks[at] as number, event.winners?.[at] ?? 0, wrongAt);
  }
}

function decide(
  state: TaskState,
  table: ChunkTable,
  chunk: number,
  winner: number,
  wrongAt: Map<number, string[]>,
): void {
  if (!table.has(chunk)) {
    state.partial = true;
    return;
  }
  if (!table.isOpen(chunk)) return;
  const place = table.find(chunk, winner);
  const kind = place < 0 ? Slot.value : (table.slot[place] as number) & KIND;
  if (place < 0) state.partial = true;
  table.winner[chunk] = winner;
  table.set(chunk, kind === Slot.value || kind === Slot.running ? Cell.accepted : Cell.failed);
  const wrong = wrongAt.get(chunk);
  if (wrong !== undefined) table.setFlag(chunk, Flag.contradicted);
  let agreeing = 0;
  for (let attempt = 0; attempt < Math.min(table.stride, table.attempts[chunk] as number); attempt += 1) {
    const at = chunk * table.stride + attempt;
    const slot = (table.slot[at] as number) & KIND;
    if (slot < Slot.value || slot === Slot.noVerdict) continue;
    const node = state.nodes[state.batches.node[(table.batch[at] as number) - 1] as number];
    if (node === undefined || wrong?.includes(node.id)) continue;
    node.agreed += 1;
    agreeing += 1;
  }
  state.confidence.sum += confidence(agreeing, wrong?.length ?? 0);
  state.confidence.chunks += 1;
}

/** Probability that a result with these votes is right (Sarmenta 2001, two groups), as the scheduler has it. */
function confidence(agreeing: number, dissenting: number): number {
  const right = (1 - BAD_SHARE) ** agreeing * BAD_SHARE ** dissenting;
  const wrong = BAD_SHARE ** agreeing * (1 - BAD_SHARE) ** dissenting;
  return right / (right + wrong);
}

function liar(state: TaskState, node: string, chunk: number, times: number) {
  const known = state.liars.get(node);
  if (known !== undefined) {
    known.count += times;
    return known;
  }
  const made = { chunk, count: times, distrusted: false };
  state.liars.set(node, made);
  return made;
}

function posted(state: TaskState, event: CreditsPosted): void {
  for (const { worker, released, amount } of event.postings) {
    state.posted += amount;
    state.held = Math.max(0, state.held - released);
    (state.nodes[laneOf(state, worker)] as NodeLane).paid += amount;
  }
}

function end(state: TaskState, status: TaskStatus, at: number): void {
  if (isFinal(state.status)) return;
  state.status = status;
  state.endedAt = at;
  const table = state.chunks;
  if (table === null) return;
  for (let chunk = 0; chunk < table.total; chunk += 1) {
    if (!table.isOpen(chunk)) continue;
    for (let attempt = 0; attempt < Math.min(table.stride, table.attempts[chunk] as number); attempt += 1) {
      const place = chunk * table.stride + attempt;
      const slot = table.slot[place] as number;
      if ((slot & KIND) < Slot.value || (slot & RELEASED) !== 0) continue;
      table.slot[place] = slot | RELEASED;
      release(state, (table.batch[place] as number) - 1);
    }
    // A task completes only with every chunk decided: what is open here was decided in events that were missed.
    if (status === 'completed') state.partial = true;
    table.set(chunk, status === 'completed' ? Cell.accepted : Cell.stopped);
  }
}
