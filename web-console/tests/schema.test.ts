import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../src/lib/json';
import { exampleParams, initialParams } from '../src/schema/example';
import { pointer, setAt, shapeOf, variantOf } from '../src/schema/resolve';
import { validate } from '../src/schema/validate';

interface RecordedJob {
  name: string;
  manifest: { params_schema: Json };
}
const JOBS = JSON.parse(readFileSync('dev/data/jobs.json', 'utf8')) as RecordedJob[];
const schemaOf = (name: string) => JOBS.find((job) => job.name === name)?.manifest.params_schema ?? true;
const codes = (value: Json, schema: Json) => validate(value, schema).map((one) => `${one.at} ${one.code}`);

test('the schemas of real jobs become forms', () => {
  const range = schemaOf('range_reduce');
  const { kind } = shapeOf(range, range);
  if (kind.kind !== 'object') return expect.unreachable();
  expect(kind.properties.map(([name, , required]) => [name, required]).slice(0, 3)).toEqual([['start', true], ['end', true], ['operation', true]]);
  const of = (name: string) => shapeOf(kind.properties.find(([key]) => key === name)?.[1], range);
  expect(of('start').kind.kind).toBe('digits');
  expect(of('operation').kind).toMatchObject({ kind: 'choice' });
  expect(of('operation').description).toBe('What is computed.');
  expect(of('chunk_size')).toMatchObject({ nullable: true, kind: { kind: 'number', whole: true }, fallback: null });
  const map = schemaOf('map');
  const column = shapeOf({ anyOf: [{ $ref: '#/$defs/Column' }, { type: 'null' }] }, map);
  expect(column).toMatchObject({ nullable: true, kind: { kind: 'union' } });
  if (column.kind.kind === 'union') {
    expect(variantOf(3, column.kind.variants, map)).toBe(0);
    expect(variantOf('name', column.kind.variants, map)).toBe(1);
  }
});

test('examples of real jobs are valid', () => {
  for (const job of JOBS) expect(validate(exampleParams(job.name, job.manifest.params_schema), job.manifest.params_schema), job.name).toEqual([]);
});

test('guesses for unknown jobs are valid', () => {
  const schema: Json = {
    type: 'object',
    required: ['n', 'mode', 'items', 'name', 'flag', 'either', 'fixed'],
    properties: {
      n: { type: 'integer', minimum: 5 },
      mode: { enum: ['a', 'b'] },
      items: { type: 'array', items: { type: 'number', maximum: 0.5 }, minItems: 2 },
      name: { type: 'string', minLength: 3 },
      flag: { type: 'boolean' },
      either: { oneOf: [{ type: 'object', properties: { kind: { const: 'x' } }, required: ['kind'] }, { type: 'string' }] },
      fixed: { const: 7 },
      extra: { type: 'string' },
    },
    additionalProperties: false,
  };
  expect(validate(exampleParams('strange', schema), schema)).toEqual([]);
  expect(initialParams(schema)).toEqual({ flag: false, fixed: 7 });
});

test('every fault has its place', () => {
  const schema: Json = {
    type: 'object',
    required: ['a', 'b'],
    additionalProperties: false,
    properties: {
      a: { type: 'integer', minimum: 1, maximum: 10, multipleOf: 2 },
      b: { type: 'string', minLength: 2, maxLength: 3, pattern: '^[a-z]+$' },
      c: { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 2, uniqueItems: true },
      d: { enum: [1, 'x'] },
      e: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      'f/g~': { const: true },
    },
  };
  expect(codes({ a: 2, b: 'ab' }, schema)).toEqual([]);
  expect(codes({}, schema)).toEqual(['/a missing', '/b missing']);
  expect(codes({ a: 0, b: 'ab' }, schema)).toEqual(['/a min']);
  expect(codes({ a: 11, b: 'A' }, schema)).toEqual(['/a max', '/a multiple', '/b short', '/b pattern']);
  expect(codes({ a: 2.5, b: 7 }, schema)).toEqual(['/a type', '/b type']);
  expect(codes({ a: 2, b: 'abcd', z: 1 }, schema)).toEqual(['/b long', '/z unknown']);
  expect(codes({ a: 2, b: 'ab', c: [] }, schema)).toEqual(['/c few']);
  expect(codes({ a: 2, b: 'ab', c: [true, 1, true] }, schema)).toEqual(['/c many', '/c/2 unique', '/c/1 type']);
  expect(codes({ a: 2, b: 'ab', d: 'y', e: 0 }, schema)).toEqual(['/d enum', '/e above']);
  expect(codes({ a: 2, b: 'ab', e: 1, 'f/g~': false }, schema)).toEqual(['/e below', '/f~1g~0 const']);
});

