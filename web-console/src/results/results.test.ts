import { describe, expect, it } from 'vitest';
import { parseJson } from '../lib/json';
import { colourOf, MISSING, scaleOf } from './colour';
import { contentOf, extensionOf } from './content';
import { parseCsv, sniffDelimiter } from './csv';
import { hexRow, hexRows } from './hex';
import { parseNpy } from './npy';
import { matrixOfJson, matrixOfNpy, rangeOf, seriesOf, seriesOfJson, sorted, tableOfCsv, tableOfJson, tableOfNpy } from './tables';
import { grouped, thinned } from './thin';
import { ancestorsOf, childrenOf, pathOf, previewOf, rootRow, search, visibleRows } from './tree';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A .npy file as numpy.save writes it. */
function npy(descr: string, fortran: boolean, shape: number[], body: ArrayBufferView, version = 1): Uint8Array {
  const order = fortran ? 'True' : 'False';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${tuple}, }`;
  const fixed = version === 1 ? 10 : 12;
  header = header.padEnd(Math.ceil((fixed + header.length + 1) / 64) * 64 - fixed - 1, ' ') + '\n';
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, header.length, true);
  const size = new Uint8Array(length.buffer, 0, version === 1 ? 2 : 4);
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return Uint8Array.from([0x93, ...utf8('NUMPY'), version, 0, ...size, ...utf8(header), ...bytes]);
}

describe('npy', () => {
  it('reads every supported type', () => {
    const cases: [string, ArrayBufferView, number[]][] = [
      ['<f4', new Float32Array([1.5, -2, 0]), [1.5, -2, 0]],
      ['<f8', new Float64Array([0.1, 1e300]), [0.1, 1e300]],
      ['<i4', new Int32Array([-5, 7]), [-5, 7]],
      ['<i8', new BigInt64Array([-1n, 1234567890123n]), [-1, 1234567890123]],
      ['|u1', new Uint8Array([0, 255]), [0, 255]],
      ['<u2', new Uint16Array([65535]), [65535]],
      ['|b1', new Uint8Array([1, 0]), [1, 0]],
    ];
    for (const [descr, body, values] of cases) {
      const array = parseNpy(npy(descr, false, [values.length], body));
      expect([descr, [...array.data], array.exact]).toEqual([descr, values, true]);
    }
  });

  it('reads big-endian, version 2, and scalars', () => {
    const big = new DataView(new ArrayBuffer(8));
    big.setInt32(0, 1);
    big.setInt32(4, -2);
    expect([...parseNpy(npy('>i4', false, [2], big, 2)).data]).toEqual([1, -2]);
    expect(parseNpy(npy('<f8', false, [], new Float64Array([7]))).data[0]).toBe(7);
  });

  it('turns Fortran order into C order in two and three dimensions', () => {
    const columns = parseNpy(npy('<i4', true, [2, 3], new Int32Array([1, 4, 2, 5, 3, 6])));
    expect([...columns.data]).toEqual([1, 2, 3, 4, 5, 6]);
    const raw = new Int32Array(24);
    const [a, b, c] = [2, 3, 4];
    for (let i = 0; i < a; i += 1)
      for (let j = 0; j < b; j += 1) for (let k = 0; k < c; k += 1) raw[i + a * j + a * b * k] = i * 100 + j * 10 + k;
    const cube = parseNpy(npy('<i4', true, [a, b, c], raw));
    expect(cube.data[1 * b * c + 2 * c + 3]).toBe(123);
    expect(cube.data[0 * b * c + 1 * c + 2]).toBe(12);
  });

  it('says when whole numbers were rounded', () => {
    expect(parseNpy(npy('<i8', false, [1], new BigInt64Array([9007199254740993n]))).exact).toBe(false);
  });

  it('refuses what is cut off, unknown or no such file', () => {
    const whole = npy('<f8', false, [4], new Float64Array(4));
    expect(() => parseNpy(whole.subarray(0, whole.length - 1))).toThrow('32 bytes');
    expect(() => parseNpy(whole.subarray(0, 20))).toThrow('cut off');
    expect(() => parseNpy(utf8('hello world!'))).toThrow('magic');
    expect(() => parseNpy(npy('<c16', false, [1], new Float64Array(2)))).toThrow('c16');
    expect(() => parseNpy(npy('|O8', false, [1], new Float64Array(2)))).toThrow('plain type');
    expect(contentOf(whole.subarray(0, 40))).toMatchObject({ kind: 'binary' });
  });
});

describe('csv', () => {
  it('reads quotes, doubled quotes, line breaks in fields and any line ends', () => {
    const csv = parseCsv('name,text\r\nann,"a ""b"", c"\nbob,"two\nlines"\r', ',');
    expect(csv.header).toEqual(['name', 'text']);
    expect(csv.rows).toEqual([
      ['ann', 'a "b", c'],
      ['bob', 'two\nlines'],
    ]);
  });
  it('knows a header from numbers, and short rows', () => {
    expect(parseCsv('1,2\n3,4\n', ',').header).toEqual(['1', '2']);
    expect(parseCsv('a,b\n1\n', ',').rows).toEqual([['1']]);
    expect(parseCsv('\ufeffa,b\n1,2', ',').header).toEqual(['a', 'b']);
  });
  it('finds the delimiter, or that there is none', () => {
    expect(sniffDelimiter('a;b\n1;2\n')).toBe(';');
    expect(sniffDelimiter('a\tb\n1\t2\n')).toBe('\t');
    expect(sniffDelimiter('Hello, world\nthis is prose\n')).toBeNull();
    expect(sniffDelimiter('one line, only')).toBeNull();
  });
  it('survives an open quote', () => {
    expect(parseCsv('a,"open\nend', ',').rows.length + 1).toBeGreaterThan(0);
  });
});

describe('what a result is', () => {
  const kinds: [Uint8Array, string, string][] = [
    [utf8('{"a": 1}'), 'json', 'json'],
    [utf8('12345678901234567890'), 'json', 'json'],
    [utf8('{"a":1}\n{"a":2}\n'), 'json', 'jsonl'],
    [utf8('a,b\n1,2\n'), 'csv', 'csv'],
    [utf8('the quick brown fox\n'), 'text', 'txt'],
    [utf8(''), 'text', 'txt'],
    [utf8('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image', 'svg'],
    [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), 'image', 'png'],
    [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'image', 'jpg'],
    [Uint8Array.of(0, 1, 2, 255), 'binary', 'bin'],
    [utf8('a\u0001b'), 'binary', 'bin'],
    [npy('<f8', false, [1], new Float64Array(1)), 'npy', 'npy'],
  ];
  it.each(kinds)('%#', (bytes, kind, extension) => {
    const content = contentOf(bytes);
    expect([content.kind, extensionOf(content)]).toEqual([kind, extension]);
  });
  it('keeps every digit', () => {
    const content = contentOf(utf8('{"product": 93326215443944152681699238856266700490715968264381621468}'));
    expect(content.kind === 'json' && previewOf(content.value)).toContain('93326215443944152681699238');
  });
});

describe('tables and numbers', () => {
  it('makes tables of objects, lists, counts and CSV', () => {
    const objects = tableOfJson([{ a: 1, b: 'x' }, { b: 'y', c: [1] }]);
    expect(objects?.columns).toEqual([
      { name: 'a', numeric: true },
      { name: 'b', numeric: false },
      { name: 'c', numeric: false },
    ]);
    expect(objects?.at(1, 2)).toBe('[1]');
    expect(tableOfJson({ the: 3, of: 2 })?.columns.map((column) => column.name)).toEqual(['key', 'value']);
    expect(tableOfJson({ nested: {} })).toBeNull();
    expect(tableOfJson([1, [2]])).toBeNull();
    const csv = tableOfCsv(parseCsv('n,v\na,10\nb,9\nc,\n', ','));
    expect([...sorted(csv, 1, false)]).toEqual([1, 0, 2]);
    expect([...sorted(csv, 1, true)]).toEqual([0, 1, 2]);
    expect(seriesOf(csv).map((series) => [series.name, [...series.values]])).toEqual([['v', [10, 9, NaN]]]);
  });
  it('sorts big numbers, and mixed columns, without loss', () => {
    const table = tableOfJson([{ v: 9007199254740993n }, { v: 9007199254740992n }, { v: 'text' }, { v: 1 }]);
    expect(table && [...sorted(table, 0, false)]).toEqual([3, 1, 0, 2]);
  });
  it('finds series and matrices inside JSON', () => {
    expect(seriesOfJson(parseJson('{"loss":[3,2,1],"by":{"t":[1,2]},"s":["a"]}')).map((series) => series.name)).toEqual([
      'loss',
      'by.t',
    ]);
    expect(matrixOfJson(parseJson('[[1,2],[3,4]]'))).toMatchObject({ rows: 2, cols: 2 });
    expect(matrixOfJson(parseJson('{"m":[[1,2],[3,4]]}'))).toMatchObject({ rows: 2, cols: 2 });
    expect(matrixOfJson(parseJson('[[1,2],[3]]'))).toBeNull();
    expect(rangeOf(Float64Array.of(NaN, 3, -1, Infinity))).toEqual({ min: -1, max: 3 });
    const array = parseNpy(npy('<f8', false, [1, 2, 3], new Float64Array([1, 2, 3, 4, 5, 6])));
    expect(matrixOfNpy(array)).toMatchObject({ rows: 2, cols: 3 });
    expect(tableOfNpy(array)?.at(1, 0)).toBe(4);
  });
});

describe('tree', () => {
  const value = parseJson('{"a": {"b/c": [1, 2, {"deep": "Needle"}]}, "n": null}');
  it('shows only what is open', () => {
    const root = rootRow(value);
    expect(visibleRows(root, new Set()).map((row) => row.id)).toEqual(['']);
    expect(visibleRows(root, new Set([''])).map((row) => row.label)).toEqual(['$', 'a', 'n']);
  });
  it('finds, opens the way, and names paths', () => {
    const root = rootRow(value);
    const { pointers, complete } = search(value, 'needle');
    expect([pointers, complete]).toEqual([['/a/b~1c/2/deep'], true]);
    const open = new Set(ancestorsOf(root, pointers[0] as string));
    expect(visibleRows(root, open).some((row) => row.id === pointers[0])).toBe(true);
    expect(pathOf(root, pointers[0] as string)).toBe('$.a["b/c"][2].deep');
  });
  it('cuts long branches into ranges, and finds inside them', () => {
    const long = Array.from({ length: 1050 }, (_, at) => at);
    const root = rootRow(long);
    const ranges = childrenOf(root);
    expect(ranges.map((row) => row.size)).toEqual([200, 200, 200, 200, 200, 50]);
    expect(childrenOf(ranges[5] as never).map((row) => row.label).at(-1)).toBe('1049');
    const open = new Set(ancestorsOf(root, '/1049'));
    expect(open.has('#1000')).toBe(true);
    expect(visibleRows(root, open).length).toBe(1 + 6 + 50);
  });
  it('previews branches', () => {
    expect(previewOf(parseJson('{"a":[1,2],"b":{}}'))).toBe('{a: [2], b: {…}}');
    expect(previewOf(Array.from({ length: 50 }, (_, at) => at))).toBe('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …]');
  });
});

it('dumps bytes', () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, at) => at + 0x60);
  expect(hexRows(bytes.length)).toBe(2);
  expect(hexRow(bytes, 0)).toEqual({
    offset: '00000000',
    hex: '60 61 62 63 64 65 66 67  68 69 6a 6b 6c 6d 6e 6f',
    text: '`abcdefghijklmno',
  });
  expect(hexRow(bytes, 1)).toEqual({ offset: '00000010', hex: '70 71', text: 'pq' });
});

