/**
 * All chunks of one task in typed arrays: what each cell shows, and every replica of it. Owned by one TaskState; readers
 * look but do not write. Built for 100 000 chunks: no object per chunk, no allocation per event except when it grows.
 */

/** What a cell shows. The order is that of the legend. */
export const Cell = {
  waiting: 0,
  running: 1,
  /** Some replica voted; more are needed. */
  undecided: 2,
  accepted: 3,
  /** Its result was known from an earlier task. */
  recalled: 4,
  /** Replicas agreed that it fails. */
  failed: 5,
  /** Replicas disagreed and another one was placed. */
  disputed: 6,
  /** What was placed brought nothing; it waits for another try. */
  retrying: 7,
  /** The task ended before it was decided. */
  stopped: 8,
} as const;
export type CellState = (typeof Cell)[keyof typeof Cell];
export const CELL_STATES = 9;
export const CELL_NAMES = [
  'waiting',
  'running',
  'undecided',
  'accepted',
  'recalled',
  'failed',
  'disputed',
  'retrying',
  'stopped',
] as const;
export type CellName = (typeof CELL_NAMES)[number];

/** Bits beside the state. */
export const Flag = { escalated: 1, contradicted: 2, hedged: 4, noVerdict: 8 } as const;

/** What became of a replica; the letters of the wire and three of our own. */
export const Slot = {
  none: 0,
  running: 1,
  lost: 2,
  value: 3,
  guestError: 4,
  trap: 5,
  outOfFuel: 6,
  noVerdict: 7,
} as const;

/** The part of a slot that says what became of the replica. */
export const KIND = 0x0f;
/** The credits held for this replica were given back already. */
export const RELEASED = 0x10;

const LETTERS: Record<string, number> = {
  v: Slot.value,
  e: Slot.guestError,
  t: Slot.trap,
  f: Slot.outOfFuel,
  n: Slot.noVerdict,
};
export const SLOT_LETTERS = ['', 'r', 'l', 'v', 'e', 't', 'f', 'n'] as const;

/** Attempts of one chunk that are remembered one by one; further ones are only counted. */
export const MAX_ATTEMPTS = 64;
/** Most chunks a plan may have here; the platform's own limit is lower. */
export const MAX_CHUNKS = 4_000_000;
const FIRST_STRIDE = 4;

export function slotOf(letter: string): number {
  return LETTERS[letter] ?? Slot.noVerdict;
}

export class ChunkTable {
  readonly total: number;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  /** Replicas placed so far. */
  readonly attempts: Uint16Array;
  /** Of them running now. */
  readonly running: Uint16Array;
  /** Of them with a vote. */
  readonly votes: Uint16Array;
  /** Attempt that won; -1 before. */
  readonly winner: Int16Array;
  /** How many chunks are in each state. */
  readonly counts = new Uint32Array(CELL_STATES);
  /** Replica slots per chunk. */
  stride = FIRST_STRIDE;
  slot: Uint8Array;
  /** Index of the batch a replica was placed with, plus one. */
  batch: Uint32Array;
  wallUs: Float32Array;
  /** Changes of cells so far: what shows them need not look while this stays. */
  changed = 0;

  constructor(total: number) {
    this.total = Math.max(0, Math.min(MAX_CHUNKS, Math.floor(total) || 0));
    const n = this.total;
    this.state = new Uint8Array(n);
    this.flags = new Uint8Array(n);
    this.attempts = new Uint16Array(n);
    this.running = new Uint16Array(n);
    this.votes = new Uint16Array(n);
    this.winner = new Int16Array(n).fill(-1);
    this.slot = new Uint8Array(n * FIRST_STRIDE);
    this.batch = new Uint32Array(n * FIRST_STRIDE);
    this.wallUs = new Float32Array(n * FIRST_STRIDE);
    this.counts[Cell.waiting] = n;
  }

  has(chunk: number): boolean {
    return Number.isInteger(chunk) && chunk >= 0 && chunk < this.total;
  }

  isOpen(chunk: number): boolean {
    const state = this.state[chunk];
    return state !== Cell.accepted && state !== Cell.recalled && state !== Cell.failed && state !== Cell.stopped;
  }

  /** Place of a replica in the slot arrays, making room for it; -1 when it is one too many to remember. */
  place(chunk: number, attempt: number): number {
    if (attempt < 0 || attempt >= MAX_ATTEMPTS) return -1;
    while (attempt >= this.stride) this.widen();
    return chunk * this.stride + attempt;
  }

  /** Place of a replica that is there; -1 when it is not. */
  find(chunk: number, attempt: number): number {
    if (attempt < 0 || attempt >= this.stride) return -1;
    const place = chunk * this.stride + attempt;
    return this.slot[place] === Slot.none ? -1 : place;
  }

  set(chunk: number, state: CellState): void {
    const before = this.state[chunk] as number;
    if (before === state) return;
    this.state[chunk] = state;
    this.counts[before] = (this.counts[before] as number) - 1;
    this.counts[state] = (this.counts[state] as number) + 1;
    this.changed += 1;
  }

  setFlag(chunk: number, flag: number): void {
    const before = this.flags[chunk] as number;
    if ((before & flag) !== 0) return;
    this.flags[chunk] = before | flag;
    this.changed += 1;
  }

  /** Shows an open chunk as its replicas say. */
  settleOpen(chunk: number): void {
    if (!this.isOpen(chunk)) return;
    this.set(chunk, this.openState(chunk));
  }

  private openState(chunk: number): CellState {
    if (((this.flags[chunk] as number) & Flag.escalated) !== 0) return Cell.disputed;
    if ((this.running[chunk] as number) > 0) return Cell.running;
    if ((this.votes[chunk] as number) > 0) return Cell.undecided;
    return (this.attempts[chunk] as number) > 0 ? Cell.retrying : Cell.waiting;
  }

  private widen(): void {
    const [from, to] = [this.stride, this.stride * 2];
    const slot = new Uint8Array(this.total * to);
    const batch = new Uint32Array(this.total * to);
    const wallUs = new Float32Array(this.total * to);
    for (let chunk = 0; chunk < this.total; chunk += 1) {
      const [a, b] = [chunk * from, chunk * to];
      for (let at = 0; at < from; at += 1) {
        slot[b + at] = this.slot[a + at] as number;
        batch[b + at] = this.batch[a + at] as number;
        wallUs[b + at] = this.wallUs[a + at] as number;
      }
    }
    this.stride = to;
    this.slot = slot;
    this.batch = batch;
    this.wallUs = wallUs;
  }
}
