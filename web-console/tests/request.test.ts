import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { equalJson, parseJson, type Json } from '../src/lib/json';
import type { TaskRequest } from '../src/lib/types';
import { asCommand, asCurl, buildRequest, DEFAULTS, paramArg, settingsOf, verifyText } from '../src/submit/request';
import { quote } from '../src/submit/shell';

/** What a real shell makes of a command line: its words, with a program in place that prints them. */
function words(command: string): string[] {
  const script = `cargo() { printf '%s\\0' cargo "$@"; }\ncurl() { printf '%s\\0' curl "$@"; }\n${command}\n`;
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: { P2PJOB_TOKEN: 'secret token' } }).split('\0').slice(0, -1);
}

const NASTY = ["it's", '"quoted"', '$HOME `id` $(id)', 'a\nb', '\\', '', '*?[x]', '~', '!!', '; rm -rf /', '-n', 'ü 漢', "''\\''", '#x', 'a=b', '{a,b}', '>x', '&'];

test('no value ends its quotes', () => {
  expect(words(`cargo ${NASTY.map(quote).join(' ')}`)).toEqual(['cargo', ...NASTY]);
});

test('plain words stay plain', () => {
  expect(quote('range_reduce')).toBe('range_reduce');
  expect(quote('start=1')).toBe('start=1');
  expect(quote('x ** 2')).toBe("'x ** 2'");
});

test('a parameter reads back as the same value: JSON if it parses, else text', () => {
  const values: Json[] = [1, 123456789012345678901234567890n, 1.5, true, null, 'text', '5', 'true', '"x"', '[1', 'null', ' 7 ', { a: [1, 'b'] }, [], ''];
  for (const value of values) {
    const text = paramArg('p', value).slice(2);
    let read: Json;
    try {
      read = parseJson(text);
    } catch {
      read = text;
    }
    expect(equalJson(read, value), text).toBe(true);
  }
});

const FULL: TaskRequest = {
  job: 'range_reduce',
  params: { start: 1, end: 10n ** 40n, operation: 'custom', expression: "x ** 2 if x != '5' else 0" },
  inputs: { text: 'ab'.repeat(32) },
  requirements: { timeout_ms: 90_000, memory_bytes: 256 << 20, fuel: 600_000_000_000, output_bytes: 1000 },
  config: { priority: 'high', max_price_credits: 1.5, deadline_ms: 600_000, chunk_size: 100, verify: 'quorum:3', placement: 'cheapest', memo: false },
};

test('the command line says all that the request says', () => {
  expect(words(asCommand('range_reduce', FULL, { text: 'my book.txt' }))).toEqual([
    'cargo', 'p2pjob', 'submit', 'range_reduce',
    '--param', 'start=1',
    '--param', 'end=10000000000000000000000000000000000000000',
    '--param', 'operation=custom',
    '--param', "expression=x ** 2 if x != '5' else 0",
    '--input', 'text=my book.txt',
    '--verify', 'quorum:3',
    '--priority', 'high',
    '--max-price', '1.5',
    '--deadline', '10m',
    '--chunk-size', '100',
    '--placement', 'cheapest',
    '--timeout', '90s',
    '--memory', '256MiB',
    '--fuel', '600000000000',
    '--max-output', '1000',
    '--no-memo',
    '--wait',
  ]);
});

test('names that cannot stand before = go through a file', () => {
  const command = asCommand('j', { job: 'j', params: { 'a=b': "it's", '-x': 1 } });
  const script = `cargo() { cat; }\n${command}\n`;
  const given = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  expect(parseJson(given)).toEqual({ 'a=b': "it's", '-x': 1 });
});

test('curl sends the request, digits and quotes included', () => {
  const sent = words(asCurl('http://127.0.0.1:4780', FULL, false));
  expect(sent.slice(0, 3)).toEqual(['curl', '-sS', 'http://127.0.0.1:4780/api/v1/tasks']);
  const body = sent[sent.indexOf('-d') + 1] ?? '';
  expect(equalJson(parseJson(body), FULL as unknown as Json)).toBe(true);
  expect(sent).not.toContain('authorization: Bearer secret token');
});

test('curl takes the token from a variable, never from the page', () => {
  const command = asCurl('https://node.example', FULL, true);
  expect(command).toContain('$P2PJOB_TOKEN');
  expect(words(command)).toContain('authorization: Bearer secret token');
});

test('a request says only what differs from the defaults', () => {
  expect(buildRequest('map', { function: 'x' }, {}, DEFAULTS)).toEqual({ job: 'map', params: { function: 'x' } });
});

test('settings go into a request and come back', () => {
  const settings = settingsOf(FULL);
  const again = buildRequest(FULL.job, FULL.params, FULL.inputs ?? {}, settings);
  expect(again).toEqual(FULL);
  for (const verify of ['none', 'spot:0.25', 'quorum:5', 'check']) {
    expect(verifyText(settingsOf({ job: 'j', params: {}, config: { verify } }))).toBe(verify);
  }
  expect(verifyText(settingsOf({ job: 'j', params: {}, config: { verify: null } }))).toBeNull();
});
