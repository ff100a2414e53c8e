/**
 * One task, live: reads its events from the first one on and follows. A lost stream is opened again after the newest event
 * that was seen; a node with another journal begins anew. It owns the task's state and a bounded list of its events; pages
 * read both and depend on `version`, which grows at most once per frame.
 */

import { ApiProblem, session, sleep, toProblem, urlOf } from '$lib/api';
import { signal, type Signal } from '$lib/signal';
import { readStream } from '$lib/sse';
import { newTask, reduceTask, type EventView, type TaskState } from '../../reduce';

/** Events that are kept for the list; older ones are only counted. */
export const MAX_KEPT = 50_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** The node sends a heartbeat every 15 s. */
const SILENCE_MS = 40_000;

export class TaskStream {
  state: TaskState;
  events: EventView[] = [];
  dropped = 0;
  /** Grows when the state did, once per frame. */
  readonly version: Signal<number> = signal(0);
  readonly problem = signal<ApiProblem | null>(null);
  readonly connected = signal(false);
  private stop: AbortController | null = null;
  private frame = 0;

  constructor(readonly id: string) {
    this.state = newTask(id);
  }

  /** Opens the stream, or opens it again where it stopped. */
  start(): void {
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    void this.run(stop.signal);
  }

  /** Forgets everything and reads from the beginning: the node has another journal. */
  restart(): void {
    this.state = newTask(this.id);
    this.events = [];
    this.dropped = 0;
    this.start();
    this.changed();
  }

  end(): void {
    this.stop?.abort();
    this.stop = null;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private async run(stop: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stop.aborted) {
      try {
        await readStream(urlOf(`/tasks/${this.id}/events`, { from: this.state.lastSeq + 1 }), {
          signal: stop,
          silenceMs: SILENCE_MS,
          onOpen: () => {
            failures = 0;
            this.problem.value = null;
            this.connected.value = true;
          },
          onFrame: (frame) => this.take(frame.data),
        });
      } catch (error) {
        if (stop.aborted) return;
        const problem = toProblem(error);
        // What another attempt would not change: no such task, not allowed, logged out.
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) this.problem.value = problem;
        if (problem.status === 401 || problem.status === 403 || problem.status === 404) return;
      }
      this.connected.value = false;
      if (stop.aborted || session.peek() === null) return;
      failures += 1;
      const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
      await sleep(pause, stop).catch(() => {});
    }
  }

  private take(data: string): void {
    if (data === '') return;
    const event = JSON.parse(data) as EventView;
    if (typeof event.seq !== 'number' || event.seq <= this.state.lastSeq) return;
    this.state = reduceTask(this.state, event);
    this.events.push(event);
    if (this.events.length > MAX_KEPT * 1.1) {
      const surplus = this.events.length - MAX_KEPT;
      this.events.splice(0, surplus);
      this.dropped += surplus;
    }
    this.changed();
  }

  private changed(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version.value = this.version.peek() + 1;
    });
  }
}
