import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Cell,
  CELL_STATES,
  chunkRate,
  confidenceOf,
  Flag,
  lastOutcome,
  newNetwork,
  newTask,
  reduce,
  reduceTask,
  replicasOf,
  summaryOf,
  textOf,
  type EventView,
  type NetworkState,
  type TaskState,
} from './index';
import { random, sampleTask, TASK } from './sample';

const run = (events: EventView[], state: TaskState = newTask(TASK)): TaskState => events.reduce(reduceTask, state);
const base = { task: TASK };
const submitted = (seq = 1): EventView => ({
  ...base,
  seq,
  at: 1000,
  type: 'task_submitted',
  job: 'cc',
  job_name: 'map',
  owner: 'ann',
  priority: 'high',
  verify: { quorum: 2 },
});
const planned = (chunks: number, seq = 2): EventView => ({
  ...base,
  seq,
  at: 1010,
  type: 'task_planned',
  plan: 'dd',
  chunks,
  fuel: 3,
});
const assignedTo = (seq: number, worker: string, chunks: number[], more: object = {}): EventView =>
  ({ ...base, seq, at: 1000 + seq * 10, type: 'replicas_assigned', worker, reason: 'policy', hold: 10, chunks, ...more }) as EventView;
const finishedBy = (seq: number, worker: string, chunks: number[], outcomes: string, more: object = {}): EventView =>
  ({
    ...base,
    seq,
    at: 1000 + seq * 10,
    type: 'replicas_finished',
    worker,
    chunks,
    outcomes,
    wall_us: chunks.map(() => 500),
    fuel: 100,
    ...more,
  }) as EventView;
const cells = (state: TaskState): number[] => [...(state.chunks?.state ?? [])];

