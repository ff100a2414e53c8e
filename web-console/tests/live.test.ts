import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { session } from '../src/lib/api';
import { live } from '../src/lib/live';
import { SseParser, type Frame } from '../src/lib/sse';
import type { EventView } from '../src/lib/types';

test('frames are found however the bytes are cut', () => {
  const text = ': hello\nretry: 1000\n\nid: 7\nevent: a\ndata: {"x":1}\n\nid: 8\r\nevent: b\r\ndata: one\r\ndata: two\r\n\r\n: beat\n\n';
  for (const size of [1, 3, 7, 1000]) {
    const frames: Frame[] = [];
    const parser = new SseParser((frame) => frames.push(frame));
    for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size));
    expect(frames).toEqual([
      { id: '7', event: 'a', data: '{"x":1}' },
      { id: '8', event: 'b', data: 'one\ntwo' },
    ]);
  }
});

test('a stream that never ends a line is not kept without limit', () => {
  const parser = new SseParser(() => {});
  expect(() => {
    for (let i = 0; i < 40; i += 1) parser.push('x'.repeat(1 << 20));
  }).toThrow('too large');
});

// A node with a journal, a start time, and connections that the test cuts.
const node = {
  started: 1_000,
  seq: 10,
  up: true,
  from: [] as number[],
  streams: [] as ReadableStreamDefaultController<Uint8Array>[],
  emit() {
    node.seq += 1;
    const text = `id: ${node.seq}\nevent: task_planned\ndata: ${JSON.stringify({ seq: node.seq, at: 0, type: 'task_planned' })}\n\n`;
    for (const stream of node.streams) stream.enqueue(new TextEncoder().encode(text));
  },
  cut() {
    for (const stream of node.streams) stream.error(new Error('cut'));
    node.streams = [];
  },
};

function answer(url: string): Response {
  if (url.includes('/network/status')) {
    return Response.json({ node_id: 'n', started_at: node.started, journal_seq: node.seq });
  }
  const from = Number(new URL(url, 'http://x').searchParams.get('from'));
  node.from.push(from);
  if (from > node.seq + 1) return Response.json({ status: 400, code: 'unknown_event', detail: 'other journal' }, { status: 400 });
  return new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let seq = from; seq <= node.seq; seq += 1) {
          controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify({ seq, at: 0, type: 'task_planned' })}\n\n`));
        }
        node.streams.push(controller);
      },
    }),
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: false, addEventListener: () => {} });
  vi.stubGlobal('fetch', (url: string) => (node.up ? Promise.resolve(answer(String(url))) : Promise.reject(new TypeError('refused'))));
  session.value = { name: 'a', role: 'viewer', own_only: false, anonymous: true, csrf_header: 'x' };
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('goes on after the last record, and says when the node was restarted', async () => {
  const seen: number[] = [];
  const stop = live.on((event: EventView) => seen.push(event.seq));
  live.start();
  await vi.waitFor(() => expect(live.state).toBe('live'));
  expect(node.from).toEqual([11]);
  node.emit();
  await vi.waitFor(() => expect(seen).toEqual([11]));

  // Cut: while away, two records are written; both come, once.
  node.cut();
  await vi.waitFor(() => expect(live.state).toBe('lost'));
  node.seq += 2;
  await vi.waitFor(() => expect(live.state).toBe('back'));
  await vi.waitFor(() => expect(seen).toEqual([11, 12, 13]));
  expect(node.from.at(-1)).toBe(12);
  expect(live.restarted).toBe(false);
  const epoch = live.epoch;

  // Down for a while, then another process with the same journal.
  node.up = false;
  node.cut();
  await vi.waitFor(() => expect(live.state).toBe('lost'));
  await vi.advanceTimersByTimeAsync(15_000);
  expect(live.state).toBe('lost');
  node.up = true;
  node.started = 2_000;
  await vi.waitFor(() => expect(live.state).toBe('back'), { timeout: 30_000 });
  expect(live.restarted).toBe(true);
  expect(live.epoch).toBe(epoch + 1);
  live.dismiss();
  expect(live.restarted).toBe(false);

  // Another journal, shorter than what we saw: from its end on.
  node.cut();
  node.seq = 3;
  node.started = 3_000;
  await vi.waitFor(() => expect(live.epoch).toBe(epoch + 2), { timeout: 30_000 });
  await vi.waitFor(() => expect(node.from.at(-1)).toBe(4), { timeout: 30_000 });
  node.emit();
  await vi.waitFor(() => expect(seen.at(-1)).toBe(4));
  stop();
});
