/** Where a result comes from, as a graph in columns: job and inputs, task, groups of chunks, nodes, result and receipts. Pure. */

import { Cell, Flag, type TaskState } from '../../reduce';

export type GroupName = 'accepted' | 'contradicted' | 'recalled' | 'failed' | 'open';

export interface Group {
  name: GroupName;
  chunks: number;
  /** Replicas per node, by index into the task's nodes. */
  nodes: Map<number, number>;
}

const ORDER: GroupName[] = ['accepted', 'contradicted', 'recalled', 'failed', 'open'];

/** Chunks by what became of them, and who ran them. */
export function groupsOf(task: TaskState): Group[] {
  const table = task.chunks;
  if (table === null) return [];
  const groups = new Map<GroupName, Group>();
  for (let chunk = 0; chunk < table.total; chunk += 1) {
    const name = nameOf(table.state[chunk] as number, table.flags[chunk] as number);
    let group = groups.get(name);
    if (group === undefined) {
      group = { name, chunks: 0, nodes: new Map() };
      groups.set(name, group);
    }
    group.chunks += 1;
    const attempts = Math.min(table.stride, table.attempts[chunk] as number);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const row = (table.batch[chunk * table.stride + attempt] as number) - 1;
      if (row < 0) continue;
      const node = task.batches.node[row] as number;
      group.nodes.set(node, (group.nodes.get(node) ?? 0) + 1);
    }
  }
  return ORDER.flatMap((name) => groups.get(name) ?? []);
}

function nameOf(state: number, flags: number): GroupName {
  if (state === Cell.recalled) return 'recalled';
  if (state === Cell.failed) return 'failed';
  if (state !== Cell.accepted) return 'open';
  return (flags & Flag.contradicted) !== 0 ? 'contradicted' : 'accepted';
}

export interface Box {
  id: string;
  column: number;
  row: number;
  x: number;
  y: number;
}
export interface Place {
  boxes: Map<string, Box>;
  width: number;
  height: number;
}

export const BOX = { width: 168, height: 52, gapX: 56, gapY: 16 } as const;

/** Puts boxes of columns under each other, each column centred. */
export function placed(columns: string[][]): Place {
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const full = tallest * (BOX.height + BOX.gapY) - BOX.gapY;
  const boxes = new Map<string, Box>();
  columns.forEach((column, at) => {
    const high = column.length * (BOX.height + BOX.gapY) - BOX.gapY;
    const top = (full - high) / 2;
    column.forEach((id, row) => {
      const y = top + row * (BOX.height + BOX.gapY);
      boxes.set(id, { id, column: at, row, x: at * (BOX.width + BOX.gapX), y });
    });
  });
  return { boxes, width: columns.length * (BOX.width + BOX.gapX) - BOX.gapX, height: full };
}

/** A curve from the right side of a box to the left side of another. */
export function curve(from: Box, to: Box): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}