describe('one task, step by step', () => {
  it('follows a chunk from waiting to accepted', () => {
    const state = run([submitted(), planned(3)]);
    expect(state).toMatchObject({ status: 'pending', jobName: 'map', owner: 'ann', priority: 'high', partial: false });
    expect(cells(state)).toEqual([0, 0, 0]);
    run([assignedTo(3, 'n1', [0, 1])], state);
    expect(state.status).toBe('running');
    expect(state.startedAt).toBe(1030);
    expect(cells(state)).toEqual([Cell.running, Cell.running, Cell.waiting]);
    expect(state.held).toBe(20);
    run([finishedBy(4, 'n1', [0, 1], 'vv')], state);
    expect(cells(state)).toEqual([Cell.undecided, Cell.undecided, Cell.waiting]);
    run([assignedTo(5, 'n2', [0, 1], { attempts: [1, 1] })], state);
    expect(cells(state)[0]).toBe(Cell.running);
    run([finishedBy(6, 'n2', [0, 1], 'vv', { attempts: [1, 1] })], state);
    run([{ ...base, seq: 7, at: 1070, type: 'chunks_verified', chunks: [0, 1] }], state);
    expect(cells(state)).toEqual([Cell.accepted, Cell.accepted, Cell.waiting]);
    expect(state.nodes.map((lane) => lane.agreed)).toEqual([2, 2]);
    expect(confidenceOf(state)).toBeCloseTo(0.64 / (0.64 + 0.04), 12);
    run(
      [{ ...base, seq: 8, at: 1080, type: 'credits_posted', postings: [{ worker: 'n1', released: 20, amount: 12 }] }],
      state,
    );
    expect(state).toMatchObject({ posted: 12, held: 20 });
    expect(state.nodes[0]).toMatchObject({ id: 'n1', paid: 12, finished: 2, running: 0, wallUs: 1000, fuel: 100 });
    expect(lastOutcome(state, 0)).toBe('v');
  });

  it('shows recalled chunks, and failure by agreement', () => {
    const state = run([
      submitted(),
      planned(2),
      { ...base, seq: 3, at: 1020, type: 'chunks_recalled', chunks: [1] },
      assignedTo(4, 'n1', [0]),
      finishedBy(5, 'n1', [0], 'e'),
      { ...base, seq: 6, at: 1070, type: 'chunks_verified', chunks: [0] },
      { ...base, seq: 7, at: 1080, type: 'task_failed', failure: { plan: 'no input' } },
    ]);
    expect(cells(state)).toEqual([Cell.failed, Cell.recalled]);
    expect(state).toMatchObject({ status: 'failed', failure: 'plan: no input', endedAt: 1080 });
    expect(state.outcomes.e).toBe(1);
  });

  it('names who lied, where first, and how often', () => {
    const state = run([
      submitted(),
      planned(1),
      assignedTo(3, 'n1', [0]),
      assignedTo(4, 'bad', [0], { attempts: [1] }),
      finishedBy(5, 'n1', [0], 'v'),
      finishedBy(6, 'bad', [0], 'v', { attempts: [1] }),
      assignedTo(7, 'n3', [0], { attempts: [2], reason: 'escalation' }),
    ]);
    expect(cells(state)).toEqual([Cell.disputed]);
    run(
      [
        finishedBy(8, 'n3', [0], 'v', { attempts: [2] }),
        { ...base, seq: 9, at: 1090, type: 'chunks_verified', chunks: [0], wrong: [{ chunk: 0, node: 'bad' }] },
        { ...base, seq: 10, at: 1100, type: 'node_distrusted', node: 'bad', chunk: 0 },
      ],
      state,
    );
    expect(cells(state)).toEqual([Cell.accepted]);
    expect((state.chunks?.flags[0] ?? 0) & Flag.contradicted).toBeTruthy();
    expect([...state.liars]).toEqual([['bad', { chunk: 0, count: 1, distrusted: true }]]);
    expect(state.disagreements).toEqual([{ chunk: 0, node: 'bad', at: 1090 }]);
    expect(state.nodes.map((lane) => [lane.id, lane.agreed, lane.wrong])).toEqual([
      ['n1', 1, 0],
      ['bad', 0, 1],
      ['n3', 1, 0],
    ]);
    expect(replicasOf(state, 0).map((note) => note.node + note.letter + note.reason)).toEqual([
      'n1vpolicy',
      'badvpolicy',
      'n3vescalation',
    ]);
  });

  it('gives holds back for what was lost, has no verdict, or was undecided at the end', () => {
    const state = run([
      submitted(),
      planned(3),
      assignedTo(3, 'n1', [0, 1, 2]),
      { ...base, seq: 4, at: 1040, type: 'replicas_lost', worker: 'n1', why: 'stalled', chunks: [0] },
    ]);
    expect(cells(state)[0]).toBe(Cell.retrying);
    expect(state.held).toBe(20);
    run([finishedBy(5, 'n1', [1], 'n')], state);
    expect(state.held).toBe(10);
    expect(cells(state)[1]).toBe(Cell.retrying);
    run([finishedBy(6, 'n1', [2], 'v')], state);
    expect(state.held).toBe(10);
    run([{ ...base, seq: 7, at: 1070, type: 'task_cancelled', reason: 'enough' }], state);
    expect(state).toMatchObject({ held: 0, status: 'cancelled', cancelReason: 'enough' });
    expect(cells(state)).toEqual([Cell.stopped, Cell.stopped, Cell.stopped]);
    expect([...state.lossReasons]).toEqual([['stalled', 1]]);
  });

  it('counts a late result of a lost replica, without holding for it', () => {
    const state = run([
      submitted(),
      planned(1),
      assignedTo(3, 'n1', [0]),
      { ...base, seq: 4, at: 1040, type: 'replicas_lost', worker: 'n1', why: 'disconnected', chunks: [0] },
      finishedBy(5, 'n1', [0], 'v'),
    ]);
    expect(cells(state)).toEqual([Cell.undecided]);
    expect(state.replicas).toMatchObject({ assigned: 1, running: 0, finished: 1, lost: 0 });
    expect(state.held).toBe(0);
  });

  it('remembers more attempts than it first made room for', () => {
    const events: EventView[] = [submitted(), planned(2)];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      events.push(assignedTo(3 + attempt * 2, `n${attempt}`, [1], { attempts: [attempt], reason: 'retry' }));
      events.push(finishedBy(4 + attempt * 2, `n${attempt}`, [1], 'n', { attempts: [attempt] }));
    }
    const state = run(events);
    expect(replicasOf(state, 1).map((note) => note.node)).toEqual(Array.from({ length: 10 }, (_, at) => `n${at}`));
    expect(state.chunks?.attempts[1]).toBe(10);
    expect(state.partial).toBe(false);
  });
});

