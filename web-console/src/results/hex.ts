/** Bytes as rows of sixteen, as hex dumps show them. */

export const ROW_BYTES = 16;

export interface HexRow {
  offset: string;
  hex: string;
  text: string;
}

export function hexRows(length: number): number {
  return Math.ceil(length / ROW_BYTES);
}

export function hexRow(bytes: Uint8Array, row: number): HexRow {
  const from = row * ROW_BYTES;
  const part = bytes.subarray(from, from + ROW_BYTES);
  const pairs = Array.from(part, (byte) => byte.toString(16).padStart(2, '0'));
  const hex = `${pairs.slice(0, 8).join(' ')}  ${pairs.slice(8).join(' ')}`.trimEnd();
  const text = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
  return { offset: from.toString(16).padStart(8, '0'), hex, text };
}