test('numbers beyond 2^53 are compared exactly', () => {
  const schema: Json = { type: 'integer', maximum: 18446744073709551615n };
  expect(codes(18446744073709551615n, schema)).toEqual([]);
  expect(codes(18446744073709551616n, schema)).toEqual([' max']);
  expect(codes(2n ** 70n, { type: 'integer', multipleOf: 1024 })).toEqual([]);
  expect(codes(2n ** 70n + 1n, { type: 'integer', multipleOf: 1024 })).toEqual([' multiple']);
  expect(codes(5, { type: ['integer', 'string'], pattern: '^[+-]?[0-9]+$' })).toEqual([]);
  expect(codes('12x', { type: ['integer', 'string'], pattern: '^[+-]?[0-9]+$' })).toEqual([' pattern']);
});

test('alternatives: the nearest one explains', () => {
  const shape: Json = {
    oneOf: [
      { type: 'object', properties: { kind: { const: 'circle' }, r: { type: 'number', minimum: 0 } }, required: ['kind', 'r'] },
      { type: 'object', properties: { kind: { const: 'square' }, side: { type: 'number' } }, required: ['kind', 'side'] },
    ],
  };
  expect(codes({ kind: 'circle', r: 1 }, shape)).toEqual([]);
  expect(codes({ kind: 'circle', r: -1 }, shape)).toEqual(['/r min']);
  expect(codes({ kind: 'square' }, shape)).toEqual(['/side missing']);
  expect(codes('x', shape)).toEqual([' type']);
  expect(codes(5, { oneOf: [{ type: 'integer' }, { minimum: 2 }] })).toEqual([' several_fit']);
  expect(codes('c', { anyOf: [{ const: 'a' }, { const: 'b' }] })).toEqual([' enum']);
});

test('references, also in a circle', () => {
  const tree: Json = {
    $ref: '#/$defs/node',
    $defs: { node: { type: 'object', required: ['v'], properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/node' } } } },
  };
  expect(codes({ v: 1, next: { v: 2, next: { v: 'x' } } }, tree)).toEqual(['/next/next/v type']);
  const circle: Json = { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } };
  expect(codes(1, circle)).toEqual([]);
  expect(shapeOf(circle, circle).kind.kind).toBe('any');
});

test('if, then, else, not, dependentRequired', () => {
  const schema: Json = {
    if: { properties: { op: { const: 'custom' } }, required: ['op'] },
    then: { required: ['expression'] },
    else: { not: { required: ['expression'] } },
    dependentRequired: { a: ['b'] },
  };
  expect(codes({ op: 'custom' }, schema)).toEqual(['/expression missing']);
  expect(codes({ op: 'sum', expression: 'x' }, schema)).toEqual([' not']);
  expect(codes({ op: 'sum', a: 1 }, schema)).toEqual(['/b missing']);
});

test('a pattern that browsers refuse is left to the node', () => {
  expect(codes('x', { type: 'string', pattern: '(?P<n>x)' })).toEqual([]);
});

test('changing one place leaves the others as they were', () => {
  const before: JsonObject = { a: [1, { b: 2 }], c: 3 };
  expect(setAt(before, ['a', 1, 'b'], 5)).toEqual({ a: [1, { b: 5 }], c: 3 });
  expect(setAt(before, ['a', 0], undefined)).toEqual({ a: [{ b: 2 }], c: 3 });
  expect(setAt(before, ['c'], undefined)).toEqual({ a: [1, { b: 2 }] });
  expect(before).toEqual({ a: [1, { b: 2 }], c: 3 });
  expect(pointer(['a/b', 0, '~'])).toBe('/a~1b/0/~0');
});
