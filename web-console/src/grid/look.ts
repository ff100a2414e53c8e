/** How cells look: a palette that colour-blind people can tell apart (after Okabe and Ito), and a shape for each state. */

import { Cell, CELL_STATES, Flag } from '../reduce/chunks';

export interface Palette {
  dark: boolean;
  /** Fill by state, in the order of `Cell`. */
  fill: readonly string[];
  ink: string;
  alarm: string;
  /** Colours of nodes, for "colour by node". */
  nodes: readonly string[];
  /** From quick to slow. */
  heat: readonly string[];
  none: string;
}

const NODES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#b8a900', '#7a5cc9'];
const HEAT = ['#2c1e63', '#433a9b', '#3d63b8', '#2f8bb5', '#35b29c', '#7fd06b', '#cfe04a', '#ffe94d'];

export const LIGHT: Palette = {
  dark: false,
  fill: ['#e3e7ed', '#3f8fe0', '#b5d5f4', '#45ae8d', '#bfe5d8', '#c8410b', '#f2c230', '#f0a04b', '#b4bcc6'],
  ink: '#1c1f24',
  alarm: '#c8410b',
  nodes: NODES,
  heat: HEAT,
  none: '#e3e7ed',
};
export const DARK: Palette = {
  dark: true,
  fill: ['#262d38', '#4aa3f0', '#24486b', '#22866a', '#174b3f', '#f0642b', '#f5cf45', '#e0913d', '#4a5360'],
  ink: '#0d1015',
  alarm: '#ff7a45',
  nodes: NODES.map((colour) => (colour === '#0072b2' ? '#3d9ddb' : colour)),
  heat: HEAT,
  none: '#262d38',
};

/** Codes below are cells of one chunk by state and mark; above are colours of the other views. */
export const CONTRADICTED = 16;
export const SPRITES = CONTRADICTED + CELL_STATES;

export function stateCode(state: number, flags: number): number {
  return state + ((flags & Flag.contradicted) !== 0 ? CONTRADICTED : 0);
}

/** Draws one cell of `edge` device pixels at x, y; the gap is inside the edge. */
export function drawCell(
  context: CanvasRenderingContext2D,
  palette: Palette,
  code: number,
  at: { x: number; y: number; edge: number },
): void {
  const contradicted = code >= CONTRADICTED;
  const state = contradicted ? code - CONTRADICTED : code;
  const gap = at.edge >= 14 ? Math.round(at.edge * 0.12) : at.edge >= 5 ? 1 : 0;
  const box = { x: at.x, y: at.y, size: at.edge - gap };
  context.fillStyle = palette.fill[state] ?? palette.none;
  context.fillRect(box.x, box.y, box.size, box.size);
  if (box.size < 4) return;
  context.fillStyle = palette.ink;
  context.strokeStyle = palette.ink;
  context.lineWidth = Math.max(1, box.size * 0.14);
  drawShape(context, palette, state, box);
  if (contradicted) corner(context, palette.alarm, box);
}

interface Box {
  x: number;
  y: number;
  size: number;
}

function drawShape(context: CanvasRenderingContext2D, palette: Palette, state: number, box: Box): void {
  const { x, y, size } = box;
  const [near, far] = [size * 0.24, size * 0.76];
  switch (state) {
    case Cell.failed:
      context.strokeStyle = '#ffffff';
      context.beginPath();
      context.moveTo(x + near, y + near);
      context.lineTo(x + far, y + far);
      context.moveTo(x + far, y + near);
      context.lineTo(x + near, y + far);
      context.stroke();
      break;
    case Cell.disputed:
      context.beginPath();
      context.moveTo(x, y + size);
      context.lineTo(x + size, y);
      context.lineTo(x + size, y + size);
      context.fill();
      break;
    case Cell.undecided:
      context.fillStyle = palette.fill[Cell.running] as string;
      context.fillRect(x, y + Math.ceil(size / 2), size, Math.floor(size / 2));
      break;
    case Cell.retrying:
      context.fillRect(x + size * 0.36, y + size * 0.36, size * 0.28, size * 0.28);
      break;
    case Cell.recalled:
      context.fillStyle = palette.dark ? '#2fa384' : '#2f9677';
      frame(context, box, Math.max(1, size * 0.16));
      break;
    case Cell.stopped:
      context.fillRect(x + near, y + size * 0.44, far - near, Math.max(1, size * 0.14));
      break;
  }
}

function frame(context: CanvasRenderingContext2D, { x, y, size }: Box, thick: number): void {
  context.fillRect(x, y, size, thick);
  context.fillRect(x, y + size - thick, size, thick);
  context.fillRect(x, y, thick, size);
  context.fillRect(x + size - thick, y, thick, size);
}

function corner(context: CanvasRenderingContext2D, colour: string, { x, y, size }: Box): void {
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(x + size * 0.4, y);
  context.lineTo(x + size, y);
  context.lineTo(x + size, y + size * 0.6);
  context.fill();
}
