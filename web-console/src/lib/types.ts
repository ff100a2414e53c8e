// The shapes of the API (`/api/v1`), as the node sends them: snake_case, times in Unix milliseconds, hashes and ids as 64
// hex digits. Amounts are whole micro-credits, unless the name ends with `_credits`.
import type { Json, JsonObject } from './json';

export type Role = 'viewer' | 'submitter' | 'operator' | 'admin';
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
export type Priority = 'low' | 'normal' | 'high' | 'critical';
export type Placement = 'round_robin' | 'least_loaded' | 'power_of_two' | 'cheapest' | 'nearest' | 'data_local';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Session {
  name: string;
  role: Role;
  own_only: boolean;
  anonymous: boolean;
  csrf_header: string;
}

export interface InputDecl {
  name: string;
  summary: string;
  required: boolean;
}

export interface Manifest {
  name: string;
  version: string;
  summary: string;
  params_schema: Json;
  inputs: InputDecl[];
  reduce: 'reduce' | 'concat';
  verify: 'none' | 'quorum' | 'check';
  /** Whether it has a check of its own. */
  checked: boolean;
  /** Left out where it is exact. */
  float_class?: FloatClass;
  memory_bytes: number;
}

export interface Job {
  job: string;
  name: string;
  version: string;
  size: number;
  publisher: string;
  origin: 'builtin' | 'own' | 'peer';
  manifest: Manifest | null;
}

/** Which arithmetic computes floats. */
export type FloatClass = 'exact' | 'fast';

export interface Requirements {
  cpu_percent?: number;
  memory_bytes?: number;
  disk_bytes?: number;
  timeout_ms?: number;
  fuel?: number;
  output_bytes?: number;
  float_class?: FloatClass;
  gpu?: boolean;
}

export interface TaskConfig {
  priority?: Priority;
  max_price_credits?: number | null;
  deadline_ms?: number | null;
  chunk_size?: number | null;
  /** `none`, `spot:0.1`, `quorum:2`, `check`; null: what the job asks for. */
  verify?: string | null;
  /** `exact`, `tolerance:1e-5,1e-6`; null: what the job asks for. */
  compare?: string | null;
  placement?: Placement;
  memo?: boolean;
}

export interface TaskRequest {
  job: string;
  params: JsonObject;
  inputs?: Record<string, string>;
  requirements?: Requirements;
  config?: TaskConfig;
  owner_id?: string;
}

export interface Rates {
  cpu: number;
  ram: number;
  disk: number;
}

export interface WorkerQuote {
  node: string;
  rates: Rates | null;
  slots: number;
  expected: number;
  refused: string | null;
}

export interface Quote {
  job: string;
  job_name: string;
  chunks: number;
  recalled: number;
  replicas: number;
  estimate: number;
  from_history: boolean;
  workers: WorkerQuote[];
  input_bytes: number;
  /** Expected time to the result, where the node can say. */
  estimate_ms?: number | null;
}

export interface ErrorGroup {
  message: string;
  count: number;
  chunks: number[];
}

export interface Task {
  task_id: string;
  job: string;
  job_name: string;
  owner: string;
  status: TaskStatus;
  submitted_at: number;
  started_at: number | null;
  ended_at: number | null;
  chunks: number;
  accepted: number;
  failed: number;
  recalled: number;
  running: number;
  waiting: number;
  replicas: number;
  extra_replicas: number;
  price: number;
  price_credits: string;
  held: number;
  held_credits: string;
  confidence: number;
  result_hash: string | null;
  result_bytes: number | null;
  detail: string;
  workers: string[];
  worker_id: string | null;
  liars: { node: string; chunk: number }[];
  errors: ErrorGroup[];
  fuel: number;
  result?: Json;
  execution_time?: number | null;
  priority?: Priority;
  verify?: string;
  /** `exact` or `tolerance:1e-5,1e-6`. */
  compare?: string;
  float_class?: FloatClass;
  /** What comparing outputs by tolerance came to. */
  comparisons?: { close: number; apart: number; failed: number; largest_difference: number | null };
}

