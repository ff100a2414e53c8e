/**
 * The journal's records as the HTTP API shows them (`EventView`): compact, because many listeners get each one.
 * Plain data. Times are unix milliseconds, amounts are whole micro-credits, ids are hex.
 */

export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Why replicas were placed. */
export type AssignReason = 'policy' | 'spot' | 'escalation' | 'hedge' | 'retry';

interface At {
  seq: number;
  at: number;
}
interface OfTask extends At {
  task: string;
}

export interface JobPublished extends At {
  type: 'job_published';
  job: string;
  name: string;
  version: string;
  size: number;
  publisher: string;
}
export interface TaskSubmitted extends OfTask {
  type: 'task_submitted';
  job: string;
  job_name: string;
  owner?: string;
  priority: string;
  verify: unknown;
}
export interface TaskPlanned extends OfTask {
  type: 'task_planned';
  plan: string;
  chunks: number;
  fuel: number;
}
export interface ChunksRecalled extends OfTask {
  type: 'chunks_recalled';
  chunks: number[];
}
export interface QuoteReceived extends At {
  type: 'quote_received';
  worker: string;
  quote: number;
  cpu: number;
  ram: number;
  disk: number;
  slots: number;
}
export interface ReplicasAssigned extends OfTask {
  type: 'replicas_assigned';
  worker: string;
  reason: AssignReason;
  hold: number;
  chunks: number[];
  attempts?: number[];
}
/** `outcomes` has one letter per chunk: v value, e guest error, t trap, f out of fuel, n no verdict. */
export interface ReplicasFinished extends OfTask {
  type: 'replicas_finished';
  worker: string;
  chunks: number[];
  attempts?: number[];
  outcomes: string;
  wall_us: number[];
  fuel: number;
}
export interface ReplicasLost extends OfTask {
  type: 'replicas_lost';
  worker: string;
  why: string;
  /** What the worker said, where it refused. */
  detail?: string;
  chunks: number[];
  attempts?: number[];
}
export interface ReplicasChecked extends OfTask {
  type: 'replicas_checked';
  chunks: number[];
  attempts?: number[];
  /** One letter each: `a` accepted, `r` refuted, `f` the check could not be done. */
  verdicts: string;
  /** Why the first of those could not be done. */
  detail?: string;
  fuel: number;
}
export interface OutputsCompared extends OfTask {
  type: 'outputs_compared';
  chunks: number[];
  references?: number[];
  attempts: number[];
  /** One letter each: `c` close, `a` apart, `f` the comparison could not be done. */
  verdicts: string;
  /** Why the first of those could not be done. */
  detail?: string;
  /** Relative to the largest element of its tensor. */
  largest_difference?: number;
}
export interface ChunksVerified extends OfTask {
  type: 'chunks_verified';
  chunks: number[];
  winners?: number[];
  wrong?: { chunk: number; node: string }[];
  /** Share of these chunks that at least two nodes brought. */
  confidence?: number | null;
}
export interface CreditsPosted extends OfTask {
  type: 'credits_posted';
  postings: { worker: string; released: number; amount: number }[];
}
export interface NodeDistrusted extends OfTask {
  type: 'node_distrusted';
  node: string;
  chunk: number;
}
export interface TaskCompleted extends OfTask {
  type: 'task_completed';
  result: string;
  size: number;
}
export interface TaskFailed extends OfTask {
  type: 'task_failed';
  failure: unknown;
}
export interface TaskCancelled extends OfTask {
  type: 'task_cancelled';
  reason: string;
}
export interface SettlementProposed extends OfTask {
  type: 'settlement_proposed';
  worker: string;
  seq_in_chain: number;
  lines: number;
}
export interface SettlementSigned extends At {
  type: 'settlement_signed';
  peer: string;
  seq_in_chain: number;
  amount: number;
}

export type EventView =
  | JobPublished
  | TaskSubmitted
  | TaskPlanned
  | ChunksRecalled
  | QuoteReceived
  | ReplicasAssigned
  | ReplicasFinished
  | ReplicasLost
  | ReplicasChecked
  | OutputsCompared
  | ChunksVerified
  | CreditsPosted
  | NodeDistrusted
  | TaskCompleted
  | TaskFailed
  | TaskCancelled
  | SettlementProposed
  | SettlementSigned;

export type EventType = EventView['type'];

export const EVENT_TYPES: readonly EventType[] = [
  'job_published',
  'task_submitted',
  'task_planned',
  'chunks_recalled',
  'quote_received',
  'replicas_assigned',
  'replicas_finished',
  'replicas_lost',
  'replicas_checked',
  'outputs_compared',
  'chunks_verified',
  'credits_posted',
  'node_distrusted',
  'task_completed',
  'task_failed',
  'task_cancelled',
  'settlement_proposed',
  'settlement_signed',
];

/** Text of a value that is text already (the usual case), or an object with one telling key (`{"plan": "..."}`). */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value as Record<string, unknown>);
  const [first] = entries;
  if (first !== undefined && entries.length === 1) return `${first[0].replaceAll('_', ' ')}: ${textOf(first[1])}`;
  return entries.map(([key, inner]) => `${key.replaceAll('_', ' ')} ${textOf(inner)}`).join(', ');
}
