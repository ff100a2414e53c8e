// Publishing a component: the upload, and what the node says of it.
import { isAbort, toProblem, type ApiProblem } from '$lib/api';
import type { Job } from '$lib/types';
import { upload } from '$lib/upload';

/** `\0asm`, what every component begins with. */
const MAGIC = [0, 0x61, 0x73, 0x6d];

export class Publishing {
  file = $state.raw<File | null>(null);
  sent = $state(0);
  /** All bytes are there; the node compiles and describes. */
  checking = $state(false);
  problem = $state.raw<ApiProblem | null>(null);
  /** The file is no component at all. */
  notWasm = $state(false);
  #stop: AbortController | null = null;

  get busy(): boolean {
    return this.#stop !== null && this.problem === null && !this.notWasm && this.file !== null;
  }

  /** The published job; null when it did not work, or was cancelled. */
  async publish(file: File): Promise<Job | null> {
    this.cancel();
    const stop = new AbortController();
    this.#stop = stop;
    this.file = file;
    try {
      const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
      if (!MAGIC.every((byte, i) => head[i] === byte)) {
        this.notWasm = true;
        return null;
      }
      const job = await upload<Job>('/jobs', file, {
        contentType: 'application/wasm',
        signal: stop.signal,
        onProgress: (sent, total) => {
          this.sent = sent;
          this.checking = sent >= total;
        },
      });
      this.#stop = null;
      this.file = null;
      return job;
    } catch (error) {
      if (!isAbort(error)) this.problem = toProblem(error);
      return null;
    }
  }

  cancel(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.file = null;
    this.sent = 0;
    this.checking = false;
    this.problem = null;
    this.notWasm = false;
  }
}
