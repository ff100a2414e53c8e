import { expect, test } from 'vitest';
import { equalJson, JsonSyntaxError, parseJson, stringifyJson, type Json } from '../src/lib/json';

test('whole numbers keep every digit', () => {
  const text = '{"a":123456789012345678901234567890,"b":-9007199254740993,"c":9007199254740991,"d":1.5}';
  const value = parseJson(text) as Record<string, Json>;
  expect(value['a']).toBe(123456789012345678901234567890n);
  expect(value['b']).toBe(-9007199254740993n);
  expect(value['c']).toBe(9007199254740991);
  expect(stringifyJson(value)).toBe(text);
});

test('reads what JSON.parse reads, and refuses what it refuses', () => {
  const good = ['null', ' true ', '"\\u00e9\\n\\"x\\\\"', '[1, [2, {"a": []}], {}]', '-0.5e+3', '{"__proto__": {"x": 1}, "a": 1}', '""'];
  for (const text of good) expect(JSON.stringify(parseJson(text)), text).toBe(JSON.stringify(JSON.parse(text)));
  const bad = ['', '{', '{"a" 1}', '{"a":1,}', '[1,]', '01', '1.', '.5', '+1', "'a'", '"\n"', 'nul', '1 2', '{a:1}', '"\\x"', '[1', 'NaN'];
  for (const text of bad) {
    expect(() => JSON.parse(text), text).toThrow();
    expect(() => parseJson(text), text).toThrow(JsonSyntaxError);
  }
});

test('a mistake is found where it is', () => {
  try {
    parseJson('{\n  "a": 1,\n  "b": oops\n}');
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ line: 3, column: 8 });
  }
});

test('nesting beyond the limit is an error, not an overflow', () => {
  expect(() => parseJson('['.repeat(100_000))).toThrow(JsonSyntaxError);
});

test('writes with indent what it reads again', () => {
  const value: Json = { list: [1, 2, 3], big: 2n ** 80n, deep: { a: [{ b: null }], empty: {}, none: [] }, text: 'ü"' };
  const text = stringifyJson(value, 2);
  expect(text).toContain('"list": [1, 2, 3]');
  expect(equalJson(parseJson(text), value)).toBe(true);
});

test('equality knows numbers of both kinds', () => {
  expect(equalJson(5, 5n)).toBe(true);
  expect(equalJson({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBe(true);
  expect(equalJson({ a: 1 }, { a: 1, b: 1 })).toBe(false);
  expect(equalJson(1.5, 1n)).toBe(false);
  expect(equalJson([1], [1, 2])).toBe(false);
});
