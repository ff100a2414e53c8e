// Frames per second of the chunk grid while events arrive, in headless Chromium. Prints one JSON object per size, and fails
// below the limit: `npm run bench:grid`, `npm run bench:grid -- 10000 100000`.
import { chromium } from '@playwright/test';
import { createServer } from 'vite';

/** Frames per second that 10 000 chunks must keep. */
const LEAST_FPS = 50;

const sizes = process.argv.slice(2).map(Number).filter((size) => size > 0);
if (sizes.length === 0) sizes.push(10_000);

const server = await createServer({
  root: new URL('..', import.meta.url).pathname,
  server: { port: 0, host: '127.0.0.1', proxy: {}, hmr: false, watch: null },
  logLevel: 'error',
});
await server.listen();
const { port } = server.httpServer.address();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let failed = false;
try {
  for (const size of sizes) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => console.error(error));
    await page.goto(`http://127.0.0.1:${port}/bench/grid.html`);
    await page.waitForFunction(() => 'benchGrid' in window);
    const result = await page.evaluate((chunks) => window.benchGrid(chunks), size);
    console.log(JSON.stringify(result));
    if (result.accepted !== size) throw new Error(`${result.accepted} of ${size} chunks were accepted`);
    if (size <= 10_000 && result.median < LEAST_FPS) failed = true;
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
if (failed) {
  console.error(`the grid is slower than ${LEAST_FPS} frames per second`);
  process.exit(1);
}
