// BLAKE3 of a file, read as a stream. Messages out: {done} while it goes on, then {hash} or {error}.
import { Blake3 } from './blake3';

/** Between two messages of progress, in bytes. */
const REPORT_EVERY = 4 << 20;

self.onmessage = async (event: MessageEvent<Blob>) => {
  try {
    const hasher = new Blake3();
    const reader = event.data.stream().getReader();
    let done = 0;
    let reported = 0;
    for (;;) {
      const { done: end, value } = await reader.read();
      if (end) break;
      hasher.update(value);
      done += value.length;
      if (done - reported >= REPORT_EVERY) {
        reported = done;
        self.postMessage({ done });
      }
    }
    self.postMessage({ hash: hasher.digest() });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
