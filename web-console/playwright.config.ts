import { defineConfig } from '@playwright/test';

// Against a running node: P2PJOB_CONSOLE_URL is its address, as `p2pjob up --json` prints it. P2PJOB_CONSOLE_PAGE, when
// set, is another place that serves the page (`vite preview`), for work on the console itself.
const page = process.env['P2PJOB_CONSOLE_PAGE'] ?? process.env['P2PJOB_CONSOLE_URL'] ?? 'http://127.0.0.1:4780';

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: false,
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    baseURL: page,
    browserName: 'chromium',
    locale: 'en-US',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env['P2PJOB_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
