import { defineConfig } from '@playwright/test';

// A browser of the system, never a downloaded one. The flags keep it from talking to anybody but the node.
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: './e2e',
  outputDir: './e2e-results/traces',
  // Two cores: node processes and the browser share them.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  forbidOnly: true,
  use: {
    trace: 'retain-on-failure',
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    launchOptions: { executablePath: process.env['P2PJOB_BROWSER'] ?? '/usr/bin/chromium', args: flags },
  },
});