export interface NetworkStatus {
  node_id: string;
  version: string;
  host: string;
  port: number;
  data_dir?: string;
  addresses: string[];
  started_at: number;
  peers_count: number;
  active_tasks: number;
  running_replicas: number;
  queued_replicas: number;
  /** In credits, not micro-credits. */
  credits: number;
  held: number;
  reputation_score: number;
  /** Of one core, in percent. */
  cpu_usage: number;
  ram_usage: number;
  ram_bytes: number;
  store_bytes: number;
  profile: string;
  jobs: number;
  journal_seq: number;
  pricing_analytics?: {
    market_condition: string;
    market_factor?: number;
    current_prices: Record<string, number>;
    prediction_1h: Record<string, number>;
    prediction_method?: string;
  };
}

export interface Peer {
  node: string;
  connected: boolean;
  addresses: string[];
  rtt_us: number;
  agent: string;
  capability: {
    worker: boolean;
    slots: number;
    memory_bytes: number;
    disk_bytes: number;
    profile: string;
    arch: string;
  };
  load: { running: number; queued: number; cpu_permille: number; resident_bytes: number };
  distrusted: boolean;
  reputation: string;
  accepted: number;
  wrong: number;
  balance: number;
}

export interface LedgerRow {
  peer: string;
  earned: number;
  spent: number;
  held: number;
  balance: number;
  credit_left: number;
  unanswered: number;
}

export interface Ledger {
  owner: string;
  file?: string;
  records: number;
  balance: number;
  rows: LedgerRow[];
}

export interface Prices {
  market_condition: string;
  market_factor: number;
  current_prices: Record<string, number>;
  prediction_1h: Record<string, number>;
  prediction_method: string;
  history: { at: number; factor: number }[];
}

export interface Finding {
  level: 'ok' | 'warn' | 'fail';
  check: string;
  finding: string;
  remedy: string;
}

export interface Blob {
  hash: string;
  size: number;
  complete: boolean;
  pins: { kind: string; owner: string }[];
}

/** One journal record, compact. What else it holds depends on `type`. */
export interface EventBase {
  seq: number;
  at: number;
  task?: string;
}

export type EventBody =
  | { type: 'job_published'; job: string; name: string; version: string; size: number; publisher: string }
  | { type: 'task_submitted'; task: string; job: string; job_name: string; owner: string; priority: Priority; verify: string }
  | { type: 'task_planned'; task: string; plan: string; chunks: number; fuel: number }
  | { type: 'chunks_recalled'; task: string; chunks: number[] }
  | { type: 'quote_received'; worker: string; quote: number; cpu: number; ram: number; disk: number; slots: number }
  | {
      type: 'replicas_assigned';
      task: string;
      worker: string;
      reason: 'policy' | 'spot' | 'escalation' | 'hedge' | 'retry';
      hold: number;
      chunks: number[];
      attempts?: number[];
    }
  | {
      type: 'replicas_finished';
      task: string;
      worker: string;
      chunks: number[];
      attempts?: number[];
      outcomes: string;
      wall_us: number[];
      fuel: number;
    }
  | { type: 'replicas_lost'; task: string; worker: string; why: string; chunks: number[]; attempts?: number[] }
  | { type: 'replicas_checked'; task: string; chunks: number[]; attempts?: number[]; verdicts: string; detail?: string; fuel: number }
  | {
      type: 'outputs_compared';
      task: string;
      chunks: number[];
      references?: number[];
      attempts: number[];
      verdicts: string;
      detail?: string;
      largest_difference?: number;
    }
  | {
      type: 'chunks_verified';
      task: string;
      chunks: number[];
      winners?: number[];
      wrong: { chunk: number; node: string }[];
      confidence?: number;
    }
  | { type: 'credits_posted'; task: string; postings: { worker: string; released: number; amount: number }[] }
  | { type: 'node_distrusted'; node: string; task: string; chunk: number }
  | { type: 'task_completed'; task: string; result: string; size: number }
  | { type: 'task_failed'; task: string; failure: string }
  | { type: 'task_cancelled'; task: string; reason: string }
  | { type: 'settlement_proposed'; worker: string; seq_in_chain: number; task: string; lines: number }
  | { type: 'settlement_signed'; peer: string; seq_in_chain: number; amount: number };

export type EventView = EventBase & EventBody;
export type EventType = EventBody['type'];

export interface FieldError {
  field: string;
  message: string;
}