describe('what can go wrong with a stream', () => {
  it('changes nothing when an event is repeated', () => {
    const events = sampleTask({ chunks: 64, liar: 2, losing: 0.3 });
    const once = run(events);
    const twice = newTask(TASK);
    for (const event of events) reduceTask(reduceTask(twice, event), event);
    run(events, twice);
    expect(twice).toEqual(once);
  });

  it('says that it is partial when events are missing, and does not throw', () => {
    const events = sampleTask({ chunks: 64, liar: 2 });
    expect(run(events).partial).toBe(false);
    expect(run(events.slice(1)).partial).toBe(true);
    const withoutAssignments = run(events.filter((event) => event.type !== 'replicas_assigned'));
    expect(withoutAssignments.partial).toBe(true);
    expect(withoutAssignments.status).toBe('completed');
    expect(run(events.filter((event) => event.type !== 'task_planned')).partial).toBe(true);
  });

  it('survives any subset of events, in order, with counts that add up', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const draw = random(seed);
      const events = sampleTask({ chunks: 40, liar: 1, losing: 0.4, failing: 0.1, seed }).filter(() => draw() > 0.2);
      const state = run(events);
      const counts = [...(state.chunks?.counts ?? [])];
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(state.chunks?.total ?? 0);
      const again = new Array(CELL_STATES).fill(0);
      for (const cell of cells(state)) again[cell] += 1;
      if (state.chunks !== null) expect(counts).toEqual(again);
      expect(state.held).toBeGreaterThanOrEqual(0);
      expect(state.replicas.running).toBeGreaterThanOrEqual(0);
    }
  });

  it('ignores chunks that the plan does not have', () => {
    const state = run([submitted(), planned(2), assignedTo(3, 'n1', [0, 7, -1])]);
    expect(state.partial).toBe(true);
    expect(state.replicas.assigned).toBe(1);
  });
});

describe('any batching gives the same state', () => {
  it('one event at a time, or split anywhere with overlap', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const draw = random(seed);
      const events = sampleTask({ chunks: 50, batch: 7, liar: seed % 5, losing: 0.3, failing: 0.1, seed });
      const whole = run(events);
      const cut = newTask(TASK);
      let at = 0;
      while (at < events.length) {
        const size = 1 + Math.floor(draw() * 20);
        run(events.slice(Math.max(0, at - Math.floor(draw() * 10)), at + size), cut);
        at += size;
      }
      expect(cut).toEqual(whole);
    }
  });

  it('a task alone, or among others on the whole node', () => {
    const mine = sampleTask({ chunks: 30, liar: 1 });
    const other = sampleTask({ chunks: 20, task: 'ff'.repeat(32), seed: 9 });
    const mixed: EventView[] = [];
    for (let at = 0; at < Math.max(mine.length, other.length); at += 1) {
      for (const event of [mine[at], other[at]]) if (event) mixed.push({ ...event, seq: mixed.length + 1 });
    }
    const network = mixed.reduce(reduce, newNetwork());
    const alone = run(mine);
    const there = network.tasks.get(TASK);
    expect(network.partial).toBe(false);
    expect(there && { ...summaryOf(there) }).toEqual(summaryOf(alone));
    expect(network.byStatus).toMatchObject({ completed: 2, running: 0, pending: 0 });
  });
});

describe('the whole node', () => {
  it('keeps jobs, quotes, settlements and rates', () => {
    let state: NetworkState = newNetwork();
    const events: EventView[] = [
      { seq: 1, at: 10_000, type: 'job_published', job: 'j', name: 'map', version: '1', size: 9, publisher: 'p' },
      { seq: 2, at: 10_100, type: 'quote_received', worker: 'w', quote: 1, cpu: 1, ram: 2, disk: 3, slots: 4 },
      { seq: 3, at: 10_200, type: 'settlement_signed', peer: 'w', seq_in_chain: 1, amount: -50 },
      { seq: 4, at: 10_300, type: 'settlement_signed', peer: 'v', seq_in_chain: 2, amount: 20 },
      { seq: 5, at: 11_000, task: TASK, type: 'chunks_verified', chunks: [0, 1, 2] },
      { seq: 6, at: 13_500, task: TASK, type: 'chunks_verified', chunks: [3] },
    ];
    for (const event of events) state = reduce(state, event);
    expect(state.jobs.get('j')?.name).toBe('map');
    expect(state.quotes.get('w')?.slots).toBe(4);
    expect(state.settlements).toMatchObject({ signed: 2, earned: 20, spent: 50 });
    expect(chunkRate(state, 14_900, 5)).toEqual([0, 0, 3, 0, 1]);
    expect(state.partial).toBe(false);
    reduce(state, { seq: 9, at: 14_000, type: 'settlement_signed', peer: 'v', seq_in_chain: 3, amount: 1 });
    expect(state).toMatchObject({ partial: true, gaps: 1 });
  });

  it('forgets tables of ended tasks and keeps their counts', () => {
    let seq = 1;
    const state = newNetwork();
    for (let at = 0; at < 12; at += 1) {
      const events = sampleTask({ chunks: 8, task: at.toString(16).padStart(64, '0'), firstSeq: seq, seed: at + 1 });
      events.forEach((event) => reduce(state, event));
      seq += events.length;
    }
    const first = state.tasks.get('0'.repeat(64));
    expect(first?.chunks).toBeNull();
    expect(first && summaryOf(first).accepted).toBe(8);
    expect(first?.partial).toBe(false);
    expect(state.byStatus.completed).toBe(12);
  });
});

