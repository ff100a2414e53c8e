// Real node processes for the tests in a browser: `p2pjob up` and `p2pjob node`, and commands to them.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const PROGRAM = process.env['P2PJOB_PROGRAM'] ?? join(homedir(), '.cache/p2pjob/target/debug/p2pjob');
/** How long a node may take to be ready. */
const READY_MS = 60_000;

export interface NodeRow {
  node_id: string;
  data_dir: string;
  http: string;
  role?: string;
}

interface Up {
  nodes: NodeRow[];
}

export interface Answer {
  [field: string]: unknown;
  task_id: string;
  status: string;
  result_hash: string;
  token: string;
  job: string;
}

/** Runs a command at a node and reads its JSON. A command that fails throws, unless `failing`. */
export function p2pjob(node: { data_dir: string }, args: string[], failing = false): Answer {
  try {
    const text = execFileSync(PROGRAM, [...args, '--json', '--data-dir', node.data_dir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return JSON.parse(text) as Answer;
  } catch (error) {
    const stdout = (error as { stdout?: string }).stdout;
    if (failing && stdout) return JSON.parse(stdout) as Answer;
    throw new Error(`p2pjob ${args.join(' ')}: ${stdout ?? String(error)}`);
  }
}

/** The first line of JSON that a program prints. */
function firstLine<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the program did not become ready')), READY_MS);
    const fail = (code: number | null) => reject(new Error(`the program ended with ${code}`));
    child.once('exit', fail);
    if (!child.stdout) return reject(new Error('no stdout'));
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      child.off('exit', fail);
      resolve(JSON.parse(line) as T);
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** A local network; ends with `stop()`. */
export class Network {
  private constructor(
    private readonly child: ChildProcess,
    readonly nodes: NodeRow[],
  ) {}

  static async start(args: string[]): Promise<Network> {
    const child = spawn(PROGRAM, ['up', '--json', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    const up = await firstLine<Up>(child);
    return new Network(child, up.nodes);
  }

  get first(): NodeRow {
    const node = this.nodes[0];
    if (!node) throw new Error('the network has no node');
    return node;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await ended(this.child);
  }
}

/** One node with a port that stays the same, so that it can be killed and come back. */
export class SingleNode {
  private child: ChildProcess | undefined;
  readonly data_dir = mkdtempSync(join(tmpdir(), 'p2pjob-e2e-'));
  http = '';

  async start(): Promise<void> {
    const port = this.http ? new URL(this.http).port : '0';
    const args = ['node', '--json', '--data-dir', this.data_dir, '--slots', '1', '--set', `http.listen=127.0.0.1:${port}`];
    this.child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.http = (await firstLine<NodeRow>(this.child)).http;
  }

  /** At once, as a power cut would. */
  async kill(): Promise<void> {
    if (!this.child) return;
    this.child.kill('SIGKILL');
    await ended(this.child);
    this.child = undefined;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.data_dir, { recursive: true, force: true });
  }
}
