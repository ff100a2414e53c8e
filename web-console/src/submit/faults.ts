// Where an error of the node belongs in the form. Pure.
import type { ApiProblem } from '$lib/api';

export interface Placed {
  /** Messages by JSON pointer into the parameters. */
  params: Map<string, string[]>;
  /** Messages by field of the request: `config.verify`, `inputs.text`. */
  fields: Map<string, string[]>;
}

const add = (map: Map<string, string[]>, key: string, message: string) => map.set(key, [...(map.get(key) ?? []), message]);

/** Sorts what the node said by field. `places` are the pointers that exist in the form's value or schema. */
export function placeErrors(problem: ApiProblem | null): Placed {
  const out: Placed = { params: new Map(), fields: new Map() };
  if (!problem) return out;
  for (const { field, message } of problem.errors) {
    const inParams = paramsPointer(field);
    if (inParams !== null) add(out.params, inParams, message);
    else add(out.fields, field, message);
  }
  if (problem.errors.length === 0) {
    for (const [pointer, message] of readDetail(problem.detail)) add(out.params, pointer, message);
  }
  return out;
}

/** `params.a.b`, `params/a/b`, `parameters.a`, `/a/b` as a pointer into the parameters; null: another field. */
export function paramsPointer(field: string): string | null {
  if (field.startsWith('/')) return field;
  const found = /^(?:params|parameters)(?:$|([./])(.*)$)/.exec(field);
  if (!found) return null;
  const [, separator, rest] = found;
  if (!rest) return '';
  return separator === '/' ? `/${rest}` : `/${rest.split('.').join('/')}`;
}

/** `parameters of NAME: /start: …; /end: …`: each place with its message. */
function readDetail(detail: string): [string, string][] {
  // A job that cannot plan names the parameter first, by the custom of the built-in ones.
  const planned = /^plan failed: ([A-Za-z_]\w*): (.*)$/s.exec(detail);
  if (planned) return [[`/${planned[1]}`, planned[2] ?? '']];
  const rest = /^parameters of [^:]+: (.*)$/s.exec(detail)?.[1];
  if (!rest) return [];
  const out: [string, string][] = [];
  // A message may hold "; " itself: only one that a place follows ends it.
  for (const part of rest.split(/; (?=\/|parameters: )/)) {
    const found = /^(\/[^:]*|parameters): (.*)$/s.exec(part);
    if (found) out.push([found[1] === 'parameters' ? '' : (found[1] ?? ''), found[2] ?? '']);
  }
  return out;
}
