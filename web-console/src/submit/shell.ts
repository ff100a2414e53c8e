// Text for a POSIX shell. Nothing in a value can end its quotes.

/** One word of a command line: as it is when that is safe, else in single quotes. */
export function quote(word: string): string {
  if (word !== '' && /^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command over several lines: groups of words, one group a line. */
export function commandLines(groups: string[][]): string {
  return groups.map((group) => group.map(quote).join(' ')).join(' \\\n  ');
}
