/** Reads `.npy` files (NumPy format 1 to 3) of plain numbers. A wrong file becomes an error that says what is wrong. */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Longest header that is read; NumPy itself warns above this. */
const MAX_HEADER = 1 << 16;

export type NpyType = 'f4' | 'f8' | 'i1' | 'i2' | 'i4' | 'i8' | 'u1' | 'u2' | 'u4' | 'u8' | 'b1';

export interface NpyArray {
  type: NpyType;
  shape: number[];
  fortran: boolean;
  /** Elements in C order. 64-bit integers beyond 2^53 are rounded; `exact` tells. */
  data: Float64Array;
  exact: boolean;
}

export class NpyError extends Error {}

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, at) => bytes[at] === byte);
}

export function parseNpy(bytes: Uint8Array): NpyArray {
  if (!isNpy(bytes)) throw new NpyError('not a .npy file: the magic bytes are missing');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12) throw new NpyError('the header is cut off');
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw new NpyError(`version ${major} of the format is not known`);
  const headerAt = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > MAX_HEADER || headerAt + headerLength > bytes.length) throw new NpyError('the header is cut off');
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerAt, headerAt + headerLength));
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-z]\d+)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shapeText = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header);
  if (!descr || !order || !shapeText) throw new NpyError('the header does not name a plain type, an order and a shape');
  const type = descr[2] as NpyType;
  const read = READERS[type];
  if (!read) throw new NpyError(`elements of type ${descr[2]} are not supported`);
  const shape = (shapeText[1] ?? '')
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '')
    .map(Number);
  const size = Number(type.slice(1));
  const count = shape.reduce((product, edge) => product * edge, 1);
  const at = headerAt + headerLength;
  if (!Number.isSafeInteger(count) || at + count * size > bytes.length) {
    throw new NpyError(`${count * size} bytes of elements were expected, ${bytes.length - at} are there`);
  }
  const little = descr[1] !== '>';
  const raw = new Float64Array(count);
  for (let index = 0; index < count; index += 1) raw[index] = read(view, at + index * size, little);
  const fortran = order[1] === 'True';
  const exact = (type !== 'i8' && type !== 'u8') || raw.every((value) => Number.isSafeInteger(value));
  return { type, shape, fortran, data: fortran ? toCOrder(raw, shape) : raw, exact };
}

const READERS: Partial<Record<string, (view: DataView, at: number, little: boolean) => number>> = {
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  b1: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/** Turns first-index-fastest into last-index-fastest. */
function toCOrder(raw: Float64Array, shape: number[]): Float64Array {
  if (shape.length < 2) return raw;
  const strides: number[] = [];
  shape.reduce((stride, edge) => {
    strides.push(stride);
    return stride * edge;
  }, 1);
  const out = new Float64Array(raw.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < raw.length; to += 1) {
    out[to] = raw[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const stride = strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      from += stride;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
