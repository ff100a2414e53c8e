// The node's events as they happen: one stream for the whole console. A lost stream is opened again with growing pauses
// and goes on after the last seen record, so nothing is missed. A node that was started anew (`started_at` changed) or
// whose journal is another one makes every page load its data again (`live.epoch` grows), and a banner says so.
import { ApiProblem, api, session, sleep, urlOf } from './api';
import { signal } from './signal';
import { readStream } from './sse';
import type { EventView, NetworkStatus } from './types';

/** `connecting` at the start, `live`, `lost` (trying again), `back` (live again since a moment), `paused` (hidden tab). */
export type LiveState = 'connecting' | 'live' | 'lost' | 'back' | 'paused';

/** The node sends a heartbeat every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** How long "connected again" stays on the screen. */
const BACK_MS = 4_000;
/** Hidden tabs give their connection back after this long: browsers allow six per node. */
const HIDDEN_MS = 60_000;
/** How often the status is asked for. */
const STATUS_EVERY_MS = 5_000;

/** No answer, or a proxy's that the node gives none. */
const UNREACHED = [0, 502, 504];

export type Listener = (event: EventView) => void;

class Live {
  readonly #state = signal<LiveState>('connecting');
  readonly #status = signal<NetworkStatus | null>(null);
  readonly #epoch = signal(0);
  readonly #returns = signal(0);
  readonly #restarted = signal(false);
  readonly #retryAt = signal(0);
  #listeners = new Set<Listener>();
  #last = 0;
  #stop: AbortController | null = null;
  #wake: AbortController | null = null;
  /** Ends the present connection only. */
  #stream: AbortController | null = null;
  #watching = false;
  #backTimer: ReturnType<typeof setTimeout> | undefined;

  /** Reactive: how the connection is. */
  get state(): LiveState {
    return this.#state.value;
  }

  /** Reactive: the node's status, at most five seconds old while the connection lives. */
  get status(): NetworkStatus | null {
    return this.#status.value;
  }

  /** Reactive: grows when everything must be loaded again. Resources of `resource()` do so by themselves. */
  get epoch(): number {
    return this.#epoch.value;
  }

  /** Reactive: grows when a lost connection is there again. Resources then load again, since not all data has events. */
  get returns(): number {
    return this.#returns.value;
  }

  /** Reactive: the node was restarted while we looked; until `dismiss()`. */
  get restarted(): boolean {
    return this.#restarted.value;
  }

  /** Reactive: when the next attempt is made, Unix milliseconds. */
  get retryAt(): number {
    return this.#retryAt.value;
  }

  /** Sequence number of the last record seen; 0 before the first. */
  get lastSeq(): number {
    return this.#last;
  }

  dismiss(): void {
    this.#restarted.value = false;
  }

  /** Calls `listener` with every event from now on; returns the way to stop. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins, or begins anew after a login. */
  start(): void {
    this.stop();
    const stop = new AbortController();
    this.#stop = stop;
    void this.#run(stop.signal);
    void this.#poll(stop.signal);
    this.#watchVisibility();
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
  }

  /** Tries at once instead of waiting for the next attempt. */
  retryNow(): void {
    this.#wake?.abort();
  }

  /** Asks for the status now, for example after a change of ours. */
  async refreshStatus(signal?: AbortSignal): Promise<void> {
    this.#seen(await api.status(signal));
  }

  /** One listener for the life of the page. */
  #watchVisibility(): void {
    if (this.#watching) return;
    this.#watching = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    document.addEventListener('visibilitychange', () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => this.#pause(), HIDDEN_MS);
      else if (this.#state.peek() === 'paused') this.start();
    });
  }

  #pause(): void {
    if (!this.#stop) return;
    this.stop();
    this.#state.value = 'paused';
  }

  #seen(status: NetworkStatus): void {
    const before = this.#status.peek();
    this.#status.value = status;
    if (!before || before.started_at === status.started_at) return;
    this.#restarted.value = true;
    // Another journal: what we saw is no point to resume from.
    if (before.node_id !== status.node_id || status.journal_seq < this.#last) this.#last = status.journal_seq;
    this.#epoch.value = this.#epoch.peek() + 1;
  }

  async #poll(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        await sleep(STATUS_EVERY_MS, stop);
        const state = this.#state.peek();
        if (state === 'live' || state === 'back') await this.refreshStatus(stop);
      } catch (error) {
        // A node that does not answer while the stream seems open: the stream is dead and does not know yet.
        if (error instanceof ApiProblem && UNREACHED.includes(error.status)) this.#stream?.abort();
      }
    }
  }

  async #run(stop: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stop.aborted) {
      const opened = await this.#once(stop).catch((error: unknown) => {
        if (error instanceof ApiProblem && error.status === 401) session.value = null;
        return false;
      });
      if (stop.aborted || session.peek() === null) return;
      failures = opened ? 1 : failures + 1;
      this.#state.value = 'lost';
      const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
      this.#retryAt.value = Date.now() + pause;
      this.#wake = new AbortController();
      await sleep(pause, AbortSignal.any([stop, this.#wake.signal])).catch(() => {});
    }
  }

  /** One connection, from the status to the end of the stream. Whether it had been opened. */
  async #once(stop: AbortSignal): Promise<boolean> {
    const first = this.#status.peek() === null;
    this.#seen(await api.status(stop));
    if (first) this.#last = this.#status.peek()?.journal_seq ?? 0;
    let opened = false;
    this.#stream = new AbortController();
    try {
      await readStream(urlOf('/events', { from: this.#last + 1 }), {
        signal: AbortSignal.any([stop, this.#stream.signal]),
        silenceMs: SILENCE_MS,
        onOpen: () => {
          opened = true;
          this.#open();
        },
        onFrame: (frame) => this.#frame(frame.data),
      });
    } catch (error) {
      if (!opened) {
        this.#refused(error);
        throw error;
      }
    }
    return opened;
  }

  /** The node does not know the place where we want to go on: from now on, and everything is loaded again. */
  #refused(error: unknown): void {
    const final = error instanceof ApiProblem && error.status >= 400 && error.status < 500;
    if (!final || error.status === 401 || error.status === 403 || error.status === 429) return;
    this.#last = this.#status.peek()?.journal_seq ?? 0;
    this.#epoch.value = this.#epoch.peek() + 1;
  }

  #open(): void {
    const before = this.#state.peek();
    if (before !== 'lost') {
      this.#state.value = 'live';
      if (before === 'paused') this.#returns.value = this.#returns.peek() + 1;
      return;
    }
    this.#state.value = 'back';
    this.#returns.value = this.#returns.peek() + 1;
    clearTimeout(this.#backTimer);
    this.#backTimer = setTimeout(() => {
      if (this.#state.peek() === 'back') this.#state.value = 'live';
    }, BACK_MS);
  }

  #frame(data: string): void {
    const event = JSON.parse(data) as EventView;
    if (event.seq <= this.#last) return;
    this.#last = event.seq;
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // One page's mistake must not end the stream of the others.
        reportError(error);
      }
    }
  }
}

export const live = new Live();
