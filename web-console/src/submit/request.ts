// What the form holds, and what becomes of it: the request, the command line, curl. Pure.
import { durationArg } from '$lib/format';
import { equalJson, parseJson, stringifyJson, type Json, type JsonObject } from '$lib/json';
import type { FloatClass, Placement, Priority, TaskRequest } from '$lib/types';
import { commandLines } from './shell';

/** `job`: what the job asks for. */
export type VerifyKind = 'job' | 'none' | 'spot' | 'quorum' | 'check';

export interface Settings {
  verify: VerifyKind;
  /** Share of chunks that `spot` checks, 0 to 1. */
  share: number;
  /** Equal results that `quorum` wants. */
  quorum: number;
  priority: Priority;
  placement: Placement;
  /** In credits; null: no limit. */
  maxPrice: number | null;
  deadlineMs: number | null;
  chunkSize: number | null;
  memo: boolean;
  /** `job`: what the job asks for. */
  floatClass: 'job' | FloatClass;
  /** Only nodes with a GPU. */
  gpu: boolean;
  /** `tolerance:1e-5,1e-6` or `exact`; empty: what the job and the float class ask for. */
  compare: string;
  timeoutMs: number | null;
  memoryBytes: number | null;
  fuel: number | null;
  outputBytes: number | null;
}

export const DEFAULTS: Settings = {
  verify: 'job',
  share: 0.1,
  quorum: 2,
  priority: 'normal',
  placement: 'least_loaded',
  maxPrice: null,
  deadlineMs: null,
  chunkSize: null,
  memo: true,
  floatClass: 'job',
  gpu: false,
  compare: '',
  timeoutMs: null,
  memoryBytes: null,
  fuel: null,
  outputBytes: null,
};

/** The most replicas of a chunk that the node allows. */
export const MAX_QUORUM = 8;

export function verifyText(settings: Settings): string | null {
  switch (settings.verify) {
    case 'job':
      return null;
    case 'none':
      return 'none';
    case 'spot':
      return `spot:${settings.share}`;
    case 'quorum':
      return `quorum:${settings.quorum}`;
    case 'check':
      return 'check';
  }
}

/** The settings a request holds; what it leaves out is as by default. */
export function settingsOf(request: TaskRequest): Settings {
  const { config = {}, requirements = {} } = request;
  const out: Settings = {
    ...DEFAULTS,
    priority: config.priority ?? DEFAULTS.priority,
    placement: config.placement ?? DEFAULTS.placement,
    maxPrice: config.max_price_credits ?? null,
    deadlineMs: config.deadline_ms ?? null,
    chunkSize: config.chunk_size ?? null,
    memo: config.memo ?? true,
    floatClass: requirements.float_class ?? 'job',
    gpu: requirements.gpu ?? false,
    compare: config.compare ?? '',
    timeoutMs: requirements.timeout_ms ?? null,
    memoryBytes: requirements.memory_bytes ?? null,
    fuel: requirements.fuel ?? null,
    outputBytes: requirements.output_bytes ?? null,
  };
  const [word, value] = (config.verify ?? '').split(':');
  if (word === 'none' || word === 'check') out.verify = word;
  if (word === 'spot') Object.assign(out, { verify: 'spot', share: Number(value) });
  if (word === 'quorum') Object.assign(out, { verify: 'quorum', quorum: Number(value) });
  return out;
}

/** The request: only what differs from the defaults. */
export function buildRequest(job: string, params: JsonObject, inputs: Record<string, string>, settings: Settings): TaskRequest {
  const verify = verifyText(settings);
  const config = strip({
    priority: settings.priority === 'normal' ? null : settings.priority,
    max_price_credits: settings.maxPrice,
    deadline_ms: settings.deadlineMs,
    chunk_size: settings.chunkSize,
    verify,
    compare: settings.compare.trim() === '' ? null : settings.compare.trim(),
    placement: settings.placement === 'least_loaded' ? null : settings.placement,
    memo: settings.memo ? null : false,
  });
  const requirements = strip({
    timeout_ms: settings.timeoutMs,
    memory_bytes: settings.memoryBytes,
    fuel: settings.fuel,
    output_bytes: settings.outputBytes,
    float_class: settings.floatClass === 'job' ? null : settings.floatClass,
    gpu: settings.gpu ? true : null,
  });
  return {
    job,
    params,
    ...(Object.keys(inputs).length > 0 ? { inputs } : {}),
    ...(Object.keys(requirements).length > 0 ? { requirements } : {}),
    ...(Object.keys(config).length > 0 ? { config } : {}),
  };
}

