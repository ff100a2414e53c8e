import { describe, expect, it } from 'vitest';
import { Batches, newTask, reduceTask } from '../../reduce';
import { sampleTask, TASK } from '../../reduce/sample';
import { laneBars, MAX_ROWS, ticksOf } from './lanes';
import { BOX, curve, groupsOf, placed } from './provenance';

describe('lanes', () => {
  it('stacks what overlaps and keeps what follows in one row', () => {
    const batches = new Batches();
    const add = (node: number, start: number, end: number, open = 0) => {
      const row = batches.add(node, 'policy', 1, start, 0);
      batches.count[row] = 4;
      batches.open[row] = open;
      batches.end[row] = end;
    };
    add(0, 0, 10);
    add(0, 5, 20);
    add(1, 0, 5);
    add(0, 10, 15);
    add(0, 30, 0, 2);
    const [first, second] = laneBars(batches, [0, 1], 50);
    expect(first?.map((bar) => [bar.row, bar.rows, bar.start, bar.end, bar.open])).toEqual([
      [0, 2, 0, 10, false],
      [1, 2, 5, 20, false],
      [0, 2, 10, 15, false],
      [0, 2, 30, 50, true],
    ]);
    expect(second).toHaveLength(1);
  });

  it('has bounded rows and bars, whatever comes', () => {
    const batches = new Batches();
    for (let at = 0; at < 20_000; at += 1) {
      const row = batches.add(0, 'retry', 1, at, at);
      batches.count[row] = 1;
      batches.end[row] = at + 100;
    }
    const [lane] = laneBars(batches, [0], 20_000);
    expect(lane?.length).toBeLessThanOrEqual(2_000);
    expect(lane?.reduce((sum, bar) => sum + bar.count, 0)).toBe(20_000);
    expect(Math.max(...(lane ?? []).map((bar) => bar.row))).toBeLessThan(MAX_ROWS);
  });

  it('has round ticks inside the span', () => {
    expect(ticksOf(26_000, 6)).toEqual([0, 5_000, 10_000, 15_000, 20_000, 25_000]);
    expect(ticksOf(240_000, 4)).toEqual([0, 60_000, 120_000, 180_000, 240_000]);
    expect(ticksOf(13, 5).every((tick) => tick <= 13)).toBe(true);
    for (const span of [1, 7, 999, 3_600_000, 90_000_000]) expect(ticksOf(span, 8).length).toBeLessThanOrEqual(10);
  });
});

describe('provenance', () => {
  it('puts every chunk into one group and every remembered replica on its node', () => {
    const task = sampleTask({ chunks: 60, batch: 4, liar: 1, failing: 0.1 }).reduce(reduceTask, newTask(TASK));
    const groups = groupsOf(task);
    expect(groups.reduce((sum, group) => sum + group.chunks, 0)).toBe(60);
    const replicas = groups.flatMap((group) => [...group.nodes.values()]).reduce((sum, one) => sum + one, 0);
    expect(replicas).toBe(task.replicas.assigned);
    expect(groups.map((group) => group.name)).toContain('contradicted');
    expect(groupsOf(newTask(TASK))).toEqual([]);
  });

  it('centres columns and joins sides of boxes', () => {
    const place = placed([['a'], ['b', 'c']]);
    const [a, b] = [place.boxes.get('a'), place.boxes.get('b')];
    if (!a || !b) throw new Error('no boxes');
    expect(a.y).toBe((BOX.height + BOX.gapY) / 2);
    expect(curve(a, b).startsWith(`M${BOX.width},`)).toBe(true);
    expect(place.width).toBe(2 * BOX.width + BOX.gapX);
  });
});
