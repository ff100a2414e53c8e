/** Fewer points with the same look: of every stretch its smallest and its largest value are kept. */

/** Share of a group of bars that is not air. */
const GROUP = 0.8;

/** Bars of several series side by side: each gets places of its own around whole numbers. */
export function grouped(points: Points): Points {
  const many = points.y.length;
  if (many < 2) return points;
  const x: number[] = [];
  const y: (number | null)[][] = points.y.map(() => []);
  points.x.forEach((_, at) => {
    for (let one = 0; one < many; one += 1) {
      x.push(at + ((one - (many - 1) / 2) * GROUP) / many);
      points.y.forEach((values, index) => y[index]?.push(index === one ? (values[at] ?? null) : null));
    }
  });
  return { x, y };
}

export interface Points {
  x: number[];
  y: (number | null)[][];
}

export function thinned(x: Float64Array | null, series: readonly Float64Array[], wanted: number): Points {
  const length = Math.max(0, ...series.map((one) => one.length));
  const at = (index: number) => (x === null ? index : (x[index] ?? index));
  const plain = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? null : value);
  if (length <= wanted) {
    const xs = Array.from({ length }, (_, index) => at(index));
    return { x: xs, y: series.map((one) => xs.map((_, index) => plain(one[index]))) };
  }
  const step = Math.ceil(length / (wanted / 2));
  const xs: number[] = [];
  const ys: (number | null)[][] = series.map(() => []);
  for (let from = 0; from < length; from += step) {
    const to = Math.min(length, from + step);
    xs.push(at(from), at(Math.floor((from + to - 1) / 2)));
    series.forEach((one, index) => {
      let [low, high, lowAt, highAt] = [Infinity, -Infinity, from, from];
      for (let point = from; point < to; point += 1) {
        const value = one[point] ?? NaN;
        if (value < low) [low, lowAt] = [value, point];
        if (value > high) [high, highAt] = [value, point];
      }
      const pair = lowAt <= highAt ? [low, high] : [high, low];
      ys[index]?.push(plain(pair[0]), plain(pair[1]));
    });
  }
  return { x: xs, y: ys };
}
