/** The bars of a timeline: batches of each node, stacked where they overlap. Pure. */

import type { Batches } from '../../reduce';

export interface Bar {
  start: number;
  end: number;
  count: number;
  bad: number;
  reason: number;
  open: boolean;
  /** Which of the lane's rows it is in, and how many the lane has. */
  row: number;
  rows: number;
}

/** Batches that run at once beyond this share the last row. */
export const MAX_ROWS = 4;
/** Bars of one lane; more are joined with their neighbours. */
const MAX_BARS = 2000;

export function laneBars(batches: Batches, nodes: readonly number[], now: number): Bar[][] {
  const lanes = new Map<number, Bar[]>(nodes.map((node) => [node, []]));
  for (let at = 0; at < batches.length; at += 1) {
    const lane = lanes.get(batches.node[at] as number);
    const count = batches.count[at] as number;
    if (lane === undefined || count === 0) continue;
    const open = (batches.open[at] as number) > 0;
    lane.push({
      start: batches.start[at] as number,
      end: open ? Math.max(now, batches.start[at] as number) : (batches.end[at] as number),
      count,
      bad: batches.bad[at] as number,
      reason: batches.reason[at] as number,
      open,
      row: 0,
      rows: 1,
    });
  }
  return nodes.map((node) => stack(joined(lanes.get(node) ?? [])));
}

/** Joins equal neighbours until there are few enough to draw. */
function joined(bars: Bar[]): Bar[] {
  let lane = bars;
  while (lane.length > MAX_BARS) {
    const fewer: Bar[] = [];
    for (let at = 0; at < lane.length; at += 2) {
      const [a, b] = [lane[at] as Bar, lane[at + 1]];
      fewer.push(
        b === undefined
          ? a
          : { ...a, end: Math.max(a.end, b.end), count: a.count + b.count, bad: a.bad + b.bad, open: a.open || b.open },
      );
    }
    lane = fewer;
  }
  return lane;
}

/** Gives each bar the first row that is free when it begins. Batches come in the order of their start. */
function stack(bars: Bar[]): Bar[] {
  const ends: number[] = [];
  for (const bar of bars) {
    let row = ends.findIndex((end) => end <= bar.start);
    if (row < 0) row = Math.min(ends.length, MAX_ROWS - 1);
    ends[row] = Math.max(ends[row] ?? 0, bar.end);
    bar.row = row;
  }
  for (const bar of bars) bar.rows = ends.length;
  return bars;
}

/** Round moments between 0 and a span of milliseconds, about as many as wanted. */
export function ticksOf(span: number, wanted: number): number[] {
  const least = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-6)));
  const minutes = [60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];
  const step = (least > 30_000 && minutes.find((one) => one >= least)) || ([1, 2, 5, 10].find((one) => one * power >= least) ?? 10) * power;
  const ticks: number[] = [];
  for (let at = 0; at <= span; at += step) ticks.push(at);
  return ticks;
}
