// After the build: a .gz beside every file, and the console's weight against its budget. The developer pages under
// dist/tools are loaded only when opened and do not count.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 250 * 1024;
const dist = new URL('../dist/', import.meta.url).pathname;
const weights = [];

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith('.gz')) continue;
  const path = join(entry.parentPath, entry.name);
  const packed = gzipSync(readFileSync(path), { level: 9 });
  writeFileSync(`${path}.gz`, packed);
  const name = path.slice(dist.length);
  if (!name.startsWith('tools/')) weights.push([name, packed.length]);
}

const total = weights.reduce((sum, [, bytes]) => sum + bytes, 0);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
console.log(`console: ${kib(total)} gzipped in ${weights.length} files, of ${kib(BUDGET_BYTES)}`);
if (total > BUDGET_BYTES) {
  weights.sort((a, b) => b[1] - a[1]);
  for (const [name, bytes] of weights.slice(0, 15)) console.error(`  ${kib(bytes).padStart(10)}  ${name}`);
  console.error('the console is over its budget: split, or take out, what weighs most');
  process.exit(1);
}
