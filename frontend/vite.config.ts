import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { compression, defineAlgorithm } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";
import { fileInFirstPage, hintFor, preloadFirstPage } from "./first-page.ts";

/** Where `npm run dev` finds an edge; `make demo` prints the address of one. */
const edge = process.env.SLUICE_EDGE ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    preloadFirstPage,
    // Compressed once, here, as hard as it goes: the edge sends these bytes as they are.
    compression({
      include: /\.(html|js|css|svg|json|txt|webmanifest)$/,
      threshold: 512,
      algorithms: [defineAlgorithm("brotliCompress"), defineAlgorithm("gzip", { level: 9 })],
    }),
  ],
  resolve: { tsconfigPaths: true },
  build: {
    target: "es2023",
    // The policy of the page allows no data: script and no inline style.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        postBanner: hintFor,
        // Few files rather than many: those of the first page, and what the others share.
        codeSplitting: {
          // What a file needs has a file by the same rules, rather than the same file.
          includeDependenciesRecursively: false,
          groups: [
            { name: fileInFirstPage, debugName: "first page" },
            { name: "shared", test: /src\/(api|app|format|ui|text\/\w+\.ts)/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: {
    // Sessions are bound to the origin that the edge sees, so it must look like the edge's own.
    proxy: {
      "/v1": {
        target: edge,
        changeOrigin: true,
        configure: (proxy) => proxy.on("proxyReq", (request) => request.setHeader("origin", edge)),
      },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
