/** Lines and bars over numbers, by uPlot. Loaded with the first plot. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Points } from './thin';

export interface PlotLook {
  kind: 'line' | 'bar';
  names: string[];
  colours: string[];
  /** Labels under bars; none: numbers. */
  labels: string[] | null;
  format: (value: number) => string;
  /** For the axes: fewer digits. */
  short: (value: number) => string;
}

export function drawPlot(host: HTMLElement, points: Points, look: PlotLook): uPlot {
  const style = getComputedStyle(host);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.8)}px ${colour('font')}`;
  const axis = { stroke: colour('text-3'), font, grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars?.({ size: [look.names.length > 1 ? 0.95 : 0.8, 60] });
  const few = points.x.length <= 80;
  return new uPlot(
    {
      width: Math.max(1, host.clientWidth),
      height: Math.max(1, host.clientHeight),
      cursor: { y: false, drag: { x: true, y: false } },
      legend: { live: true },
      scales: {
        x: {
          time: false,
          ...(look.kind === 'bar' ? { range: (_, low: number, high: number): [number, number] => [low - 0.5, high + 0.5] } : {}),
        },
        y: {
          range: (_, low: number | null, high: number | null): [number, number] => {
            const bottom = look.kind === 'bar' ? Math.min(0, low ?? 0) : (low ?? 0);
            const top = look.kind === 'bar' ? Math.max(0, high ?? 1) : (high ?? 1);
            const air = (top - bottom) * 0.05 || 1;
            return [bottom === 0 ? 0 : bottom - air, top === 0 ? 0 : top + air];
          },
        },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: rem * 5,
          values: (_, ticks) =>
            ticks.map((tick) => (look.labels ? (Number.isInteger(tick) ? (look.labels[tick] ?? '') : '') : look.short(tick))),
        },
        { ...axis, size: rem * 5, values: (_, ticks) => ticks.map(look.short) },
      ],
      series: [
        { label: '#', value: (_, value) => (value === null ? '–' : (look.labels?.[Math.round(value)] ?? look.format(look.kind === 'bar' ? Math.round(value) : value))) },
        ...look.names.map((label, index) => {
          const stroke = look.colours[index % look.colours.length] as string;
          return {
            label,
            stroke,
            width: look.kind === 'bar' ? 0 : 1.75,
            ...(look.kind === 'bar' ? { fill: stroke, ...(bars ? { paths: bars } : {}) } : {}),
            points: { show: look.kind === 'line' && few, size: 4 },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : look.format(value)),
          };
        }),
      ],
    },
    [points.x, ...points.y] as uPlot.AlignedData,
    host,
  );
}
