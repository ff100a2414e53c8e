import { defineConfig } from 'vite';

// The two developer pages, /docs (Swagger UI) and /graphql (GraphiQL). Built apart from the console: they are large, are
// loaded only when opened, and share nothing with it.
export default defineConfig({
  root: 'tools',
  base: './',
  publicDir: false,
  build: {
    outDir: '../dist/tools',
    emptyOutDir: true,
    target: ['chrome120', 'firefox124', 'safari17.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4096,
    rollupOptions: {
      // React components for servers mark themselves; here all of it runs in the browser.
      onLog: (level, log, handler) => (log.code === 'MODULE_LEVEL_DIRECTIVE' ? undefined : handler(level, log)),
      input: { docs: 'tools/docs/index.html', graphiql: 'tools/graphiql/index.html' },
    },
  },
});
