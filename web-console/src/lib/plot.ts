// uPlot, dressed in the console's colours. Loaded with the first chart.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock } from './format';
import type { Series } from '../components/Chart.svelte';

export interface PlotOptions {
  series: (Series & { tone: string })[];
  height: number;
  format: (value: number) => string;
  min: number | undefined;
  max: number | undefined;
}

export function makePlot(host: HTMLElement, options: PlotOptions): uPlot {
  const style = getComputedStyle(host);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.8)}px ${color('font')}`;
  const grid = { stroke: color('line'), width: 1 };
  const axis = { stroke: color('text-3'), font, ticks: { show: false }, grid };

  // The cursor's values, beside the pointer.
  const tip = document.createElement('div');
  tip.style.cssText = `position:absolute;pointer-events:none;display:none;z-index:5;padding:.3rem .5rem;border-radius:.3rem;
    font-size:.857rem;white-space:nowrap;background:${color('surface')};border:1px solid ${color('line')};box-shadow:${color('shadow-high')}`;

  const plot = new uPlot(
    {
      width: Math.max(1, host.clientWidth),
      height: Math.max(1, host.clientHeight),
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      padding: [8, rem * 1.3, 0, 0],
      scales: {
        x: { time: true },
        y: { range: (_, low, high) => range(low, high, options.min, options.max) },
      },
      axes: [
        { ...axis, grid: { show: false }, size: rem * 1.7, space: rem * 6, values: (_, ticks, __, ___, step) => ticks.map((s) => short(s, step)) },
        { ...axis, size: rem * 4.2, space: rem * 2.4, values: (_, ticks) => ticks.map((v) => options.format(v)) },
      ],
      series: [
        {},
        ...options.series.map((one) => ({
          label: one.label,
          stroke: color(`fill-${one.tone}`),
          width: 1.75,
          ...(one.dashed ? { dash: [5, 4] } : {}),
          ...(one.fill ? { fill: color(`fill-${one.tone}`) + '22' } : {}),
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [
          (self) => {
            const at = self.cursor.idx;
            const when = at === null || at === undefined ? undefined : self.data[0][at];
            if (when === undefined || at === null || at === undefined) {
              tip.style.display = 'none';
              return;
            }
            tip.replaceChildren();
            const lines = [clock(when * 1_000)];
            options.series.forEach((one, i) => {
              const value = self.data[i + 1]?.[at];
              if (value !== null && value !== undefined) lines.push(`${one.label} ${options.format(value)}`);
            });
            for (const line of lines) tip.append(Object.assign(document.createElement('div'), { textContent: line }));
            tip.style.display = 'block';
            const left = self.cursor.left ?? 0;
            const width = self.over.clientWidth;
            tip.style.top = '4px';
            tip.style.left = left > width / 2 ? '' : `${left + 12}px`;
            tip.style.right = left > width / 2 ? `${width - left + 12}px` : '';
          },
        ],
      },
    },
    [[]] as unknown as uPlot.AlignedData,
    host,
  );
  plot.over.append(tip);
  return plot;
}

/** Hours and minutes; seconds only where marks are closer than a minute. */
function short(seconds: number, step: number): string {
  return clock(seconds * 1_000).slice(0, step < 60 ? 8 : 5);
}

/** With zero, a little air above, and never empty. */
function range(low: number | null, high: number | null, min?: number, max?: number): [number, number] {
  const bottom = min ?? Math.min(0, low ?? 0);
  const top = max ?? Math.max(high ?? 1, bottom);
  return [bottom, top > bottom ? top + (max === undefined ? (top - bottom) * 0.08 : 0) : bottom + 1];
}
