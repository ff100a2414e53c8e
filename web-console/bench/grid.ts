/** Mounts the real chunk grid, replays a task's events at speed, and measures the frames meanwhile. */

import { mount } from 'svelte';
import '../src/app.css';
import ChunkGrid from '../src/grid/ChunkGrid.svelte';
import { signal } from '../src/lib/signal';
import { newTask, reduceTask } from '../src/reduce';
import { sampleTask, TASK } from '../src/reduce/sample';

export interface GridBench {
  chunks: number;
  events: number;
  seconds: number;
  eventsPerSecond: number;
  frames: number;
  /** Frames per second: of the median frame, and of the frame that 95 of 100 are faster than. */
  median: number;
  p5: number;
  worstFrameMs: number;
  accepted: number;
}

/** How long the replay takes, in milliseconds. */
const REPLAY_MS = 8_000;
/** Events come in bursts this often, as a network brings them, in milliseconds. */
const BURST_MS = 4;

async function run(chunks: number): Promise<GridBench> {
  const events = sampleTask({ chunks, batch: 4, liar: 2, losing: 0.05 });
  let task = newTask(TASK);
  const version = signal(0);
  const first = events.splice(0, 2);
  for (const event of first) task = reduceTask(task, event);
  mount(ChunkGrid, { target: document.getElementById('app') as HTMLElement, props: { task, version, onopen: () => {} } });
  await new Promise((done) => setTimeout(done, 500));

  const frames: number[] = [];
  let applied = 0;
  let running = true;
  const start = performance.now();
  const feed = setInterval(() => {
    const due = Math.min(events.length, Math.floor(((performance.now() - start) / REPLAY_MS) * events.length));
    const before = applied;
    for (; applied < due; applied += 1) {
      const event = events[applied];
      if (event) task = reduceTask(task, event);
    }
    if (applied > before && !pending) {
      // As the task's stream does it: one new version per frame.
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        version.value = version.peek() + 1;
      });
    }
    if (applied === events.length) running = false;
  }, BURST_MS);
  let pending = false;
  let last = performance.now();
  await new Promise<void>((done) => {
    const frame = () => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      if (running) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  clearInterval(feed);
  const seconds = (performance.now() - start) / 1000;
  const sorted = frames.slice(1).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
  return {
    chunks,
    events: events.length,
    seconds: round(seconds),
    eventsPerSecond: Math.round(events.length / seconds),
    frames: sorted.length,
    median: round(1000 / at(0.5)),
    p5: round(1000 / at(0.95)),
    worstFrameMs: round(sorted.at(-1) ?? Infinity),
    accepted: task.chunks?.counts[3] ?? 0,
  };
}

const round = (value: number) => Math.round(value * 10) / 10;

declare global {
  interface Window {
    benchGrid: (chunks: number) => Promise<GridBench>;
  }
}
window.benchGrid = run;
