/** A JSON value as rows of a tree: only open branches become rows, and long ones are cut into ranges, so any size is quick. */

import { isObject, stringifyJson, type Json } from '../lib/json';

export type TreeKind = 'object' | 'array' | 'range' | 'string' | 'number' | 'boolean' | 'null';

export interface TreeRow {
  /** Unique: the JSON pointer, and the range if it is one. */
  id: string;
  pointer: string;
  depth: number;
  label: string;
  kind: TreeKind;
  value: Json;
  /** Children of a branch. */
  size: number;
  /** Of a range. */
  from: number;
}

/** Children above this are cut into ranges of as many. */
export const RANGE = 200;
/** Values that one search looks at, and matches it keeps. */
const SEARCHED = 500_000;
export const MAX_MATCHES = 500;

export function rootRow(value: Json): TreeRow {
  return rowOf('', '$', 0, value);
}

function rowOf(pointer: string, label: string, depth: number, value: Json): TreeRow {
  const size = Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;
  return { id: pointer, pointer, depth, label, kind: kindOf(value), value, size, from: 0 };
}

export function kindOf(value: Json): TreeKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'object') return 'object';
  if (typeof value === 'bigint') return 'number';
  return typeof value as TreeKind;
}

export function isBranch(row: TreeRow): boolean {
  return row.size > 0 && (row.kind === 'object' || row.kind === 'array' || row.kind === 'range');
}

export function childrenOf(row: TreeRow): TreeRow[] {
  const depth = row.depth + 1;
  const array = Array.isArray(row.value);
  const keys = array ? null : Object.keys(row.value as object);
  const total = array ? (row.value as Json[]).length : (keys?.length ?? 0);
  if (row.kind !== 'range' && total > RANGE) return rangesOf(row, total, depth);
  const [from, to] = row.kind === 'range' ? [row.from, Math.min(total, row.from + row.size)] : [0, total];
  const rows: TreeRow[] = [];
  for (let at = from; at < to; at += 1) {
    const key = keys === null ? String(at) : (keys[at] as string);
    const value = keys === null ? ((row.value as Json[])[at] as Json) : ((row.value as { [key: string]: Json })[key] as Json);
    rows.push(rowOf(`${row.pointer}/${escapeKey(key)}`, key, depth, value));
  }
  return rows;
}

function rangesOf(row: TreeRow, total: number, depth: number): TreeRow[] {
  const rows: TreeRow[] = [];
  for (let from = 0; from < total; from += RANGE) {
    const size = Math.min(RANGE, total - from);
    const label = `${from} … ${from + size - 1}`;
    rows.push({ id: `${row.pointer}#${from}`, pointer: row.pointer, depth, label, kind: 'range', value: row.value, size, from });
  }
  return rows;
}

/** The rows that show: open branches with what is in them. */
export function visibleRows(root: TreeRow, open: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const stack = [root];
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    rows.push(row);
    if (!isBranch(row) || !open.has(row.id)) continue;
    const children = childrenOf(row);
    for (let at = children.length - 1; at >= 0; at -= 1) stack.push(children[at] as TreeRow);
  }
  return rows;
}

/** Ids that must be open for a pointer to show. */
export function ancestorsOf(root: TreeRow, pointer: string): string[] {
  const ids: string[] = [];
  let row: TreeRow | undefined = root;
  while (row !== undefined && row.id !== pointer) {
    ids.push(row.id);
    row = childrenOf(row).find((child) =>
      child.kind === 'range'
        ? childrenOf(child).some((inner) => pointer === inner.pointer || pointer.startsWith(`${inner.pointer}/`))
        : pointer === child.pointer || pointer.startsWith(`${child.pointer}/`),
    );
  }
  return ids;
}

/** Pointers whose key or plain value contains the text; letter case does not matter. */
export function search(value: Json, text: string): { pointers: string[]; complete: boolean } {
  const wanted = text.toLowerCase();
  const pointers: string[] = [];
  if (wanted === '') return { pointers, complete: true };
  let looked = 0;
  const stack: { pointer: string; key: string; value: Json }[] = [{ pointer: '', key: '', value }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    looked += 1;
    if (looked > SEARCHED || pointers.length >= MAX_MATCHES) return { pointers, complete: false };
    const branch = item.value !== null && typeof item.value === 'object';
    const own = branch ? '' : String(item.value).toLowerCase();
    if (item.key.toLowerCase().includes(wanted) || own.includes(wanted)) pointers.push(item.pointer);
    if (!branch) continue;
    const entries = Array.isArray(item.value)
      ? item.value.map((inner, at): [string, Json] => [String(at), inner])
      : Object.entries(item.value as { [key: string]: Json });
    for (let at = entries.length - 1; at >= 0; at -= 1) {
      const [key, inner] = entries[at] as [string, Json];
      const shown = Array.isArray(item.value) ? '' : key;
      stack.push({ pointer: `${item.pointer}/${escapeKey(key)}`, key: shown, value: inner });
    }
  }
  return { pointers, complete: true };
}

function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A path as programs write it: `$.items[3].name`. */
export function pathOf(root: TreeRow, pointer: string): string {
  let path = '$';
  let value: Json | undefined = root.value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) {
      path += `[${key}]`;
      value = value[Number(key)];
    } else {
      path += /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      value = isObject(value) ? value[key] : undefined;
    }
  }
  return path;
}

/** A short text for a closed branch or a plain value. */
export function previewOf(value: Json, limit = 120): string {
  if (value === null || typeof value !== 'object') return stringifyJson(value);
  const parts: string[] = [];
  let length = 0;
  const entries = Array.isArray(value) ? value.slice(0, 12) : Object.entries(value).slice(0, 8);
  for (const entry of entries) {
    const part = Array.isArray(value)
      ? leaf(entry as Json)
      : `${(entry as [string, Json])[0]}: ${leaf((entry as [string, Json])[1])}`;
    length += part.length + 2;
    if (length > limit) break;
    parts.push(part);
  }
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  const more = parts.length < size ? [...parts, '…'] : parts;
  return Array.isArray(value) ? `[${more.join(', ')}]` : `{${more.join(', ')}}`;
}

function leaf(value: Json): string {
  if (value === null || typeof value !== 'object') return stringifyJson(value).slice(0, 40);
  return Array.isArray(value) ? `[${value.length}]` : '{…}';
}
