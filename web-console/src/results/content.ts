/** What a result is: found out from its first bytes and its text, never from a name. */

import { parseJson, type Json } from '../lib/json';
import { parseCsv, sniffDelimiter, type Csv } from './csv';
import { isNpy, parseNpy, type NpyArray } from './npy';

export type ImageType = 'image/png' | 'image/jpeg' | 'image/svg+xml' | 'image/gif' | 'image/webp';

export type Content =
  | { kind: 'json'; value: Json; text: string; lines: boolean }
  | { kind: 'csv'; csv: Csv; text: string }
  | { kind: 'text'; text: string }
  | { kind: 'image'; type: ImageType }
  | { kind: 'npy'; array: NpyArray }
  | { kind: 'binary'; why: string };

export function contentOf(bytes: Uint8Array): Content {
  const image = imageType(bytes);
  if (image !== null) return { kind: 'image', type: image };
  if (isNpy(bytes)) {
    try {
      return { kind: 'npy', array: parseNpy(bytes) };
    } catch (error) {
      return { kind: 'binary', why: error instanceof Error ? error.message : '' };
    }
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { kind: 'binary', why: '' };
  }
  // Text has no control characters but white space.
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text.slice(0, 65_536))) return { kind: 'binary', why: '' };
  if (/^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s>]/.test(text)) return { kind: 'image', type: 'image/svg+xml' };
  const json = jsonOf(text);
  if (json !== null) return { kind: 'json', ...json, text };
  const delimiter = sniffDelimiter(text);
  if (delimiter !== null) return { kind: 'csv', csv: parseCsv(text, delimiter), text };
  return { kind: 'text', text };
}

/** A whole JSON text, or one value per line. */
function jsonOf(text: string): { value: Json; lines: boolean } | null {
  const first = text.trimStart()[0];
  if (first === undefined || !/[[{"\-\dtfn]/.test(first)) return null;
  try {
    return { value: parseJson(text), lines: false };
  } catch {
    if (first !== '{' && first !== '[') return null;
  }
  const rows = text.split('\n').filter((line) => line.trim() !== '');
  if (rows.length < 2) return null;
  try {
    return { value: rows.map((line) => parseJson(line)), lines: true };
  } catch {
    return null;
  }
}

export function imageType(bytes: Uint8Array): ImageType | null {
  const starts = (...magic: number[]) => magic.every((byte, at) => bytes[at] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'image/png';
  if (starts(0xff, 0xd8, 0xff)) return 'image/jpeg';
  if (starts(0x47, 0x49, 0x46, 0x38)) return 'image/gif';
  const riff = starts(0x52, 0x49, 0x46, 0x46);
  if (riff && [0x57, 0x45, 0x42, 0x50].every((byte, at) => bytes[at + 8] === byte)) return 'image/webp';
  return null;
}

const EXTENSIONS: Record<ImageType, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

/** The ending a downloaded file gets. */
export function extensionOf(content: Content): string {
  switch (content.kind) {
    case 'json':
      return content.lines ? 'jsonl' : 'json';
    case 'csv':
      return content.csv.delimiter === '\t' ? 'tsv' : 'csv';
    case 'text':
      return 'txt';
    case 'npy':
      return 'npy';
    case 'image':
      return EXTENSIONS[content.type];
    case 'binary':
      return 'bin';
  }
}
