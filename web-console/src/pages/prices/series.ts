// The lines of a price chart: what was measured, and a dashed line from now to where it is expected in an hour.

export interface PriceRow {
  at: number;
  factor: number;
  cpu: number;
  gpu: number;
  ram: number;
  disk: number;
}

export type Point = [number, number | null];

const HOUR_MS = 3_600_000;

export interface Lines {
  x: number[];
  measured: (number | null)[];
  predicted: (number | null)[];
}

/** Points must grow in time; those later than `now` (another clock) are left out. */
export function withPrediction(points: readonly Point[], current: number | undefined, next: number | undefined, now: number): Lines {
  const past = points.filter(([at]) => at < now);
  const x = past.map(([at]) => at);
  const measured = past.map(([, value]) => value);
  const predicted: (number | null)[] = past.map(() => null);
  if (current === undefined) return { x, measured, predicted };
  x.push(now);
  measured.push(current);
  predicted.push(next === undefined ? null : current);
  if (next !== undefined) {
    x.push(now + HOUR_MS);
    measured.push(null);
    predicted.push(next);
  }
  return { x, measured, predicted };
}
