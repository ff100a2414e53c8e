/** The shapes that only the task page reads. */

export interface Usage {
  fuel: number;
  input_bytes: number;
  output_bytes: number;
  memory_bytes: number;
  wall_us: number;
}
export interface Replica {
  attempt: number;
  node: string;
  quote: number;
  hold: number;
  reason: string;
  assigned_at: number;
  usage: Usage;
  state: 'running' | 'lost' | 'no_verdict' | 'voted';
  why: string | null;
  vote: string | null;
  verdict: string | null;
}
export interface Chunk {
  chunk: number;
  decision: 'open' | 'recalled' | 'accepted' | 'failed';
  winner: number | null;
  verdict: string;
  error: string | null;
  replicas: Replica[];
}
export interface Outcome {
  kind: 'value' | 'guest_error' | 'trap' | 'out_of_fuel' | 'no_verdict';
  text: string;
  detail: string | null;
  output_hash: string | null;
  output_bytes: number | null;
}
export interface InputSlice {
  hash: string;
  offset: number;
  length: number;
}
export interface LoggedReplica {
  worker: string | null;
  at: number | null;
  chunk: number;
  attempt: number;
  outcome: Outcome;
  usage: Usage;
  log: string;
  verdict: string;
  bundle: string | null;
  inputs: InputSlice[];
}
export interface ErrorGroup {
  message: string;
  count: number;
  chunks: number[];
}
export interface Logs {
  task_id: string;
  status: string;
  detail: string;
  errors: ErrorGroup[];
  replicas: LoggedReplica[];
}
export interface Replay {
  task_id: string;
  chunk: number;
  recorded: LoggedReplica | null;
  replayed: LoggedReplica;
  same_outcome: boolean;
  same_fuel: boolean;
}
export interface ExplainNode {
  node: string;
  code: string;
  reason: string;
  remedy: string;
}
export interface ExplainGroup {
  chunks: number;
  first_chunks: number[];
  needs: string;
  nodes: ExplainNode[];
}
export interface Explanation {
  task_id: string;
  status: string;
  summary: string;
  groups: ExplainGroup[];
}
export interface HalfBlock {
  author: string;
  seq: number;
  balance: number;
  statement: string;
  signature: string;
}
export interface Receipt {
  task_id: string;
  requester: string;
  worker: string;
  quote: number;
  amount: number;
  fuel: number;
  at: number;
  lines_root: string;
  lines: { chunk: number; attempt: number; vote: string; fuel: number; bytes: number; price: number; verdict: string }[];
  proposal: HalfBlock;
  answer: HalfBlock | null;
  signed_by_both: boolean;
}
