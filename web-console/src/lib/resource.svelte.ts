// Data of a page: loaded when the component appears, when what `load` reads changes, when the node was restarted, on
// events that concern it (at most once per `throttleMs`), and by `reload()`. Old data stays while new data comes.
import { isAbort, toProblem, type ApiProblem } from './api';
import { live } from './live';
import type { EventView } from './types';

export interface ResourceOptions {
  /** Load again when such an event comes. */
  on?: (event: EventView) => boolean;
  /** At most one load per this long because of events, in milliseconds. */
  throttleMs?: number;
  /** Load again this often, in milliseconds. */
  everyMs?: number;
}

export interface Resource<T> {
  readonly data: T | undefined;
  readonly error: ApiProblem | null;
  /** True while there is nothing to show yet. */
  readonly loading: boolean;
  /** True while any load is under way. */
  readonly busy: boolean;
  reload(): void;
  /** Puts in what a call of ours answered. */
  set(data: T): void;
}

/** Call it while a component is set up. */
export function resource<T>(load: (signal: AbortSignal) => Promise<T>, options: ResourceOptions = {}): Resource<T> {
  let data = $state.raw<T | undefined>(undefined);
  let error = $state.raw<ApiProblem | null>(null);
  let busy = $state(true);
  let version = $state(0);

  $effect(() => {
    void version;
    void live.epoch;
    void live.returns;
    const stop = new AbortController();
    busy = true;
    load(stop.signal).then(
      (answer) => {
        if (stop.signal.aborted) return;
        data = answer;
        error = null;
        busy = false;
      },
      (problem: unknown) => {
        if (stop.signal.aborted || isAbort(problem)) return;
        error = toProblem(problem);
        busy = false;
      },
    );
    return () => stop.abort();
  });

  $effect(() => {
    const { on, everyMs, throttleMs = 1_000 } = options;
    let pending: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      pending ??= setTimeout(() => {
        pending = undefined;
        version += 1;
      }, throttleMs);
    };
    const off = on ? live.on((event) => on(event) && soon()) : undefined;
    const timer = everyMs ? setInterval(() => !document.hidden && (version += 1), everyMs) : undefined;
    return () => {
      off?.();
      clearTimeout(pending);
      clearInterval(timer);
    };
  });

  return {
    get data() {
      return data;
    },
    get error() {
      return error;
    },
    get loading() {
      return busy && data === undefined && !error;
    },
    get busy() {
      return busy;
    },
    reload: () => (version += 1),
    set: (next: T) => {
      data = next;
      error = null;
    },
  };
}