describe('plots and colours', () => {
  it('keeps the extremes of every stretch', () => {
    const values = Float64Array.from({ length: 100_000 }, (_, at) => (at === 54_321 ? 99 : at === 12_345 ? -99 : Math.sin(at)));
    const points = thinned(null, [values], 1_000);
    expect(points.x.length).toBeLessThanOrEqual(1_002);
    expect(Math.max(...(points.y[0] as number[]))).toBe(99);
    expect(Math.min(...(points.y[0] as number[]))).toBe(-99);
    expect(points.x.every((x, at) => at === 0 || x >= (points.x[at - 1] as number))).toBe(true);
  });
  it('leaves short series alone, with holes where there is no number', () => {
    expect(thinned(Float64Array.of(5, 6), [Float64Array.of(1, NaN)], 10)).toEqual({ x: [5, 6], y: [[1, null]] });
  });
  it('puts bars of several series side by side', () => {
    const points = grouped({ x: [0, 1], y: [[1, 2], [3, 4]] });
    expect(points.x.map((x) => Math.abs(Math.round(x)))).toEqual([0, 0, 1, 1]);
    expect(points.y).toEqual([
      [1, null, 2, null],
      [null, 3, null, 4],
    ]);
  });
  it('colours both sides of zero from its middle, and what is no number in grey', () => {
    expect(scaleOf({ min: -1, max: 3 })).toEqual({ min: -3, max: 3, diverging: true });
    const scale = scaleOf({ min: 0, max: 10 });
    expect(colourOf(scale, 0)).toEqual([68, 1, 84]);
    expect(colourOf(scale, 10)).toEqual([253, 231, 37]);
    expect(colourOf(scale, NaN)).toEqual(MISSING);
    expect(colourOf(scaleOf({ min: 5, max: 5 }), 5)).toHaveLength(3);
  });
});
