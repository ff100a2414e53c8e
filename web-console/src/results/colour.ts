/** Colour scales for heat maps: one for amounts, one for numbers on both sides of zero. Both keep their order in grey. */

type Rgb = readonly [number, number, number];

/** Viridis, sampled (Smith and van der Walt, CC0). */
const SEQUENTIAL: readonly Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];
const DIVERGING: readonly Rgb[] = [
  [33, 74, 139],
  [67, 125, 191],
  [146, 190, 221],
  [239, 240, 240],
  [240, 176, 130],
  [208, 98, 58],
  [142, 33, 24],
];
/** Not a number. */
export const MISSING: Rgb = [128, 128, 128];

export interface Scale {
  min: number;
  max: number;
  diverging: boolean;
}

export function scaleOf(range: { min: number; max: number }): Scale {
  if (range.min < 0 && range.max > 0) {
    const reach = Math.max(-range.min, range.max);
    return { min: -reach, max: reach, diverging: true };
  }
  return { ...range, diverging: false };
}

export function colourOf(scale: Scale, value: number): Rgb {
  if (!Number.isFinite(value)) return MISSING;
  const stops = scale.diverging ? DIVERGING : SEQUENTIAL;
  const span = scale.max - scale.min;
  const at = (span > 0 ? Math.max(0, Math.min(1, (value - scale.min) / span)) : 0.5) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [stops[low] as Rgb, stops[low + 1] as Rgb];
  const mix = (channel: 0 | 1 | 2) => Math.round(a[channel] + (b[channel] - a[channel]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}

export function gradientOf(scale: Scale): string {
  const stops = scale.diverging ? DIVERGING : SEQUENTIAL;
  return `linear-gradient(to right, ${stops.map((stop) => `rgb(${stop.join(' ')})`).join(', ')})`;
}
