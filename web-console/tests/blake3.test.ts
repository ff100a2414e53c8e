import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { Blake3 } from '../src/submit/blake3';

/** As the official test vectors: bytes 0, 1, … 250, and again. */
const sample = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);
const hashOf = (data: Uint8Array, step = data.length || 1) => {
  const hasher = new Blake3();
  for (let at = 0; at < data.length; at += step) hasher.update(data.subarray(at, at + step));
  return hasher.digest();
};

test('the official vectors', () => {
  expect(hashOf(sample(0))).toBe('af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262');
  expect(hashOf(sample(1))).toBe('2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213');
});

test('as another implementation, at every edge of blocks, chunks and subtrees', () => {
  const edges = [2, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 4096, 4097, 5120, 8191, 8192, 8193, 16_385, 31_744, 102_400, 1_048_577];
  for (const length of edges) expect(hashOf(sample(length)), String(length)).toBe(bytesToHex(blake3(sample(length))));
});

test('however the stream is cut', () => {
  const data = sample(10_001);
  const whole = hashOf(data);
  for (const step of [1, 7, 64, 1000, 1024, 1025, 4096]) expect(hashOf(data, step), String(step)).toBe(whole);
});
