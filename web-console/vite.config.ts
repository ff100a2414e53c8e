import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The node (or the fixture server) that `npm run dev` talks to.
const node = process.env['P2PJOB_CONSOLE_URL'] ?? 'http://127.0.0.1:4780';
const proxied = ['/api', '/graphql', '/openapi.json', '/metrics', '/docs'];

export default defineConfig({
  plugins: [svelte()],
  base: './',
  resolve: { alias: { $lib: at('./src/lib'), $ui: at('./src/components') } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome120', 'firefox124', 'safari17.4'],
    // Data URIs would be refused by the content security policy.
    assetsInlineLimit: 0,
    // The polyfill is an extra request; every supported browser preloads modules by itself.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One style sheet and one chunk of shared parts: many tiny files weigh more than they save.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'shared', test: /node_modules\/svelte|src\/(components|shell|lib\/(?!plot))/ },
          ],
        },
      },
    },
  },
  worker: { format: 'es' },
  // The node refuses writes from foreign origins; here the page is served by Vite, so the proxy says the node's own.
  server: {
    port: 5173,
    proxy: Object.fromEntries(proxied.map((path) => [path, { target: node, changeOrigin: true, ws: true, headers: { origin: node } }])),
  },
  // As the node serves it: what the policy would refuse shows here too.
  preview: { headers: { 'content-security-policy': "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:" } },
  test: { include: ['tests/**/*.test.ts', 'src/**/*.test.ts'], environment: 'node' },
});
