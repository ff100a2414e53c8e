/**
 * Batches of replicas that went to one node together: the lanes of the timeline, and what each replica was placed with.
 * Columns that grow by doubling; one row per `replicas_assigned`.
 */

import type { AssignReason } from './event';

export const REASONS: readonly AssignReason[] = ['policy', 'spot', 'escalation', 'hedge', 'retry'];
const FIRST_ROWS = 64;

export class Batches {
  length = 0;
  /** Index into the task's nodes. */
  node = new Uint16Array(FIRST_ROWS);
  reason = new Uint8Array(FIRST_ROWS);
  /** Micro-credits held per replica. */
  hold = new Float64Array(FIRST_ROWS);
  start = new Float64Array(FIRST_ROWS);
  /** Last time a replica of it came back; the end once `open` is 0. */
  end = new Float64Array(FIRST_ROWS);
  count = new Uint32Array(FIRST_ROWS);
  open = new Uint32Array(FIRST_ROWS);
  /** Replicas that brought no value. */
  bad = new Uint32Array(FIRST_ROWS);
  firstChunk = new Uint32Array(FIRST_ROWS);

  add(node: number, reason: string, hold: number, at: number, firstChunk: number): number {
    if (this.length === this.node.length) this.grow();
    const row = this.length;
    this.length += 1;
    this.node[row] = node;
    this.reason[row] = Math.max(0, REASONS.indexOf(reason as AssignReason));
    this.hold[row] = hold;
    this.start[row] = at;
    this.end[row] = at;
    this.firstChunk[row] = firstChunk;
    return row;
  }

  /** One replica of the batch came back. */
  back(row: number, at: number, good: boolean): void {
    if (row < 0 || row >= this.length) return;
    this.end[row] = Math.max(this.end[row] as number, at);
    const open = this.open[row] as number;
    if (open > 0) this.open[row] = open - 1;
    if (!good) this.bad[row] = (this.bad[row] as number) + 1;
  }

  reasonOf(row: number): AssignReason {
    return REASONS[this.reason[row] as number] ?? 'policy';
  }

  private grow(): void {
    const rows = this.node.length * 2;
    const wider = <T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(made: T, from: T): T => {
      made.set(from);
      return made;
    };
    this.node = wider(new Uint16Array(rows), this.node);
    this.reason = wider(new Uint8Array(rows), this.reason);
    this.hold = wider(new Float64Array(rows), this.hold);
    this.start = wider(new Float64Array(rows), this.start);
    this.end = wider(new Float64Array(rows), this.end);
    this.count = wider(new Uint32Array(rows), this.count);
    this.open = wider(new Uint32Array(rows), this.open);
    this.bad = wider(new Uint32Array(rows), this.bad);
    this.firstChunk = wider(new Uint32Array(rows), this.firstChunk);
  }
}
