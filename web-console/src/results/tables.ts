/** Tables, number series and matrices found in results. Models only; the components draw them. */

import { isObject, stringifyJson, type Json } from '../lib/json';
import { isNumber, type Csv } from './csv';
import type { NpyArray } from './npy';

export type CellValue = number | bigint | string | boolean | null;

export interface Column {
  name: string;
  numeric: boolean;
}
export interface Table {
  columns: Column[];
  length: number;
  /** The value of a row in a column. */
  at(row: number, column: number): CellValue;
}
export interface Series {
  name: string;
  values: Float64Array;
}
export interface Matrix {
  rows: number;
  cols: number;
  /** Row after row. */
  data: Float64Array;
}

/** Columns that are looked for in rows of objects; more are not shown. */
const MAX_COLUMNS = 200;
/** Rows that are looked at to find the columns. */
const COLUMN_ROWS = 1000;

/** A list of objects, of lists, or of plain values as a table; null for anything else. */
export function tableOfJson(value: Json): Table | null {
  if (isObject(value)) return tableOfRecord(value);
  if (!Array.isArray(value) || value.length === 0) return null;
  if (value.every(isObject)) return tableOfObjects(value);
  if (value.every(Array.isArray)) {
    const rows = value as Json[][];
    const width = Math.min(MAX_COLUMNS, rows.reduce((most, row) => Math.max(most, row.length), 0));
    if (width === 0) return null;
    return build(Array.from({ length: width }, (_, at) => String(at)), rows.length, (row, column) =>
      cell(rows[row]?.[column]),
    );
  }
  if (value.every((item) => item === null || typeof item !== 'object')) {
    return build(['value'], value.length, (row) => cell(value[row]));
  }
  return null;
}

/** `{"the": 12, "of": 7}`: what a count per word looks like. */
function tableOfRecord(value: { [key: string]: Json }): Table | null {
  const keys = Object.keys(value);
  if (keys.length < 2 || keys.some((key) => typeof value[key] === 'object' && value[key] !== null)) return null;
  return build(['key', 'value'], keys.length, (row, column) =>
    column === 0 ? (keys[row] ?? '') : cell(value[keys[row] as string]),
  );
}

function tableOfObjects(rows: { [key: string]: Json }[]): Table | null {
  const names = new Set<string>();
  for (const row of rows.slice(0, COLUMN_ROWS)) {
    for (const key of Object.keys(row)) if (names.size < MAX_COLUMNS) names.add(key);
  }
  const columns = [...names];
  return columns.length === 0 ? null : build(columns, rows.length, (row, column) => cell(rows[row]?.[columns[column] as string]));
}

export function tableOfCsv(csv: Csv): Table {
  return build(csv.header, csv.rows.length, (row, column) => {
    const field = csv.rows[row]?.[column] ?? '';
    if (field === '') return null;
    return isNumber(field) ? Number(field) : field;
  });
}

/** One or two dimensions of a NumPy array; more are not a table. */
export function tableOfNpy(array: NpyArray): Table | null {
  const matrix = matrixOfNpy(array);
  if (matrix !== null && matrix.cols <= MAX_COLUMNS) {
    const names = Array.from({ length: matrix.cols }, (_, at) => String(at));
    return build(names, matrix.rows, (row, column) => matrix.data[row * matrix.cols + column] ?? null);
  }
  if (array.shape.length <= 1) return build(['value'], array.data.length, (row) => array.data[row] ?? null);
  return null;
}

function build(names: string[], length: number, at: Table['at']): Table {
  const numeric = (column: number) => {
    let seen = false;
    for (let row = 0; row < Math.min(length, COLUMN_ROWS); row += 1) {
      const value = at(row, column);
      if (value === null) continue;
      if (typeof value !== 'number' && typeof value !== 'bigint') return false;
      seen = true;
    }
    return seen;
  };
  return { columns: names.map((name, column) => ({ name, numeric: numeric(column) })), length, at };
}

function cell(value: Json | undefined): CellValue {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? stringifyJson(value) : value;
}

/** Row numbers in the order of a column; empty cells are always last. */
export function sorted(table: Table, column: number, descending: boolean): Uint32Array {
  const order = Uint32Array.from({ length: table.length }, (_, row) => row);
  const sign = descending ? -1 : 1;
  const values = Array.from(order, (row) => table.at(row, column));
  return order.sort((a, b) => {
    const [left, right] = [values[a] ?? null, values[b] ?? null];
    if (left === null || right === null) return left === right ? a - b : left === null ? 1 : -1;
    return sign * compare(left, right) || a - b;
  });
}

function compare(a: NonNullable<CellValue>, b: NonNullable<CellValue>): number {
  const numbers = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';
  if (numbers(a) && numbers(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (numbers(a)) return -1;
  if (numbers(b)) return 1;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The numeric columns of a table as series. */
export function seriesOf(table: Table): Series[] {
  return table.columns.flatMap((column, at) =>
    column.numeric
      ? [{ name: column.name, values: Float64Array.from({ length: table.length }, (_, row) => toNumber(table.at(row, at))) }]
      : [],
  );
}

/** Number lists anywhere in a JSON value, by path: `{"loss": [..], "epochs": {"time": [..]}}`. */
export function seriesOfJson(value: Json, limit = 32): Series[] {
  const found: Series[] = [];
  const walk = (part: Json, path: string, depth: number): void => {
    if (found.length >= limit || depth > 4) return;
    if (Array.isArray(part)) {
      if (part.length >= 2 && part.every((item) => typeof item === 'number' || typeof item === 'bigint')) {
        found.push({ name: path || 'value', values: Float64Array.from(part, (item) => Number(item)) });
      }
    } else if (isObject(part)) {
      for (const [key, inner] of Object.entries(part)) walk(inner, path ? `${path}.${key}` : key, depth + 1);
    }
  };
  walk(value, '', 0);
  return found;
}

function toNumber(value: CellValue): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
}

/** A rectangle of numbers, at least 2 by 2; also under one key, as `{"matrix": [[..]]}`. */
export function matrixOfJson(value: Json): Matrix | null {
  if (isObject(value)) {
    for (const inner of Object.values(value)) {
      const found = Array.isArray(inner) ? matrixOfJson(inner) : null;
      if (found !== null) return found;
    }
    return null;
  }
  if (!Array.isArray(value) || value.length < 2) return null;
  const first = value[0];
  if (!Array.isArray(first) || first.length < 2) return null;
  const cols = first.length;
  const data = new Float64Array(value.length * cols);
  for (let row = 0; row < value.length; row += 1) {
    const line = value[row];
    if (!Array.isArray(line) || line.length !== cols) return null;
    for (let col = 0; col < cols; col += 1) {
      const item = line[col];
      if (typeof item !== 'number' && typeof item !== 'bigint') return null;
      data[row * cols + col] = Number(item);
    }
  }
  return { rows: value.length, cols, data };
}

export function matrixOfNpy(array: NpyArray): Matrix | null {
  const shape = array.shape.filter((edge, at) => edge !== 1 || at >= array.shape.length - 2);
  const [rows, cols] = shape;
  if (shape.length !== 2 || rows === undefined || cols === undefined || rows * cols === 0) return null;
  return { rows, cols, data: array.data };
}

/** Smallest and largest finite number. */
export function rangeOf(data: Float64Array): { min: number; max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min > max ? { min: 0, max: 0 } : { min, max };
}