function strip<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** A parameter as `--param` takes it: text as it is, unless it would be read as JSON. */
export function paramArg(name: string, value: Json): string {
  if (typeof value !== 'string') return `${name}=${stringifyJson(value)}`;
  return `${name}=${readsAsJson(value) ? stringifyJson(value) : value}`;
}

function readsAsJson(text: string): boolean {
  try {
    return !equalJson(parseJson(text), text);
  } catch {
    return false;
  }
}

const SIZE_UNITS = [
  ['GiB', 1 << 30],
  ['MiB', 1 << 20],
  ['KiB', 1 << 10],
] as const;

function sizeArg(bytes: number): string {
  for (const [unit, size] of SIZE_UNITS) if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  return String(bytes);
}

/** Names that can stand before `=`; others are given as one object. */
const PLAIN_NAME = /^[^=\s-][^=\s]*$/;

/** `cargo p2pjob submit …`, the same task as the request. `files` names the local file of an input, where there is one. */
export function asCommand(jobName: string, request: TaskRequest, files: Record<string, string> = {}): string {
  const { config = {}, requirements = {} } = request;
  const groups: string[][] = [['cargo', 'p2pjob', 'submit', jobName]];
  const flag = (name: string, value: string | undefined | null) => {
    if (value !== undefined && value !== null) groups.push([name, value]);
  };
  const params = Object.entries(request.params);
  if (params.every(([name]) => PLAIN_NAME.test(name))) for (const [name, value] of params) flag('--param', paramArg(name, value));
  else flag('--params', '/dev/stdin');
  for (const [name, hash] of Object.entries(request.inputs ?? {})) flag('--input', `${name}=${files[name] ?? hash}`);
  flag('--verify', config.verify);
  flag('--float-class', requirements.float_class);
  if (requirements.gpu) groups.push(['--gpu']);
  flag('--compare', config.compare);
  flag('--priority', config.priority);
  flag('--max-price', config.max_price_credits?.toString());
  flag('--deadline', config.deadline_ms ? durationArg(config.deadline_ms) : null);
  flag('--chunk-size', config.chunk_size?.toString());
  flag('--placement', config.placement);
  flag('--timeout', requirements.timeout_ms ? durationArg(requirements.timeout_ms) : null);
  flag('--memory', requirements.memory_bytes ? sizeArg(requirements.memory_bytes) : null);
  flag('--fuel', requirements.fuel?.toString());
  flag('--max-output', requirements.output_bytes ? sizeArg(requirements.output_bytes) : null);
  if (config.memo === false) groups.push(['--no-memo']);
  groups.push(['--wait']);
  const command = commandLines(groups);
  const needsStdin = groups.some(([, value]) => value === '/dev/stdin');
  return needsStdin ? `${command} <<'JSON'\n${stringifyJson(request.params, 2)}\nJSON` : command;
}

/** The same task with curl. With a token, it is taken from the variable P2PJOB_TOKEN. */
export function asCurl(origin: string, request: TaskRequest, token: boolean): string {
  const groups = [
    ['curl', '-sS', `${origin}/api/v1/tasks`],
    ['-H', 'content-type: application/json'],
  ];
  const body = commandLines([...groups, ['-d', stringifyJson(request as unknown as Json)]]);
  if (!token) return body;
  // In double quotes, so that the shell puts the variable in.
  return body.replace(' \\\n  -d ', ' \\\n  -H "authorization: Bearer $P2PJOB_TOKEN" \\\n  -d ');
}
