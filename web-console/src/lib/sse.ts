// Server-sent events over fetch. The browser's EventSource hides heartbeats, status codes and its own reconnecting;
// here all three matter: a silent connection is noticed, a 401 leads to the login, and resuming is ours.

import { problemOf } from './api';

export interface Frame {
  id: string;
  event: string;
  data: string;
}

/** A frame may not grow beyond this, in UTF-16 units; the largest event of a node is far smaller. */
const MAX_BUFFER = 32 << 20;

/** Cuts a text stream into frames. `onFrame` gets each; comments (heartbeats) are only life signs. */
export class SseParser {
  #buffer = '';
  #frame: Frame = { id: '', event: '', data: '' };
  #lines: string[] = [];

  constructor(private readonly onFrame: (frame: Frame) => void) {}

  push(text: string): void {
    this.#buffer += text;
    if (this.#buffer.length > MAX_BUFFER) throw new Error('an event is too large');
    let start = 0;
    for (;;) {
      const end = this.#buffer.indexOf('\n', start);
      if (end < 0) break;
      const stop = this.#buffer[end - 1] === '\r' && end > start ? end - 1 : end;
      this.#line(this.#buffer.slice(start, stop));
      start = end + 1;
    }
    if (start > 0) this.#buffer = this.#buffer.slice(start);
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#lines.length > 0) this.onFrame({ ...this.#frame, data: this.#lines.join('\n') });
      this.#frame = { id: '', event: '', data: '' };
      this.#lines = [];
      return;
    }
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'data') this.#lines.push(value);
    else if (field === 'id') this.#frame.id = value;
    else if (field === 'event') this.#frame.event = value;
  }
}

export interface StreamOptions {
  signal: AbortSignal;
  headers?: Record<string, string>;
  onOpen?: () => void;
  onFrame: (frame: Frame) => void;
  /** The connection counts as dead after this long without a byte, in milliseconds. */
  silenceMs: number;
}

/** Reads one stream until it ends (returns) or breaks (throws). */
export async function readStream(url: string, options: StreamOptions): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), options.silenceMs);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), options.silenceMs);
  };
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...options.headers },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.any([options.signal, silence.signal]),
    });
    if (!response.ok || !response.body) {
      throw await problemOf(response);
    }
    options.onOpen?.();
    const parser = new SseParser(options.onFrame);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      parser.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}
