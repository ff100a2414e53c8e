// One input of a task on its way: a file is hashed here, then uploaded unless the node has it; or a hash is given.
import { api, isAbort, toProblem, type ApiProblem } from '$lib/api';
import { upload } from '$lib/upload';
import { hashBlob } from './hash';

export type InputState = 'empty' | 'hashing' | 'checking' | 'uploading' | 'ready' | 'failed';

const HASH = /^[0-9a-f]{64}$/;

export class TaskInput {
  state = $state<InputState>('empty');
  /** The file, where one was chosen. */
  file = $state.raw<File | null>(null);
  /** Complete and valid only when `ready`. */
  hash = $state('');
  /** As typed. */
  typed = $state('');
  size = $state<number | null>(null);
  /** Bytes done of the present step. */
  done = $state(0);
  /** The node had the blob already. */
  known = $state(false);
  problem = $state.raw<ApiProblem | null>(null);
  #stop: AbortController | null = null;

  constructor(
    readonly name: string,
    readonly summary: string,
    readonly required: boolean,
  ) {}

  get busy(): boolean {
    return this.step !== null;
  }

  /** What is under way. */
  get step(): 'hashing' | 'checking' | 'uploading' | null {
    const { state } = this;
    return state === 'hashing' || state === 'checking' || state === 'uploading' ? state : null;
  }

  /** Hashes and, where the node does not have it, uploads. */
  async take(file: File): Promise<void> {
    const signal = this.#begin();
    this.file = file;
    this.typed = '';
    try {
      this.state = 'hashing';
      const hash = await hashBlob(file, { signal, onProgress: (done) => (this.done = done) });
      if (signal.aborted) return;
      this.state = 'checking';
      const known = await api.blobSize(hash, signal);
      if (signal.aborted) return;
      this.known = known !== null;
      if (known === null) {
        this.state = 'uploading';
        this.done = 0;
        await upload('/blobs', file, { query: { hash }, signal, onProgress: (done) => (this.done = done) });
      }
      if (signal.aborted) return;
      this.hash = hash;
      this.size = file.size;
      this.state = 'ready';
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) this.#fail(toProblem(error));
    }
  }

  /** A hash that the person gives, or that comes from an earlier task. */
  async give(text: string): Promise<void> {
    const signal = this.#begin();
    this.file = null;
    this.typed = text;
    const hash = text.trim().toLowerCase();
    if (!HASH.test(hash)) {
      this.state = 'empty';
      return;
    }
    this.state = 'ready';
    this.hash = hash;
    // Only to say its size; the node brings it from the network when it is not here.
    const size = await api.blobSize(hash, signal).catch(() => null);
    if (signal.aborted) return;
    this.size = size;
    this.known = size !== null;
  }

  retry(): void {
    if (this.file) void this.take(this.file);
  }

  clear(): void {
    this.#begin();
    this.file = null;
    this.typed = '';
    this.state = 'empty';
  }

  #begin(): AbortSignal {
    this.#stop?.abort();
    this.#stop = new AbortController();
    this.hash = '';
    this.size = null;
    this.done = 0;
    this.known = false;
    this.problem = null;
    return this.#stop.signal;
  }

  #fail(problem: ApiProblem): void {
    this.problem = problem;
    this.state = 'failed';
  }
}
