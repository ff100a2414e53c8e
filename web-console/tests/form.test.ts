import { render } from 'svelte/server';
import { expect, test } from 'vitest';
import type { Json } from '../src/lib/json';
import FormProbe from './FormProbe.svelte';

const draw = (schema: Json, value: Json, faults: Record<string, string[]> = {}) => render(FormProbe, { props: { schema, value, faults } }).body;

test('each kind has its field, labelled and described', () => {
  const html = draw(
    {
      type: 'object',
      required: ['count', 'mode'],
      properties: {
        count: { type: 'integer', minimum: 1, maximum: 9, description: 'How many, such as `3`.' },
        mode: { oneOf: [{ const: 'fast', description: 'Quick.' }, { const: 'exact', description: 'Slow.' }] },
        on: { type: 'boolean', default: true },
      },
    },
    { count: 3, mode: 'exact' },
  );
  expect(html).toMatch(/<label for="([^"]+)-input">.*count/);
  expect(html).toContain('inputmode="numeric"');
  expect(html).toContain('from 1 to 9');
  expect(html).toMatch(/<code[^>]*>3<\/code>/);
  expect(html).toMatch(/<option value="1" selected[^>]*>exact/);
  expect(html).toContain('Slow.');
  expect(html).toMatch(/type="checkbox" checked/);
});

test('digits of a big number are shown as they are', () => {
  const html = draw({ type: 'object', required: ['n'], properties: { n: { type: ['integer', 'string'] } } }, { n: 10n ** 30n });
  expect(html).toContain('value="1000000000000000000000000000000"');
});

test('faults stand at their field', () => {
  const html = draw({ type: 'object', required: ['a'], properties: { a: { type: 'string' } } }, { a: '' }, { '/a': ['Too short.'] });
  expect(html).toContain('aria-invalid="true"');
  expect(html).toContain('Too short.');
});

test('lists, objects inside, alternatives', () => {
  const html = draw(
    {
      type: 'object',
      properties: {
        points: { type: 'array', items: { type: 'object', required: ['x'], properties: { x: { type: 'number' } } } },
        either: { oneOf: [{ title: 'By number', type: 'integer' }, { title: 'By name', type: 'string' }] },
        data: { type: 'array', items: true },
      },
    },
    { points: [{ x: 1 }, { x: 2 }], either: 'n', data: [1, 'a'] },
  );
  expect(html).toContain('points[1]');
  expect(html).toContain('By number');
  expect(html).toMatch(/<textarea[^>]*>\s*\[1, &quot;a&quot;\]|\[1, "a"\]/);
});
