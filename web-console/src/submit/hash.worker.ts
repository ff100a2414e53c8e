// BLAKE3 of a file, read as a stream. Plain TypeScript, since WebAssembly would need 'wasm-unsafe-eval' in the content
// security policy. Messages out: {done} while it goes on, then {hash} or {error}.
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** Between two messages of progress, in bytes. */
const REPORT_EVERY = 4 << 20;

self.onmessage = async (event: MessageEvent<Blob>) => {
  try {
    const hasher = blake3.create();
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
    self.postMessage({ hash: bytesToHex(hasher.digest()) });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
