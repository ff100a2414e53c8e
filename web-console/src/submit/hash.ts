/** BLAKE3 of a blob, as 64 hex digits, worked out in a worker of its own so that the page stays smooth. */
export function hashBlob(blob: Blob, options: { signal: AbortSignal; onProgress: (done: number) => void }): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' });
    const end = (finish: () => void) => {
      worker.terminate();
      options.signal.removeEventListener('abort', abort);
      finish();
    };
    const abort = () => end(() => reject(new DOMException('aborted', 'AbortError')));
    worker.onmessage = (event: MessageEvent<{ done?: number; hash?: string; error?: string }>) => {
      const { done, hash, error } = event.data;
      if (hash) end(() => resolve(hash));
      else if (error) end(() => reject(new Error(error)));
      else options.onProgress(done ?? 0);
    };
    worker.onerror = (event) => end(() => reject(new Error(event.message || 'the worker could not be started')));
    if (options.signal.aborted) return abort();
    options.signal.addEventListener('abort', abort);
    worker.postMessage(blob);
  });
}
