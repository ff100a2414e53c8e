// BLAKE3 (unkeyed), over a stream. Plain TypeScript: WebAssembly would need the content security policy to allow it in
// every worker. The compression is written out so that engines keep its state in registers; several times the speed of a
// loop over tables, which counts when somebody drops a file of gigabytes. Compared with another implementation by a test.

const CHUNK_BYTES = 1024;
const BLOCK_BYTES = 64;
const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;
const ROUNDS = 7;
/** Levels of the tree: enough for 2^54 chunks, far beyond any file. */
const MAX_DEPTH = 54;

const IV = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);

/** Compresses one block into `out` (8 words). `counter` is below 2^53. */
function compress(cv: Int32Array, words: Int32Array, at: number, counter: number, length: number, flags: number, out: Int32Array): void {
  let m0 = words[at] as number, m1 = words[at + 1] as number, m2 = words[at + 2] as number, m3 = words[at + 3] as number, m4 = words[at + 4] as number, m5 = words[at + 5] as number, m6 = words[at + 6] as number, m7 = words[at + 7] as number, m8 = words[at + 8] as number, m9 = words[at + 9] as number, m10 = words[at + 10] as number, m11 = words[at + 11] as number, m12 = words[at + 12] as number, m13 = words[at + 13] as number, m14 = words[at + 14] as number, m15 = words[at + 15] as number;
  let v0 = cv[0] as number, v1 = cv[1] as number, v2 = cv[2] as number, v3 = cv[3] as number, v4 = cv[4] as number, v5 = cv[5] as number, v6 = cv[6] as number, v7 = cv[7] as number;
  let v8 = 0x6a09e667, v9 = 0xbb67ae85, v10 = 0x3c6ef372, v11 = 0xa54ff53a;
  let v12 = counter | 0, v13 = (counter / 4294967296) | 0, v14 = length, v15 = flags;
  let hold = 0;
  for (let round = 1; ; round += 1) {
    v0 = (v0 + v4 + m0) | 0; v12 ^= v0; v12 = (v12 >>> 16) | (v12 << 16);
    v8 = (v8 + v12) | 0; v4 ^= v8; v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + m1) | 0; v12 ^= v0; v12 = (v12 >>> 8) | (v12 << 24);
    v8 = (v8 + v12) | 0; v4 ^= v8; v4 = (v4 >>> 7) | (v4 << 25);
    v1 = (v1 + v5 + m2) | 0; v13 ^= v1; v13 = (v13 >>> 16) | (v13 << 16);
    v9 = (v9 + v13) | 0; v5 ^= v9; v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + m3) | 0; v13 ^= v1; v13 = (v13 >>> 8) | (v13 << 24);
    v9 = (v9 + v13) | 0; v5 ^= v9; v5 = (v5 >>> 7) | (v5 << 25);
    v2 = (v2 + v6 + m4) | 0; v14 ^= v2; v14 = (v14 >>> 16) | (v14 << 16);
    v10 = (v10 + v14) | 0; v6 ^= v10; v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + m5) | 0; v14 ^= v2; v14 = (v14 >>> 8) | (v14 << 24);
    v10 = (v10 + v14) | 0; v6 ^= v10; v6 = (v6 >>> 7) | (v6 << 25);
    v3 = (v3 + v7 + m6) | 0; v15 ^= v3; v15 = (v15 >>> 16) | (v15 << 16);
    v11 = (v11 + v15) | 0; v7 ^= v11; v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + m7) | 0; v15 ^= v3; v15 = (v15 >>> 8) | (v15 << 24);
    v11 = (v11 + v15) | 0; v7 ^= v11; v7 = (v7 >>> 7) | (v7 << 25);
    v0 = (v0 + v5 + m8) | 0; v15 ^= v0; v15 = (v15 >>> 16) | (v15 << 16);
    v10 = (v10 + v15) | 0; v5 ^= v10; v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + m9) | 0; v15 ^= v0; v15 = (v15 >>> 8) | (v15 << 24);
    v10 = (v10 + v15) | 0; v5 ^= v10; v5 = (v5 >>> 7) | (v5 << 25);
    v1 = (v1 + v6 + m10) | 0; v12 ^= v1; v12 = (v12 >>> 16) | (v12 << 16);
    v11 = (v11 + v12) | 0; v6 ^= v11; v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + m11) | 0; v12 ^= v1; v12 = (v12 >>> 8) | (v12 << 24);
    v11 = (v11 + v12) | 0; v6 ^= v11; v6 = (v6 >>> 7) | (v6 << 25);
    v2 = (v2 + v7 + m12) | 0; v13 ^= v2; v13 = (v13 >>> 16) | (v13 << 16);
    v8 = (v8 + v13) | 0; v7 ^= v8; v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + m13) | 0; v13 ^= v2; v13 = (v13 >>> 8) | (v13 << 24);
    v8 = (v8 + v13) | 0; v7 ^= v8; v7 = (v7 >>> 7) | (v7 << 25);
    v3 = (v3 + v4 + m14) | 0; v14 ^= v3; v14 = (v14 >>> 16) | (v14 << 16);
    v9 = (v9 + v14) | 0; v4 ^= v9; v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + m15) | 0; v14 ^= v3; v14 = (v14 >>> 8) | (v14 << 24);
    v9 = (v9 + v14) | 0; v4 ^= v9; v4 = (v4 >>> 7) | (v4 << 25);
    if (round === ROUNDS) break;
    // The next round's order of the message.
    hold = m0; m0 = m2; m2 = m3; m3 = m10; m10 = m12; m12 = m9; m9 = m11; m11 = m5; m5 = hold;
    hold = m1; m1 = m6; m6 = m4; m4 = m7; m7 = m13; m13 = m14; m14 = m15; m15 = m8; m8 = hold;
  }
  out[0] = v0 ^ v8;
  out[1] = v1 ^ v9;
  out[2] = v2 ^ v10;
  out[3] = v3 ^ v11;
  out[4] = v4 ^ v12;
  out[5] = v5 ^ v13;
  out[6] = v6 ^ v14;
  out[7] = v7 ^ v15;
}