describe('speed', () => {
  it('takes 100 000 chunks at far more than 10 000 events a second', () => {
    const events = sampleTask({ chunks: 100_000, batch: 8, losing: 0.05, liar: 3 });
    const start = performance.now();
    const state = run(events);
    const seconds = (performance.now() - start) / 1000;
    expect(state.chunks?.counts[Cell.accepted]).toBe(100_000);
    expect(events.length / seconds).toBeGreaterThan(10_000);
  });
});

/** What the node itself said of the task when its journal was recorded. */
interface Report {
  task_id: string;
  status: string;
  chunks: number;
  accepted: number;
  failed: number;
  recalled: number;
  replicas: number;
  price: number;
  held: number;
  fuel: number;
  confidence: number;
  result_hash: string | null;
  liars: { node: string; chunk: number }[];
}

function expectSame(state: TaskState, report: Report): void {
  expect(report.task_id).toBe(state.id);
  const counts = state.chunks?.counts;
  expect({
    status: state.status,
    chunks: state.total,
    accepted: counts?.[Cell.accepted],
    failed: counts?.[Cell.failed],
    recalled: counts?.[Cell.recalled],
    replicas: state.replicas.assigned,
    price: state.posted,
    held: state.held,
    fuel: state.fuel,
    result_hash: state.result?.hash ?? null,
    liars: [...state.liars].map(([node, { chunk }]) => ({ node, chunk })).sort((a, b) => a.node.localeCompare(b.node)),
  }).toEqual({
    status: report.status,
    chunks: report.chunks,
    accepted: report.accepted,
    failed: report.failed,
    recalled: report.recalled,
    replicas: report.replicas,
    price: report.price,
    held: report.held,
    fuel: report.fuel,
    result_hash: report.result_hash,
    liars: report.liars,
  });
  const confidence = confidenceOf(state);
  if (confidence !== null) expect(confidence).toBeCloseTo(report.confidence, 9);
}

describe('recorded journals', () => {
  const folder = new URL('../../tests/fixtures/', import.meta.url);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : [];
  const ends: Record<string, string> = { completed: 'completed', liar: 'completed', failed: 'failed', cancelled: 'cancelled' };
  it('are there', () => {
    for (const name of Object.keys(ends)) expect(files, 'journals in tests/fixtures, recorded by the Rust tests').toContain(`${name}.jsonl`);
  });
  for (const file of files) {
    it(`replays ${file}`, () => {
      const events = readFileSync(new URL(file, folder), 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line) as EventView);
      const name = file.replace('.jsonl', '');
      const tasks = new Set(events.flatMap((event) => ('task' in event && event.task ? [event.task] : [])));
      const states = [...tasks].map((task) => events.reduce(reduceTask, newTask(task)));
      const last = states.at(-1);
      expect(last?.partial).toBe(false);
      if (ends[name]) expect(last?.status).toBe(ends[name]);
      if (name === 'liar') expect(last?.liars.size).toBeGreaterThan(0);
      const report = new URL(`${name}.report.json`, folder);
      if (last && existsSync(report)) expectSame(last, JSON.parse(readFileSync(report, 'utf8')) as Report);
      if (name === 'completed' || name === 'liar') {
        const counts = last?.chunks?.counts;
        expect((counts?.[Cell.accepted] ?? 0) + (counts?.[Cell.recalled] ?? 0)).toBe(last?.total);
        expect(last?.held).toBe(0);
        expect(last?.replicas.running).toBe(0);
      }
    });
  }
});

it('reads failures of any shape', () => {
  expect(textOf('word_count: plan failed')).toBe('word_count: plan failed');
  expect(textOf({ deadline: { done: 3, chunks: 9 } })).toBe('deadline: done 3, chunks 9');
  expect(textOf(null)).toBe('');
});
