/** What is known of one task. Owned by whoever reduces events into it (see task.ts); readers look but do not write. */

import { Batches } from './batches';
import type { ChunkTable } from './chunks';
import type { TaskStatus } from './event';

export interface NodeLane {
  id: string;
  assigned: number;
  running: number;
  finished: number;
  lost: number;
  agreed: number;
  wrong: number;
  wallUs: number;
  fuel: number;
  paid: number;
}
export interface Disagreement {
  chunk: number;
  node: string;
  at: number;
}
export interface Loss {
  at: number;
  node: string;
  why: string;
  replicas: number;
  chunk: number;
}
export interface Settled {
  proposed: number;
  lines: number;
}

export interface TaskState {
  readonly id: string;
  version: number;
  lastSeq: number;
  /** Something before or between was missed: counts may be too small. */
  partial: boolean;
  status: TaskStatus;
  job: string;
  jobName: string;
  owner: string;
  priority: string;
  verify: unknown;
  submittedAt: number | null;
  plannedAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  /** When its newest event was decided. */
  seenAt: number;
  plan: string | null;
  chunks: ChunkTable | null;
  /** Chunks by state, once the table was dropped. */
  counts: Uint32Array | null;
  total: number;
  replicas: { assigned: number; running: number; finished: number; lost: number; hedges: number; escalations: number };
  /** Outcomes by letter v, e, t, f, n. */
  outcomes: { v: number; e: number; t: number; f: number; n: number };
  nodes: NodeLane[];
  nodeIndex: Map<string, number>;
  batches: Batches;
  /** Nodes that contradicted an accepted result, with the first chunk and how often. */
  liars: Map<string, { chunk: number; count: number; distrusted: boolean }>;
  disagreements: Disagreement[];
  disagreementCount: number;
  losses: Loss[];
  lossReasons: Map<string, number>;
  /** Micro-credits. */
  held: number;
  posted: number;
  fuel: number;
  settlements: Settled;
  confidence: { sum: number; chunks: number };
  result: { hash: string; size: number } | null;
  failure: string;
  failureRaw: unknown;
  cancelReason: string;
}

export function newTask(id: string): TaskState {
  return {
    id,
    version: 0,
    lastSeq: 0,
    partial: false,
    status: 'pending',
    job: '',
    jobName: '',
    owner: '',
    priority: 'normal',
    verify: null,
    submittedAt: null,
    plannedAt: null,
    startedAt: null,
    endedAt: null,
    seenAt: 0,
    plan: null,
    chunks: null,
    counts: null,
    total: 0,
    replicas: { assigned: 0, running: 0, finished: 0, lost: 0, hedges: 0, escalations: 0 },
    outcomes: { v: 0, e: 0, t: 0, f: 0, n: 0 },
    nodes: [],
    nodeIndex: new Map(),
    batches: new Batches(),
    liars: new Map(),
    disagreements: [],
    disagreementCount: 0,
    losses: [],
    lossReasons: new Map(),
    held: 0,
    posted: 0,
    fuel: 0,
    settlements: { proposed: 0, lines: 0 },
    confidence: { sum: 0, chunks: 0 },
    result: null,
    failure: '',
    failureRaw: null,
    cancelReason: '',
  };
}

export function isFinal(status: TaskStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
