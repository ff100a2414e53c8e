/** What a grid says in words: counts of cells, and the next cell worth a look. */

import { Cell, CELL_NAMES, CELL_STATES, Flag, type CellName, type ChunkTable } from '../reduce/chunks';

export interface StateCount {
  state: number;
  name: CellName;
  count: number;
}

/** Counts by state in the legend's order, without states that do not occur (waiting and accepted always do). */
export function countsOf(table: ChunkTable): StateCount[] {
  const counts: StateCount[] = [];
  for (let state = 0; state < CELL_STATES; state += 1) {
    const count = table.counts[state] as number;
    if (count > 0 || state === Cell.waiting || state === Cell.accepted) {
      counts.push({ state, name: CELL_NAMES[state] as CellName, count });
    }
  }
  return counts;
}

export function isProblem(table: ChunkTable, chunk: number): boolean {
  const state = table.state[chunk];
  if (state === Cell.failed || state === Cell.disputed || state === Cell.retrying) return true;
  return ((table.flags[chunk] as number) & (Flag.contradicted | Flag.noVerdict)) !== 0;
}

/** The next chunk with a problem after (or before) one, around the end; -1 when there is none. */
export function nextProblem(table: ChunkTable, from: number, step: 1 | -1): number {
  for (let tried = 1; tried <= table.total; tried += 1) {
    const chunk = (((from + step * tried) % table.total) + table.total) % table.total;
    if (isProblem(table, chunk)) return chunk;
  }
  return -1;
}

/** Counts by state of some chunks. */
export function tally(table: ChunkTable, from: number, to: number): StateCount[] {
  const counts = new Uint32Array(CELL_STATES);
  for (let chunk = from; chunk < to; chunk += 1) {
    const state = table.state[chunk] as number;
    counts[state] = (counts[state] as number) + 1;
  }
  const found: StateCount[] = [];
  counts.forEach((count, state) => {
    if (count > 0) found.push({ state, name: CELL_NAMES[state] as CellName, count });
  });
  return found;
}
