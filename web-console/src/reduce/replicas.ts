/** The executions of one chunk in words, out of the typed arrays. */

import { KIND, SLOT_LETTERS } from './chunks';
import type { TaskState } from './task-state';

export interface ReplicaNote {
  attempt: number;
  node: string;
  reason: string;
  /** Letter: r running, l lost, v value, e guest error, t trap, f out of fuel, n no verdict. */
  letter: string;
  wallUs: number;
  assignedAt: number;
}

/** The replicas of one chunk as the events told them. */
export function replicasOf(state: TaskState, chunk: number): ReplicaNote[] {
  const table = state.chunks;
  const notes: ReplicaNote[] = [];
  if (table === null || !table.has(chunk)) return notes;
  for (let attempt = 0; attempt < Math.min(table.stride, table.attempts[chunk] as number); attempt += 1) {
    const place = chunk * table.stride + attempt;
    const row = (table.batch[place] as number) - 1;
    if (row < 0) continue;
    notes.push({
      attempt,
      node: state.nodes[state.batches.node[row] as number]?.id ?? '',
      reason: state.batches.reasonOf(row),
      letter: SLOT_LETTERS[(table.slot[place] as number) & KIND] ?? '',
      wallUs: table.wallUs[place] as number,
      assignedAt: state.batches.start[row] as number,
    });
  }
  return notes;
}

/** Letter of the newest replica that came back; empty while none did. */
export function lastOutcome(state: TaskState, chunk: number): string {
  const notes = replicasOf(state, chunk);
  for (let at = notes.length - 1; at >= 0; at -= 1) {
    const letter = notes[at]?.letter ?? '';
    if (letter !== '' && letter !== 'r') return letter;
  }
  return '';
}
