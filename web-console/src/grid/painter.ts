/**
 * Paints a chunk table onto a canvas: only cells whose look changed, only rows in view. It owns what it has painted, and
 * nothing else; whoever has the canvas decides when a frame is due. Comparing 40 000 bytes costs less than keeping lists.
 */

import { Cell, CELL_STATES, Flag, Slot, type ChunkTable } from '../reduce/chunks';
import type { Batches } from '../reduce/batches';
import { chunksOf, type GridLayout } from './layout';
import { drawCell, SPRITES, stateCode, type Palette } from './look';

export type ColourBy = 'state' | 'node' | 'time';

export interface Picture {
  table: ChunkTable;
  batches: Batches;
  layout: GridLayout;
  palette: Palette;
  by: ColourBy;
  /** First visible pixel row of the layout, and how many are visible, in CSS pixels. */
  top: number;
  height: number;
  ratio: number;
}

const UNPAINTED = 0xffffffff;
/** Levels a group's shares are rounded to. */
const LEVELS = 7;
/** Stacking order of a group's shares, from the bottom. */
const STACK = [
  Cell.accepted,
  Cell.recalled,
  Cell.undecided,
  Cell.running,
  Cell.retrying,
  Cell.disputed,
  Cell.failed,
  Cell.stopped,
] as const;

