// Checks a value against a JSON Schema as one types: the parts of draft 2020-12 that parameters of jobs use. The node
// checks again with a complete validator and has the last word; keywords unknown here are left to it.
import { equalJson, isObject, type Json, type JsonObject } from '$lib/json';
import { pointer, resolve, typesOf, type Path, type Schema } from './resolve';

export interface Fault {
  /** JSON pointer of the place. */
  at: string;
  /** Key of the message, under `schema.fault.`. */
  code: FaultCode;
  vars: Record<string, string>;
}

export type FaultCode =
  | 'missing' | 'unknown' | 'type' | 'enum' | 'const' | 'min' | 'max' | 'above' | 'below' | 'multiple' | 'short' | 'long'
  | 'pattern' | 'few' | 'many' | 'unique' | 'fields_few' | 'fields_many' | 'none_fits' | 'several_fit' | 'not' | 'never';

/** Deepest nesting that is looked at. */
const MAX_DEPTH = 64;
/** No more faults than this are listed. */
const MAX_FAULTS = 200;
/** Longest pattern that is tried here, in characters; the node tries longer ones. */
const MAX_PATTERN = 1_000;

export function validate(value: Json | undefined, schema: Schema, root: Schema = schema): Fault[] {
  const faults: Fault[] = [];
  check(value, schema, { root, path: [], faults, depth: 0 });
  return faults.slice(0, MAX_FAULTS);
}

interface At {
  root: Schema;
  path: Path;
  faults: Fault[];
  depth: number;
}

function fault(at: At, code: FaultCode, vars: Record<string, string> = {}, ...more: Path): void {
  at.faults.push({ at: pointer([...at.path, ...more]), code, vars });
}

const deeper = (at: At, ...more: Path): At => ({ ...at, path: [...at.path, ...more], depth: at.depth + 1 });
const fits = (value: Json, schema: Schema, at: At): boolean => {
  const faults: Fault[] = [];
  check(value, schema, { ...at, faults, depth: at.depth + 1 });
  return faults.length === 0;
};

function check(value: Json | undefined, unresolved: Schema, at: At): void {
  if (at.depth > MAX_DEPTH || at.faults.length > MAX_FAULTS) return;
  const schema = resolve(unresolved, at.root);
  if (value === undefined) return fault(at, 'missing');
  if (schema === false) return fault(at, 'never');
  if (!isObject(schema)) return;
  const types = typesOf(schema);
  if (types.length > 0 && !types.some((type) => isOf(value, type))) {
    return fault(at, 'type', { type: types.join('|') });
  }
  if ('const' in schema && !equalJson(schema['const'], value)) fault(at, 'const', { value: show(schema['const'] as Json) });
  if (Array.isArray(schema['enum']) && !schema['enum'].some((one) => equalJson(one, value))) {
    fault(at, 'enum', { values: schema['enum'].map(show).join(', ') });
  }
  if (typeof value === 'number' || typeof value === 'bigint') checkNumber(value, schema, at);
  else if (typeof value === 'string') checkText(value, schema, at);
  else if (Array.isArray(value)) checkArray(value, schema, at);
  else if (isObject(value)) checkObject(value, schema, at);
  checkCombined(value, schema, at);
}

export function isOf(value: Json, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'boolean':
    case 'string':
      return typeof value === type;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'integer':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return true;
  }
}

const show = (value: Json): string => (typeof value === 'string' ? value : typeof value === 'bigint' ? value.toString() : JSON.stringify(value));

function limit(schema: JsonObject, key: string): number | bigint | undefined {
  const value = schema[key];
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}

function checkNumber(value: number | bigint, schema: JsonObject, at: At): void {
  const [min, max] = [limit(schema, 'minimum'), limit(schema, 'maximum')];
  const [above, below] = [limit(schema, 'exclusiveMinimum'), limit(schema, 'exclusiveMaximum')];
  // Numbers and bigints compare exactly with each other.
  if (min !== undefined && value < min) fault(at, 'min', { limit: String(min) });
  if (max !== undefined && value > max) fault(at, 'max', { limit: String(max) });
  if (above !== undefined && value <= above) fault(at, 'above', { limit: String(above) });
  if (below !== undefined && value >= below) fault(at, 'below', { limit: String(below) });
  const step = limit(schema, 'multipleOf');
  if (step !== undefined && !isMultiple(value, step)) fault(at, 'multiple', { step: String(step) });
}

