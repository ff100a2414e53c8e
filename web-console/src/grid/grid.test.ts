import { describe, expect, it } from 'vitest';
import { newTask, reduceTask } from '../reduce';
import { sampleTask, TASK } from '../reduce/sample';
import { countsOf, nextProblem, tally } from './describe';
import { cellAt, chunksOf, cornerOf, layoutOf, MIN_CELL, moved, niceGroup } from './layout';
import { CONTRADICTED, stateCode } from './look';
import { shownPlace } from './painter';

describe('layout', () => {
  it('shows every chunk once, inside the room, for any size', () => {
    for (const total of [1, 2, 7, 100, 999, 10_000, 100_000, 1_000_000]) {
      for (const width of [120, 328, 800, 1240, 3600]) {
        for (const height of [120, 320, 480]) {
          const layout = layoutOf(total, { width, height, zoom: null });
          expect(layout.width).toBeLessThanOrEqual(width);
          expect(layout.height).toBeLessThanOrEqual(height);
          expect(layout.cell).toBeGreaterThanOrEqual(MIN_CELL);
          expect(layout.cells * layout.group).toBeGreaterThanOrEqual(total);
          expect(chunksOf(layout, layout.cells - 1)[1]).toBe(total);
        }
      }
    }
  });

  it('groups only when cells would be too small', () => {
    expect(layoutOf(10_000, { width: 1200, height: 420, zoom: null }).group).toBe(1);
    expect(layoutOf(100_000, { width: 1200, height: 420, zoom: null }).group).toBeGreaterThan(1);
    expect(layoutOf(100_000, { width: 1200, height: 420, zoom: 8 }).group).toBe(1);
    expect([1.1, 2, 2.1, 7, 33, 51].map(niceGroup)).toEqual([2, 2, 5, 10, 50, 100]);
  });

  it('finds the cell under a point', () => {
    const layout = layoutOf(50, { width: 200, height: 300, zoom: 20 });
    for (let cell = 0; cell < 50; cell += 1) {
      const { x, y } = cornerOf(layout, cell);
      expect(cellAt(layout, x + 1, y + 1)).toBe(cell);
    }
    expect(cellAt(layout, 201, 5)).toBe(-1);
    expect(cellAt(layout, 5, 101)).toBe(-1);
  });

  it('moves the cursor by keys and stays inside', () => {
    const layout = layoutOf(25, { width: 200, height: 300, zoom: 20 });
    expect(moved(layout, 0, 'ArrowLeft', 5)).toBe(0);
    expect(moved(layout, 3, 'ArrowDown', 5)).toBe(13);
    expect(moved(layout, 23, 'ArrowDown', 5)).toBe(23);
    expect(moved(layout, 3, 'End', 5)).toBe(24);
    expect(moved(layout, 3, 'x', 5)).toBeNull();
  });
});

describe('words', () => {
  const state = sampleTask({ chunks: 40, batch: 4, liar: 1 }).reduce(reduceTask, newTask(TASK));
  const table = state.chunks;
  it('counts states and finds problems around the end', () => {
    if (table === null) throw new Error('no table');
    expect(countsOf(table).map((count) => [count.name, count.count])).toEqual([
      ['waiting', 0],
      ['accepted', 40],
    ]);
    expect(tally(table, 0, 10)).toEqual([{ state: 3, name: 'accepted', count: 10 }]);
    const first = nextProblem(table, table.total - 1, 1);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(stateCode(table.state[first] as number, table.flags[first] as number)).toBe(3 + CONTRADICTED);
    expect(nextProblem(table, first + 1, -1)).toBe(first);
    expect(shownPlace(table, first)).toBe(first * table.stride + (table.winner[first] as number));
  });
});