export class GridPainter {
  /** Cells painted by the newest frame, for measurements. */
  painted = 0;
  private readonly context: CanvasRenderingContext2D;
  private sprites: HTMLCanvasElement | null = null;
  private key = '';
  private drawn = new Uint32Array(0);
  private readonly shares = new Uint32Array(CELL_STATES);
  private contradicted = false;
  private slowest = 1;
  private quickest = 1;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d', { alpha: true });
    if (context === null) throw new Error('this browser gives no 2d canvas');
    this.context = context;
  }

  /** Paints what changed since the last call; everything when the view itself changed. */
  paint(picture: Picture): void {
    const { layout, ratio } = picture;
    const edge = Math.max(1, Math.round(layout.cell * ratio));
    const firstRow = Math.max(0, Math.floor(picture.top / layout.cell));
    const rows = Math.min(layout.rows - firstRow, Math.ceil(picture.height / layout.cell) + 1);
    const key = [edge, layout.cols, layout.group, layout.total, firstRow, rows, picture.by, picture.palette.dark].join();
    if (key !== this.key) this.begin(picture, edge, Math.max(0, rows), key);
    if (picture.by === 'time') this.scale(picture);
    const first = firstRow * layout.cols;
    const end = Math.min(layout.cells, (firstRow + rows) * layout.cols);
    this.painted = 0;
    for (let cell = first; cell < end; cell += 1) {
      const code = layout.group === 1 ? this.codeOf(picture, cell) : this.groupCode(picture, cell);
      if (this.drawn[cell - first] === code) continue;
      this.drawn[cell - first] = code;
      this.painted += 1;
      const x = ((cell - first) % layout.cols) * edge;
      const y = Math.floor((cell - first) / layout.cols) * edge;
      if (layout.group === 1) this.one(picture, code, x, y, edge);
      else this.group(picture, x, y, edge);
    }
  }

  /** Forgets what is painted. */
  reset(): void {
    this.key = '';
  }

  private begin(picture: Picture, edge: number, rows: number, key: string): void {
    this.key = key;
    const { layout, palette } = picture;
    const [width, height] = [Math.max(1, layout.cols * edge), Math.max(1, rows * edge)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    } else {
      this.context.clearRect(0, 0, width, height);
    }
    this.canvas.style.width = `${width / picture.ratio}px`;
    this.canvas.style.height = `${height / picture.ratio}px`;
    if (this.drawn.length < rows * layout.cols) this.drawn = new Uint32Array(rows * layout.cols);
    this.drawn.fill(UNPAINTED);
    this.sprites = layout.group === 1 && picture.by === 'state' ? sheet(palette, edge) : null;
  }

  private codeOf({ table, batches, by }: Picture, chunk: number): number {
    const state = table.state[chunk] as number;
    if (by === 'state') return stateCode(state, table.flags[chunk] as number);
    const place = shownPlace(table, chunk);
    if (place < 0) return 0;
    if (by === 'node') return 1 + (batches.node[(table.batch[place] as number) - 1] ?? 0);
    return this.heatCode(table.wallUs[place] as number);
  }

  private heatCode(wallUs: number): number {
    if (wallUs <= 0) return 0;
    const span = Math.log2(this.slowest / this.quickest);
    if (span <= 0) return 1;
    return 1 + Math.max(0, Math.min(7, Math.floor((Math.log2(wallUs / this.quickest) / span) * 7.999)));
  }

  private one({ palette, by }: Picture, code: number, x: number, y: number, edge: number): void {
    if (this.sprites !== null) {
      this.context.clearRect(x, y, edge, edge);
      this.context.drawImage(this.sprites, code * edge, 0, edge, edge, x, y, edge, edge);
      return;
    }
    const colours = by === 'node' ? palette.nodes : palette.heat;
    this.context.fillStyle = code === 0 ? palette.none : (colours[(code - 1) % colours.length] as string);
    const gap = edge >= 14 ? Math.round(edge * 0.12) : edge >= 5 ? 1 : 0;
    this.context.fillRect(x, y, edge - gap, edge - gap);
  }

  /** Shares of a group, rounded, as one number; leaves them in `shares` and `contradicted`. */
  private groupCode({ table, layout }: Picture, cell: number): number {
    const [from, to] = chunksOf(layout, cell);
    this.shares.fill(0);
    let contradicted = 0;
    for (let chunk = from; chunk < to; chunk += 1) {
      const state = table.state[chunk] as number;
      this.shares[state] = (this.shares[state] as number) + 1;
      contradicted |= (table.flags[chunk] as number) & Flag.contradicted;
    }
    this.contradicted = contradicted !== 0;
    let code = this.contradicted ? 1 : 0;
    for (let state = 1; state < CELL_STATES; state += 1) {
      const share = this.shares[state] as number;
      const level = share === 0 ? 0 : Math.max(1, Math.floor((share / (to - from)) * LEVELS));
      code = (code * 8 + level) >>> 0;
    }
    return code === UNPAINTED ? 0 : code;
  }

  private group({ palette }: Picture, x: number, y: number, edge: number): void {
    const size = edge - Math.max(1, Math.round(edge * 0.12));
    const { context } = this;
    context.fillStyle = palette.fill[Cell.waiting] as string;
    context.fillRect(x, y, size, size);
    let chunks = 0;
    for (let state = 0; state < CELL_STATES; state += 1) chunks += this.shares[state] as number;
    let bottom = y + size;
    for (const state of STACK) {
      const share = this.shares[state] as number;
      if (share === 0) continue;
      const height = Math.min(bottom - y, Math.max(1, Math.round((share / chunks) * size)));
      context.fillStyle = palette.fill[state] as string;
      context.fillRect(x, bottom - height, size, height);
      bottom -= height;
    }
    const alarm = (this.shares[Cell.failed] as number) + (this.shares[Cell.disputed] as number) > 0;
    if (!alarm && !this.contradicted) return;
    context.fillStyle = palette.alarm;
    if (!alarm) {
      const side = Math.round(size * 0.5);
      context.beginPath();
      context.moveTo(x + size - side, y);
      context.lineTo(x + size, y);
      context.lineTo(x + size, y + side);
      context.fill();
      return;
    }
    context.fillRect(x + Math.round(size * 0.6), y, size - Math.round(size * 0.6), Math.round(size * 0.4));
  }

  /** Range of the wall times, in powers of two so that it seldom moves. */
  private scale({ table }: Picture): void {
    let [low, high] = [Infinity, 0];
    for (let chunk = 0; chunk < table.total; chunk += 1) {
      const place = shownPlace(table, chunk);
      const wall = place < 0 ? 0 : (table.wallUs[place] as number);
      if (wall <= 0) continue;
      if (wall < low) low = wall;
      if (wall > high) high = wall;
    }
    if (high === 0) return;
    const [quickest, slowest] = [2 ** Math.floor(Math.log2(low)), 2 ** Math.ceil(Math.log2(high))];
    if (quickest === this.quickest && slowest === this.slowest) return;
    this.quickest = quickest;
    this.slowest = slowest;
    this.drawn.fill(UNPAINTED);
  }

  /** Quickest and slowest replica of the time view, in microseconds. */
  range(): [number, number] {
    return [this.quickest, this.slowest];
  }
}

/** The replica a cell stands for: the winner, else the newest; -1 while there is none. */
export function shownPlace(table: ChunkTable, chunk: number): number {
  const winner = table.winner[chunk] as number;
  if (winner >= 0) return table.find(chunk, winner);
  const newest = Math.min(table.stride, table.attempts[chunk] as number) - 1;
  if (newest < 0) return -1;
  const place = chunk * table.stride + newest;
  return table.slot[place] === Slot.none ? -1 : place;
}

function sheet(palette: Palette, edge: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = edge * SPRITES;
  canvas.height = edge;
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  for (let code = 0; code < SPRITES; code += 1) drawCell(context, palette, code, { x: code * edge, y: 0, edge });
  return canvas;
}
