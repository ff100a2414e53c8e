// Answers of a node as they were recorded, on :4780, to work on looks without a node. Only for development: nothing of
// it is built in. Tasks move, so that what is live can be seen: FIXTURE_ROLE=viewer shows the console as a viewer.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const data = (name) => JSON.parse(readFileSync(new URL(`./data/${name}.json`, import.meta.url), 'utf8'));
const role = process.env.FIXTURE_ROLE ?? 'operator';
const empty = process.env.FIXTURE_EMPTY === '1';
const port = Number(process.env.FIXTURE_PORT ?? 4780);
const shift = Date.now() - 60_000 - Math.max(...data('tasks').map((task) => task.ended_at ?? 0));
const tasks = data('tasks').map((task) => ({
  ...task,
  submitted_at: task.submitted_at + shift,
  started_at: task.started_at && task.started_at + shift,
  ended_at: task.ended_at && task.ended_at + shift,
}));
const running = { ...tasks[1], task_id: 'ab'.repeat(32), status: 'running', chunks: 400, accepted: 120, running: 6, waiting: 274, recalled: 0, ended_at: null, result_hash: null, price: 2100, held: 900, submitted_at: Date.now() - 20_000, started_at: Date.now() - 19_000 };
if (!empty) tasks.unshift(running);
else tasks.length = 0;
const started = Date.now() - 3_600_000;
let seq = 240;
const streams = new Set();
const load = Array.from({ length: 120 }, (_, i) => ({
  at: Date.now() - (120 - i) * 10_000,
  node: data('status').node_id,
  cpu_percent: 20 + 15 * Math.sin(i / 9) + (i % 7),
  ram_bytes: 60e6 + i * 1e5,
  running: Math.round(2 + 2 * Math.sin(i / 11)),
  queued: Math.max(0, Math.round(6 * Math.sin(i / 17))),
  peers: 2,
}));

function emit(body) {
  seq += 1;
  const event = { seq, at: Date.now(), ...body };
  for (const stream of streams) stream.write(`id: ${seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}
setInterval(() => {
  if (empty) return;
  const from = running.accepted % 400;
  running.accepted = from + 3;
  running.waiting = Math.max(0, 400 - running.accepted - 6);
  running.price += 59;
  emit({ type: 'chunks_verified', task: running.task_id, chunks: [from, from + 1, from + 2], wrong: [] });
}, 700);
setInterval(() => streams.forEach((stream) => stream.write(': alive\n\n')), 15_000);

const page = (items) => ({ items, next_cursor: null });
const problem = (response, status, code, detail, remedy = '', errors = []) => {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ status, code, title: code, detail, remedy, errors }));
};

const handlers = {
  'GET /session': () => ({ name: 'anonymous', role, own_only: false, anonymous: true, csrf_header: 'x-p2pjob-csrf' }),
  'POST /session': (_, body) => (body.token === 'good' ? { name: 'ann', role: 'admin', own_only: false, anonymous: false, csrf_header: 'x-p2pjob-csrf' } : null),
  'DELETE /session': () => undefined,
  'GET /network/status': () => ({ ...data('status'), started_at: started, journal_seq: seq, active_tasks: empty ? 0 : 1, running_replicas: 3, queued_replicas: 5, cpu_usage: 37.2 }),
  'GET /peers': () => page(empty ? [] : data('peers')),
  'GET /ledger': () => data('ledger'),
  'GET /prices': () => data('prices'),
  'GET /doctor': () => page(data('doctor')),
  'GET /jobs': () => page(data('jobs')),
  'GET /tasks': (query) => page(tasks.filter((task) => (!query.get('status') || query.get('status').includes(task.status)) && (!query.get('job') || task.job_name === query.get('job')))),
  'POST /tasks': () => running,
  'POST /quote': () => data('quote'),
  'GET /history/load': () => page(empty ? [] : load),
  'GET /blobs': () => page([]),
};

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://fixture');
  const path = url.pathname.replace('/api/v1', '');
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let body = {};
  try {
    body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
  } catch {
    body = {};
  }
  if (path === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    streams.add(response);
    response.on('close', () => streams.delete(response));
    return;
  }
  if (request.method === 'HEAD') return response.writeHead(404).end();
  const one = path.match(/^\/(jobs|tasks)\/([^/]+)(\/request)?$/);
  let answer = handlers[`${request.method} ${path}`]?.(url.searchParams, body);
  if (one?.[1] === 'jobs') answer = data('jobs').find((job) => job.name === one[2] || job.job.startsWith(one[2]));
  if (one?.[1] === 'tasks') {
    answer = one[3]
      ? { job: running.job, params: { start: 1, end: 99, operation: 'custom', expression: 'x ** 2' }, inputs: {}, requirements: {}, config: { priority: 'high', verify: 'quorum:3' } }
      : tasks.find((task) => task.task_id === one[2]);
  }
  if (answer === null) return problem(response, 401, 'unauthenticated', 'no such token, or it has expired', '`p2pjob token new --role ROLE` on the machine of the node makes one');
  if (answer === undefined && request.method !== 'DELETE') return problem(response, 404, 'not_found', `there is no ${path}`);
  response.writeHead(answer === undefined ? 204 : 200, { 'content-type': 'application/json' });
  response.end(answer === undefined ? '' : JSON.stringify(answer));
}).listen(port, '127.0.0.1', () => console.log(`fixtures on http://127.0.0.1:${port}`));