function isMultiple(value: number | bigint, step: number | bigint): boolean {
  if (typeof value === 'bigint' || typeof step === 'bigint') {
    if (!Number.isInteger(Number(step))) return true;
    return BigInt(step) === 0n || BigInt(value) % BigInt(step) === 0n;
  }
  const times = value / step;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function checkText(value: string, schema: JsonObject, at: At): void {
  const length = [...value].length;
  const [min, max] = [limit(schema, 'minLength'), limit(schema, 'maxLength')];
  if (min !== undefined && length < min) fault(at, 'short', { limit: String(min) });
  if (max !== undefined && length > max) fault(at, 'long', { limit: String(max) });
  const pattern = schema['pattern'];
  if (typeof pattern === 'string' && !matches(value, pattern)) fault(at, 'pattern', { pattern });
}

/** A pattern that browsers do not understand is left to the node. */
function matches(value: string, pattern: string): boolean {
  if (pattern.length > MAX_PATTERN) return true;
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

function checkArray(value: Json[], schema: JsonObject, at: At): void {
  const [min, max] = [limit(schema, 'minItems'), limit(schema, 'maxItems')];
  if (min !== undefined && value.length < min) fault(at, 'few', { limit: String(min) });
  if (max !== undefined && value.length > max) fault(at, 'many', { limit: String(max) });
  if (schema['uniqueItems'] === true) {
    const twice = value.findIndex((one, i) => value.slice(0, i).some((other) => equalJson(one, other)));
    if (twice >= 0) fault(at, 'unique', {}, twice);
  }
  const first = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : [];
  const items = schema['items'];
  for (const [i, one] of value.entries()) {
    const own = first[i] ?? items;
    if (own !== undefined) check(one, own, deeper(at, i));
  }
}

function checkObject(value: JsonObject, schema: JsonObject, at: At): void {
  const keys = Object.keys(value);
  const [min, max] = [limit(schema, 'minProperties'), limit(schema, 'maxProperties')];
  if (min !== undefined && keys.length < min) fault(at, 'fields_few', { limit: String(min) });
  if (max !== undefined && keys.length > max) fault(at, 'fields_many', { limit: String(max) });
  for (const name of Array.isArray(schema['required']) ? schema['required'] : []) {
    if (typeof name === 'string' && !Object.hasOwn(value, name)) fault(at, 'missing', {}, name);
  }
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const patterns = isObject(schema['patternProperties']) ? Object.entries(schema['patternProperties']) : [];
  const rest = schema['additionalProperties'];
  for (const key of keys) {
    const own = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const fitting = patterns.filter(([pattern]) => matches(key, pattern));
    for (const one of [own, ...fitting.map(([, inner]) => inner)]) {
      if (one !== undefined) check(value[key], one, deeper(at, key));
    }
    if (own !== undefined || fitting.length > 0) continue;
    if (rest === false) fault(at, 'unknown', { name: key }, key);
    else if (rest !== undefined) check(value[key], rest, deeper(at, key));
  }
  const dependent = isObject(schema['dependentRequired']) ? schema['dependentRequired'] : {};
  for (const [key, names] of Object.entries(dependent)) {
    if (!Object.hasOwn(value, key) || !Array.isArray(names)) continue;
    for (const name of names) if (typeof name === 'string' && !Object.hasOwn(value, name)) fault(at, 'missing', {}, name);
  }
}

function checkCombined(value: Json, schema: JsonObject, at: At): void {
  for (const one of Array.isArray(schema['allOf']) ? schema['allOf'] : []) check(value, one, { ...at, depth: at.depth + 1 });
  for (const word of ['anyOf', 'oneOf'] as const) {
    const alternatives = schema[word];
    if (!Array.isArray(alternatives)) continue;
    const count = alternatives.filter((one) => fits(value, one, at)).length;
    if (count === 0) noneFits(value, alternatives, at);
    else if (count > 1 && word === 'oneOf') fault(at, 'several_fit');
  }
  if (schema['not'] !== undefined && fits(value, schema['not'] as Schema, at)) fault(at, 'not');
  if (schema['if'] !== undefined) {
    const branch = fits(value, schema['if'] as Schema, at) ? schema['then'] : schema['else'];
    if (branch !== undefined) check(value, branch, { ...at, depth: at.depth + 1 });
  }
}

/** The faults of the one alternative of the value's type say more than "none fits". */
function noneFits(value: Json, alternatives: Schema[], at: At): void {
  const resolved = alternatives.map((one) => resolve(one, at.root));
  const values = resolved.map((one) => (isObject(one) && 'const' in one ? one['const'] : undefined));
  if (values.every((one) => one !== undefined)) {
    return fault(at, 'enum', { values: values.map((one) => show(one as Json)).join(', ') });
  }
  const near = resolved.filter((one) => {
    if (!isObject(one)) return false;
    const types = typesOf(one);
    if (types.length > 0 && !types.some((type) => isOf(value, type))) return false;
    const properties = isObject(one['properties']) && isObject(value) ? Object.entries(one['properties']) : [];
    return properties.every(([key, property]) => {
      const inner = resolve(property, at.root);
      return !isObject(inner) || !('const' in inner) || equalJson(inner['const'], (value as JsonObject)[key]);
    });
  });
  if (near.length === 1 && near[0] !== undefined) return check(value, near[0], { ...at, depth: at.depth + 1 });
  const types = [...new Set(resolved.flatMap((one) => (isObject(one) ? typesOf(one) : [])))];
  if (types.length > 0 && near.length === 0) return fault(at, 'type', { type: types.join('|') });
  fault(at, 'none_fits');
}
