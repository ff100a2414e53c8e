/** Reads delimited text (RFC 4180, and what people really write): quotes, doubled quotes, any line ends, `,` `;` or tab. */

export interface Csv {
  delimiter: string;
  header: string[];
  rows: string[][];
}

const DELIMITERS = [',', '\t', ';'];
/** Lines that are looked at to find the delimiter. */
const SNIFFED_LINES = 20;

/** The delimiter that cuts the first lines into equally many fields, at least two; null when it is no such text. */
export function sniffDelimiter(text: string): string | null {
  const head = text.slice(0, 64_000);
  for (const delimiter of DELIMITERS) {
    const rows = parseRows(head, delimiter, SNIFFED_LINES).filter((row) => row.length > 1 || row[0] !== '');
    // The last row may be cut off.
    const whole = head.length < text.length && rows.length < SNIFFED_LINES ? rows.slice(0, -1) : rows;
    const width = whole[0]?.length ?? 0;
    if (whole.length >= 2 && width >= 2 && whole.every((row) => row.length === width)) return delimiter;
  }
  return null;
}

export function parseCsv(text: string, delimiter: string): Csv {
  const all = parseRows(text.startsWith('\ufeff') ? text.slice(1) : text, delimiter);
  if (all.at(-1)?.length === 1 && all.at(-1)?.[0] === '') all.pop();
  const first = all[0] ?? [];
  const named = first.every((field) => field !== '' && !isNumber(field)) && new Set(first).size === first.length;
  const width = all.reduce((most, row) => Math.max(most, row.length), 0);
  const header = Array.from({ length: width }, (_, at) => (named ? first[at] : undefined) ?? String(at + 1));
  return { delimiter, header, rows: named ? all.slice(1) : all };
}

export function isNumber(field: string): boolean {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(field);
}

function parseRows(text: string, delimiter: string, limit = Infinity): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at <= text.length && rows.length < limit) {
    let field: string;
    if (text[at] === '"') {
      const end = closingQuote(text, at + 1);
      field = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
      const rest = fieldEnd(text, at, delimiter);
      field += text.slice(at, rest);
      at = rest;
    } else {
      const end = fieldEnd(text, at, delimiter);
      field = text.slice(at, end);
      at = end;
    }
    row.push(field);
    if (text[at] === delimiter) {
      at += 1;
      continue;
    }
    rows.push(row);
    row = [];
    if (at >= text.length) break;
    at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1;
  }
  return rows;
}

function closingQuote(text: string, from: number): number {
  let at = from;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    if (text[quote + 1] !== '"') return quote;
    at = quote + 2;
  }
}

function fieldEnd(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length) {
    const letter = text[at];
    if (letter === delimiter || letter === '\n' || letter === '\r') break;
    at += 1;
  }
  return at;
}
