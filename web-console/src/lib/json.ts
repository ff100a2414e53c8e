// JSON without loss: whole numbers that a double cannot hold become bigint, and bigint is written as digits.
// Parameters of tasks may have any size, so everything that carries parameters goes through here.

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Deepest nesting that is read; the node refuses deeper documents as well. */
const MAX_DEPTH = 128;

export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    /** Offset in the text, in UTF-16 units. */
    readonly at: number,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
// A string without its quotes: anything but quotes, backslashes and control characters, or an escape.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

export function parseJson(text: string): Json {
  let at = 0;

  const fail = (message: string, where = at): never => {
    const before = text.slice(0, where);
    const line = before.split('\n').length;
    throw new JsonSyntaxError(message, where, line, where - (before.lastIndexOf('\n') + 1) + 1);
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return null;
    at = pattern.lastIndex;
    return found[0];
  };
  const space = () => void match(SPACE);
  const string = (): string => {
    const found = match(STRING);
    if (found === null) return fail('string');
    return JSON.parse(found) as string;
  };
  const value = (depth: number): Json => {
    if (depth > MAX_DEPTH) fail('depth');
    space();
    const first = text[at];
    if (first === undefined) return fail('end');
    if (first === '{') return object(depth);
    if (first === '[') return array(depth);
    if (first === '"') return string();
    for (const [word, meaning] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    const number = match(NUMBER);
    if (number === null) return fail('value');
    return toNumber(number);
  };
  const object = (depth: number): Json => {
    const out: JsonObject = {};
    at += 1;
    space();
    if (text[at] === '}') {
      at += 1;
      return out;
    }
    for (;;) {
      space();
      if (text[at] !== '"') fail('key');
      const key = string();
      space();
      if (text[at] !== ':') fail('colon');
      at += 1;
      // defineProperty: a key called __proto__ is a key like any other.
      Object.defineProperty(out, key, { value: value(depth + 1), enumerable: true, writable: true, configurable: true });
      space();
      const next = text[at];
      at += 1;
      if (next === '}') return out;
      if (next !== ',') fail('comma', at - 1);
    }
  };
  const array = (depth: number): Json => {
    const out: Json[] = [];
    at += 1;
    space();
    if (text[at] === ']') {
      at += 1;
      return out;
    }
    for (;;) {
      out.push(value(depth + 1));
      space();
      const next = text[at];
      at += 1;
      if (next === ']') return out;
      if (next !== ',') fail('comma', at - 1);
    }
  };

  const result = value(0);
  space();
  if (at < text.length) fail('rest');
  return result;
}

/** Digits as they were written: a number where a double holds it, else a bigint. */
export function toNumber(digits: string): number | bigint {
  const number = Number(digits);
  if (/^-?\d+$/.test(digits) && !Number.isSafeInteger(number)) return BigInt(digits);
  return number;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Like JSON.stringify, with bigint written as digits. */
export function stringifyJson(value: Json, indent = 0): string {
  return write(value, indent, '');
}

function write(value: Json, indent: number, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const deeper = margin + ' '.repeat(indent);
  const items = Array.isArray(value)
    ? value.map((item) => write(item, indent, deeper))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}:${indent ? ' ' : ''}${write(item, indent, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  if (!indent) return `${open}${items.join(',')}${close}`;
  // Short lists of plain values stay on one line.
  const flat = Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object');
  if (flat && items.join(', ').length <= 80) return `[${items.join(', ')}]`;
  return `${open}\n${items.map((item) => deeper + item).join(',\n')}\n${margin}${close}`;
}

export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (typeof a === 'number' && typeof b === 'bigint') return BigInt(Math.trunc(a)) === b && Number.isInteger(a);
  if (typeof a === 'bigint' && typeof b === 'number') return equalJson(b, a);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equalJson(item, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]));
  }
  return false;
}