export class Blake3 {
  /** Bytes of the chunk at hand, as words: little-endian, as every machine that runs a browser. */
  readonly #words = new Int32Array(CHUNK_BYTES / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  readonly #cv = new Int32Array(8);
  readonly #pair = new Int32Array(16);
  readonly #stack: Int32Array[] = [];
  #filled = 0;
  #chunks = 0;

  update(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      // A full chunk is only closed when more comes: the last one is treated differently.
      if (this.#filled === CHUNK_BYTES) this.#close();
      const take = Math.min(CHUNK_BYTES - this.#filled, data.length - at);
      this.#bytes.set(data.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
    }
  }

  /** The hash as 64 hex digits. The hasher is used up. */
  digest(): string {
    const alone = this.#stack.length === 0;
    const out = this.#chunk(alone ? ROOT : 0);
    for (let i = this.#stack.length - 1; i >= 0; i -= 1) {
      this.#parent(this.#stack[i] as Int32Array, out, out, i === 0 ? ROOT : 0);
    }
    return [...new Uint8Array(out.buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  #chunk(root: number): Int32Array {
    const blocks = Math.max(1, Math.ceil(this.#filled / BLOCK_BYTES));
    this.#bytes.fill(0, this.#filled, blocks * BLOCK_BYTES);
    const cv = this.#cv;
    cv.set(IV);
    for (let block = 0; block < blocks; block += 1) {
      const last = block === blocks - 1;
      const length = last ? this.#filled - block * BLOCK_BYTES : BLOCK_BYTES;
      const flags = (block === 0 ? CHUNK_START : 0) | (last ? CHUNK_END | root : 0);
      compress(cv, this.#words, block * 16, this.#chunks, length, flags, cv);
    }
    return cv.slice();
  }

  #close(): void {
    const cv = this.#chunk(0);
    this.#chunks += 1;
    this.#filled = 0;
    // As many subtrees are complete now as the count has zeros at its end.
    for (let total = this.#chunks; total % 2 === 0; total /= 2) this.#parent(this.#stack.pop() as Int32Array, cv, cv, 0);
    if (this.#stack.length >= MAX_DEPTH) throw new RangeError('the data is too large');
    this.#stack.push(cv);
  }

  #parent(left: Int32Array, right: Int32Array, out: Int32Array, root: number): void {
    this.#pair.set(left);
    this.#pair.set(right, 8);
    compress(IV, this.#pair, 0, 0, BLOCK_BYTES, PARENT | root, out);
  }
}
