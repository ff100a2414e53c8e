/** Where the cells of a chunk grid are: pure geometry in CSS pixels. */

/** Smallest cell that shows one chunk; below it, cells show groups of chunks. */
export const MIN_CELL = 5;
const MAX_CELL = 24;
/** Size of a cell that shows a group. */
const GROUP_CELL = 12;
/** Sizes the zoom steps through. */
export const ZOOM_CELLS = [6, 8, 11, 15, 20, 26] as const;

export interface GridLayout {
  total: number;
  /** Chunks per cell; 1 unless they would be too small. */
  group: number;
  cells: number;
  /** Edge of a cell with its gap. */
  cell: number;
  cols: number;
  rows: number;
  width: number;
  /** Height of all rows; more than the visible height when it scrolls. */
  height: number;
}

export interface Room {
  width: number;
  height: number;
  /** Edge of a cell; null fits everything into the room. */
  zoom: number | null;
  /** Device pixels per CSS pixel: cells are whole device pixels. */
  ratio?: number;
}

export function layoutOf(total: number, room: Room): GridLayout {
  const width = Math.max(2 * GROUP_CELL, Math.floor(room.width));
  const snap = (cell: number) => {
    const ratio = room.ratio ?? 1;
    return Math.max(1, Math.round(cell * ratio)) / ratio;
  };
  if (total <= 0) return { total: 0, group: 1, cells: 0, cell: MAX_CELL, cols: 1, rows: 0, width, height: 0 };
  if (room.zoom !== null) return place(total, 1, snap(room.zoom), width);
  for (let cell = MAX_CELL; cell >= MIN_CELL; cell -= 1) {
    const fit = place(total, 1, snap(cell), width);
    if (fit.height <= room.height) return fit;
  }
  const edge = snap(GROUP_CELL);
  const cells = Math.max(1, Math.floor(width / edge) * Math.max(1, Math.floor(room.height / edge)));
  return place(total, niceGroup(total / cells), edge, width);
}

function place(total: number, group: number, cell: number, width: number): GridLayout {
  const cols = Math.max(1, Math.floor(width / cell));
  const cells = Math.ceil(total / group);
  const rows = Math.ceil(cells / cols);
  return { total, group, cells, cell, cols, rows, width: cols * cell, height: rows * cell };
}

/** The next of 2, 5, 10, 20, 50, ... that is enough. */
export function niceGroup(least: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 5]) {
      if (step * power >= least && step * power > 1) return step * power;
    }
  }
}

/** The cell at a point; -1 outside. */
export function cellAt(layout: GridLayout, x: number, y: number): number {
  const [col, row] = [Math.floor(x / layout.cell), Math.floor(y / layout.cell)];
  if (col < 0 || col >= layout.cols || row < 0 || row >= layout.rows) return -1;
  const cell = row * layout.cols + col;
  return cell < layout.cells ? cell : -1;
}

export function cellOf(layout: GridLayout, chunk: number): number {
  return Math.floor(chunk / layout.group);
}

/** First chunk of a cell, and the one after its last. */
export function chunksOf(layout: GridLayout, cell: number): [number, number] {
  return [cell * layout.group, Math.min(layout.total, (cell + 1) * layout.group)];
}

export function cornerOf(layout: GridLayout, cell: number): { x: number; y: number } {
  return { x: (cell % layout.cols) * layout.cell, y: Math.floor(cell / layout.cols) * layout.cell };
}

/** The cursor's next cell for a key, or null for keys that do not move it. */
export function moved(layout: GridLayout, cell: number, key: string, page: number): number | null {
  const last = layout.cells - 1;
  const clamp = (to: number) => Math.max(0, Math.min(last, to));
  const steps: Record<string, number> = {
    ArrowLeft: cell - 1,
    ArrowRight: cell + 1,
    ArrowUp: cell - layout.cols < 0 ? cell : cell - layout.cols,
    ArrowDown: cell + layout.cols > last ? cell : cell + layout.cols,
    PageUp: cell - page * layout.cols,
    PageDown: cell + page * layout.cols,
    Home: 0,
    End: last,
  };
  const to = steps[key];
  return to === undefined ? null : clamp(to);
}
