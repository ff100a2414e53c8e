/** Makes event lists for tests and the grid's bench: a made-up scheduler that follows the rules of the real one. */

import type { EventView } from './event';

export const TASK = 'aa'.repeat(32);
const OTHER = 'bb'.repeat(32);
export const node = (index: number): string => (index + 1).toString(16).padStart(2, '0').repeat(32);

/** Deterministic random numbers in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export interface SampleOptions {
  task?: string;
  chunks: number;
  batch?: number;
  nodes?: number;
  /** This node lies about every chunk. */
  liar?: number;
  /** Share of chunks that fail. */
  failing?: number;
  /** Share of first replicas that are lost. */
  losing?: number;
  seed?: number;
  end?: 'completed' | 'cancelled' | 'none';
  firstSeq?: number;
  startAt?: number;
}

interface Placed {
  worker: number;
  chunks: number[];
  attempts: number[];
}

/** A quorum-of-two task from submit to end, as the journal would have it. */
export function sampleTask(options: SampleOptions): EventView[] {
  const { chunks, batch = 16, nodes = 5, liar = -1, failing = 0, losing = 0, seed = 1, end = 'completed' } = options;
  const draw = random(seed);
  const task = options.task ?? TASK;
  const events: EventView[] = [];
  let seq = (options.firstSeq ?? 1) - 1;
  let at = options.startAt ?? 1_700_000_000_000;
  type Bare = EventView extends infer E ? (E extends EventView ? Omit<E, 'seq' | 'at'> : never) : never;
  const push = (event: Bare) => {
    seq += 1;
    at += 1 + Math.floor(draw() * 4);
    events.push({ seq, at, ...event } as EventView);
  };
  const fails = new Uint8Array(chunks).map(() => (draw() < failing ? 1 : 0));
  push({ type: 'task_submitted', task, job: OTHER, job_name: 'sample', priority: 'normal', verify: 'quorum:2' });
  push({ type: 'task_planned', task, plan: OTHER, chunks, fuel: 7 });
  const assign = (placed: Placed, reason: 'policy' | 'retry' | 'escalation') =>
    push({
      type: 'replicas_assigned',
      task,
      worker: node(placed.worker),
      reason,
      hold: 100,
      chunks: placed.chunks,
      ...(placed.attempts.some((attempt) => attempt > 0) ? { attempts: placed.attempts } : {}),
    });
  const finish = (placed: Placed) =>
    push({
      type: 'replicas_finished',
      task,
      worker: node(placed.worker),
      chunks: placed.chunks,
      ...(placed.attempts.some((attempt) => attempt > 0) ? { attempts: placed.attempts } : {}),
      outcomes: placed.chunks.map((chunk) => (fails[chunk] ? 'e' : 'v')).join(''),
      wall_us: placed.chunks.map(() => 500 + Math.floor(draw() * 4000)),
      fuel: 1000 * placed.chunks.length,
    });
  for (let from = 0; from < chunks; from += batch) {
    const indices = Array.from({ length: Math.min(batch, chunks - from) }, (_, offset) => from + offset);
    const first = Math.floor(draw() * nodes);
    const second = (first + 1 + Math.floor(draw() * (nodes - 1))) % nodes;
    let next = indices.map(() => 0);
    const one = { worker: first, chunks: indices, attempts: next };
    assign(one, 'policy');
    if (draw() < losing) {
      const lost = { task, worker: node(first), why: 'disconnected', chunks: indices };
      push({ type: 'replicas_lost', ...lost });
      next = next.map((attempt) => attempt + 1);
      one.worker = (first + 1) % nodes === second ? (first + 2) % nodes : (first + 1) % nodes;
      one.attempts = next;
      assign(one, 'retry');
    }
    const two = { worker: second, chunks: indices, attempts: next.map((attempt) => attempt + 1) };
    assign(two, 'policy');
    finish(one);
    finish(two);
    const lied = one.worker === liar || two.worker === liar;
    let winner = one.attempts[0] ?? 0;
    if (lied && nodes > 2) {
      const third = Array.from({ length: nodes }, (_, index) => index).find(
        (index) => index !== one.worker && index !== two.worker,
      );
      const three = { worker: third ?? 0, chunks: indices, attempts: two.attempts.map((attempt) => attempt + 1) };
      assign(three, 'escalation');
      finish(three);
      if (one.worker === liar) winner += 1;
    }
    push({
      type: 'chunks_verified',
      task,
      chunks: indices,
      ...(winner > 0 ? { winners: indices.map(() => winner) } : {}),
      ...(lied ? { wrong: indices.map((chunk) => ({ chunk, node: node(liar) })) } : {}),
    });
    const paid = indices.length * 80;
    push({
      type: 'credits_posted',
      task,
      postings: [
        { worker: node(one.worker), released: indices.length * 100, amount: one.worker === liar ? 0 : paid },
        { worker: node(two.worker), released: indices.length * 100, amount: two.worker === liar ? 0 : paid },
      ],
    });
    if (lied) push({ type: 'node_distrusted', task, node: node(liar), chunk: from });
  }
  if (end === 'completed') push({ type: 'task_completed', task, result: OTHER, size: 64 });
  if (end === 'cancelled') push({ type: 'task_cancelled', task, reason: 'enough' });
  return events;
}
