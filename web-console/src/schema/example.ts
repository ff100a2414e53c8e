// Values to begin with: the schema's own example or defaults, an example for the jobs every node has, else a guess.
import { isObject, type Json, type JsonObject } from '$lib/json';
import { resolve, shapeOf, type Schema } from './resolve';

/** Something worth running for the jobs that every node knows; other jobs bring `examples` in their schema. */
const KNOWN: Record<string, JsonObject> = {
  range_reduce: { start: 1, end: 1_000_000, operation: 'custom', expression: 'x ** 2', combine: 'sum', chunk_size: 10_000 },
  map: { function: 'x ** 2', data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
  map_reduce: { map_function: 'x * x', reduce_function: 'sum', data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
  bench_empty: { chunks: 200 },
};

/** A few levels of a guess are enough; deeper parts are left to the person. */
const MAX_DEPTH = 6;

/** Parameters to begin with: only what the schema says itself. */
export function initialParams(schema: Schema): JsonObject {
  const shape = shapeOf(schema, schema);
  if (isObject(shape.fallback)) return shape.fallback;
  const out: JsonObject = {};
  if (shape.kind.kind !== 'object') return out;
  for (const [name, property, required] of shape.kind.properties) {
    if (!required) continue;
    const inner = shapeOf(property, schema);
    if (inner.fallback !== undefined) out[name] = inner.fallback;
    else if (inner.kind.kind === 'constant') out[name] = inner.kind.value;
    else if (inner.kind.kind === 'boolean') out[name] = false;
  }
  return out;
}

/** Parameters that should work. */
export function exampleParams(job: string, schema: Schema): JsonObject {
  const resolved = resolve(schema, schema);
  const examples = isObject(resolved) ? resolved['examples'] : undefined;
  if (Array.isArray(examples) && isObject(examples[0])) return examples[0];
  const known = KNOWN[job];
  if (known) return known;
  const guessed = guess(schema, schema, 0);
  return isObject(guessed) ? guessed : {};
}

function guess(schema: Schema, root: Schema, depth: number): Json {
  const shape = shapeOf(schema, root);
  const examples = shape.schema['examples'];
  if (Array.isArray(examples) && examples[0] !== undefined) return examples[0];
  if (shape.fallback !== undefined) return shape.fallback;
  if (depth > MAX_DEPTH) return null;
  const { kind } = shape;
  switch (kind.kind) {
    case 'object':
      return Object.fromEntries(
        kind.properties.filter(([, , required]) => required).map(([name, one]) => [name, guess(one, root, depth + 1)]),
      );
    case 'array': {
      const least = Number(shape.schema['minItems'] ?? 1);
      return Array.from({ length: Math.min(least, 8) }, () => guess(kind.items, root, depth + 1));
    }
    case 'choice':
      return kind.choices[0]?.value ?? null;
    case 'union':
      return guess(kind.variants[0]?.schema ?? true, root, depth + 1);
    case 'constant':
      return kind.value;
    case 'boolean':
      return false;
    case 'digits':
      return 1;
    case 'number': {
      const { minimum, maximum } = shape.schema;
      if (typeof minimum === 'bigint') return minimum;
      const near = Math.min(1, Number(maximum ?? 1));
      return Math.max(Number(minimum ?? near), near);
    }
    case 'string':
      return 'a'.repeat(Math.max(1, Number(shape.schema['minLength'] ?? 1)));
    case 'any':
      return 1;
  }
}
