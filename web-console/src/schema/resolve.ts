// Reading a JSON Schema for the form: references resolved, `null` alternatives taken off, and a kind for each place.
import { equalJson, isObject, stringifyJson, type Json, type JsonObject } from '$lib/json';

export type Schema = Json;

/** References that are followed in a row; a chain beyond this is a circle. */
const MAX_REFS = 32;

/** Follows `$ref`; keywords beside it win over those of its target. */
export function resolve(schema: Schema | undefined, root: Schema): Schema {
  let current: Schema = schema ?? true;
  const beside: JsonObject = {};
  for (let i = 0; i < MAX_REFS; i += 1) {
    if (!isObject(current) || typeof current['$ref'] !== 'string') {
      return isObject(current) && Object.keys(beside).length > 0 ? { ...current, ...beside } : current;
    }
    const { $ref, ...rest } = current;
    for (const [key, value] of Object.entries(rest)) if (!Object.hasOwn(beside, key)) beside[key] = value;
    const target = pointed(root, $ref as string);
    if (target === undefined) return beside;
    current = target;
  }
  return true;
}

/** The place a reference inside the document names; undefined when there is none. */
function pointed(root: Schema, ref: string): Schema | undefined {
  if (!ref.startsWith('#')) return undefined;
  let at: Json | undefined = root;
  for (const raw of decodeURIComponent(ref.slice(1)).split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    at = Array.isArray(at) ? at[Number(key)] : isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

export interface Choice {
  value: Json;
  label: string;
  description: string;
}

export interface Variant {
  schema: Schema;
  label: string;
}

export type Kind =
  | { kind: 'object'; properties: [string, Schema, boolean][]; rest: Schema | null }
  | { kind: 'array'; items: Schema }
  | { kind: 'choice'; choices: Choice[] }
  | { kind: 'union'; variants: Variant[] }
  | { kind: 'boolean' }
  | { kind: 'number'; whole: boolean }
  /** A whole number of any size, as a number or as digits in text. */
  | { kind: 'digits' }
  | { kind: 'string'; long: boolean }
  | { kind: 'constant'; value: Json }
  | { kind: 'any' };

export interface Shape {
  schema: JsonObject;
  kind: Kind;
  title: string;
  description: string;
  /** Whether `null` is allowed. */
  nullable: boolean;
  fallback: Json | undefined;
  /** In words for people: `whole number, at least 1`. Built by the form. */
  types: string[];
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

export function typesOf(schema: JsonObject): string[] {
  const type = schema['type'];
  return (Array.isArray(type) ? type : [type]).filter((one): one is string => typeof one === 'string');
}

/** What the form shows for a schema. */
export function shapeOf(schema: Schema | undefined, root: Schema): Shape {
  let resolved = resolve(schema, root);
  let nullable = false;
  // anyOf [X, null] is an X that may be null.
  for (let i = 0; i < 4 && isObject(resolved); i += 1) {
    const word = resolved['anyOf'] ? 'anyOf' : resolved['oneOf'] ? 'oneOf' : undefined;
    if (!word) break;
    const alternatives = list(resolved[word]).map((one) => resolve(one, root));
    const real = alternatives.filter((one) => !isNull(one));
    nullable ||= real.length < alternatives.length;
    const { [word]: _, ...beside } = resolved;
    if (real.length !== 1) {
      if (real.length < alternatives.length) resolved = { ...beside, [word]: real };
      break;
    }
    resolved = isObject(real[0]) ? { ...real[0], ...beside } : beside;
  }
  const object = isObject(resolved) ? merged(resolved, root) : {};
  const types = typesOf(object);
  nullable ||= types.includes('null') || list(object['enum']).includes(null);
  return {
    schema: object,
    kind: kindOf(object, types.filter((one) => one !== 'null'), root),
    title: text(object['title']),
    description: text(object['description']),
    nullable,
    fallback: object['default'],
    types,
  };
}

/** allOf is folded in, as far as properties go: enough for composed objects. */
function merged(schema: JsonObject, root: Schema): JsonObject {
  const all = list(schema['allOf']);
  if (all.length === 0) return schema;
  let out: JsonObject = { ...schema };
  for (const one of all) {
    const part = resolve(one, root);
    if (!isObject(part)) continue;
    out = {
      ...part,
      ...out,
      properties: { ...(isObject(part['properties']) ? part['properties'] : {}), ...(isObject(out['properties']) ? out['properties'] : {}) },
      required: [...list(part['required']), ...list(out['required'])],
    };
  }
  return out;
}

function isNull(schema: Schema): boolean {
  return isObject(schema) && (schema['type'] === 'null' || schema['const'] === null);
}

function kindOf(schema: JsonObject, types: string[], root: Schema): Kind {
  if ('const' in schema) return { kind: 'constant', value: schema['const'] as Json };
  const enumerated = list(schema['enum']).filter((one) => one !== null);
  if (enumerated.length > 0) {
    return { kind: 'choice', choices: enumerated.map((value) => ({ value, label: label(value), description: '' })) };
  }
  const alternatives = list(schema['oneOf'] ?? schema['anyOf']).map((one) => resolve(one, root));
  const choices = constants(alternatives);
  if (choices) return { kind: 'choice', choices };
  if (alternatives.length > 1 && !isObject(schema['properties'])) return { kind: 'union', variants: variants(alternatives, schema, root) };
  if (types.length === 2 && types.includes('integer') && types.includes('string')) return { kind: 'digits' };
  const type = types.length === 1 ? types[0] : isObject(schema['properties']) ? 'object' : undefined;
  switch (type) {
    case 'object':
      return objectKind(schema);
    case 'array':
      return { kind: 'array', items: schema['items'] ?? true };
    case 'boolean':
      return { kind: 'boolean' };
    case 'integer':
      return { kind: 'number', whole: true };
    case 'number':
      return { kind: 'number', whole: false };
    case 'string':
      return { kind: 'string', long: Number(schema['maxLength'] ?? 0) > 400 || schema['format'] === 'textarea' };
    default:
      if (types.length > 1) {
        return { kind: 'union', variants: types.map((one) => ({ schema: { ...schema, type: one }, label: one })) };
      }
      return { kind: 'any' };
  }
}

function objectKind(schema: JsonObject): Kind {
  const required = list(schema['required']);
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  // Required ones in the order the schema lists them: it is the author's; that of `properties` may be the alphabet's.
  const order = (name: string) => (required.includes(name) ? required.indexOf(name) : required.length);
  const named = Object.entries(properties)
    .map(([name, one]): [string, Schema, boolean] => [name, one, required.includes(name)])
    .sort(([a], [b]) => order(a) - order(b));
  const rest = schema['additionalProperties'] ?? (named.length > 0 ? false : true);
  return { kind: 'object', properties: named, rest: rest === false ? null : rest };
}

/** Alternatives that are one value each, as the words of a menu. */
function constants(alternatives: Schema[]): Choice[] | null {
  if (alternatives.length === 0) return null;
  const out: Choice[] = [];
  for (const one of alternatives) {
    if (!isObject(one)) return null;
    const values = 'const' in one ? [one['const'] as Json] : list(one['enum']);
    if (values.length === 0) return null;
    for (const value of values) out.push({ value, label: text(one['title']) || label(value), description: text(one['description']) });
  }
  return out;
}

function variants(alternatives: Schema[], around: JsonObject, root: Schema): Variant[] {
  return alternatives.map((one, i) => {
    const shape = isObject(one) ? one : {};
    const tag = isObject(shape['properties'])
      ? Object.values(shape['properties']).map((property) => resolve(property, root)).find((property) => isObject(property) && 'const' in property)
      : undefined;
    const named =
      text(shape['title']) ||
      (isObject(tag) ? label(tag['const'] as Json) : '') ||
      firstSentence(text(shape['description'])) ||
      typesOf(shape).join(' / ') ||
      `${i + 1}`;
    const type = shape['type'] ?? around['type'];
    return { schema: isObject(one) && type !== undefined ? { ...one, type } : one, label: named };
  });
}

function firstSentence(words: string): string {
  const sentence = words.split(/\.(\s|$)/)[0] ?? '';
  return sentence.length <= 60 ? sentence : '';
}

export function label(value: Json): string {
  return typeof value === 'string' ? value : stringifyJson(value);
}

/** Which alternative a value is of: the first that takes it, by its outer shape. */
export function variantOf(value: Json | undefined, alternatives: Variant[], root: Schema): number {
  if (value === undefined) return -1;
  let weak = -1;
  for (const [i, one] of alternatives.entries()) {
    const shape = shapeOf(one.schema, root);
    const { kind } = shape.kind;
    const fits =
      kind === 'any' ||
      (kind === 'constant' && equalJson((shape.kind as { value: Json }).value, value)) ||
      (kind === 'boolean' && typeof value === 'boolean') ||
      (kind === 'number' && (typeof value === 'number' || typeof value === 'bigint')) ||
      (kind === 'digits' && (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')) ||
      ((kind === 'string' || kind === 'choice') && typeof value === 'string') ||
      (kind === 'array' && Array.isArray(value));
    if (fits) return i;
    if (shape.kind.kind === 'object' && isObject(value)) {
      const tags = shape.kind.properties.filter(([, property]) => isObject(resolve(property, root)) && 'const' in (resolve(property, root) as JsonObject));
      const tagged = tags.every(([name, property]) => equalJson((resolve(property, root) as JsonObject)['const'], value[name]));
      const complete = shape.kind.properties.every(([name, , required]) => !required || Object.hasOwn(value, name));
      if (tagged && (tags.length > 0 || complete)) return i;
      if (weak < 0) weak = i;
    }
  }
  return weak;
}

// Places in a value: JSON pointers.

export type Path = (string | number)[];

export function pointer(path: Path): string {
  return path.map((part) => '/' + String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('');
}

/** The value with one place changed; undefined takes it out. Nothing that was there is changed in place. */
export function setAt(value: Json | undefined, path: Path, next: Json | undefined): Json | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return next;
  if (typeof head === 'number') {
    const array = Array.isArray(value) ? [...value] : [];
    const inner = setAt(array[head], rest, next);
    if (inner === undefined) array.splice(head, 1);
    else array[head] = inner;
    return array;
  }
  const object: JsonObject = isObject(value) ? { ...value } : {};
  const inner = setAt(object[head], rest, next);
  if (inner === undefined) delete object[head];
  else object[head] = inner;
  return object;
}
