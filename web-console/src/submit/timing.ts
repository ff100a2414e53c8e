// How long a task may take, judged from earlier tasks of the same job. Pure.
import type { Quote, Task } from '$lib/types';

/** Chunks of an earlier task per second of its run; recalled ones took no time. */
function pace(task: Task): number | null {
  const ran = task.accepted + task.failed;
  const seconds = task.execution_time ?? (task.started_at !== null && task.ended_at !== null ? (task.ended_at - task.started_at) / 1_000 : null);
  return ran > 0 && seconds !== null && seconds > 0 ? ran / seconds : null;
}

/** Milliseconds, and how many tasks they rest on; null where there is nothing to judge from. */
export function expectedTime(quote: Quote, earlier: Task[]): { ms: number; tasks: number } | null {
  if (typeof quote.estimate_ms === 'number') return { ms: quote.estimate_ms, tasks: 0 };
  const paces = earlier.map(pace).filter((one) => one !== null).sort((a, b) => a - b);
  const middle = paces[Math.floor(paces.length / 2)];
  if (middle === undefined) return null;
  return { ms: ((quote.chunks - quote.recalled) / middle) * 1_000, tasks: paces.length };
}
