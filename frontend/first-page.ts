/**
 * How the scripts of the first page are cut into files, and come to a browser. What runs first is small and asks for what
 * the page will show; everything else that it starts with is on its way by then.
 */
import { fileURLToPath } from "node:url";
import type { HtmlTagDescriptor, Plugin } from "vite";

/** What runs first, and the page that it starts. */
const MAIN = fileURLToPath(new URL("src/app/main.ts", import.meta.url));
const START = fileURLToPath(new URL("src/app/start.tsx", import.meta.url));

/** The files: what runs first; the page's own part; and what it has from others, which stays the same over releases. */
const FILES = { ahead: "ahead", own: "first", vendor: "vendor" } as const;

interface Modules {
  getModuleInfo(id: string): { importedIds: string[] } | null;
}

/** Everything that something cannot do without, itself included, where `importsOf` says what each needs by itself. */
function needed(one: string, importsOf: (one: string) => readonly string[]): ReadonlySet<string> {
  // What is added while it is gone through is gone through as well.
  const found = new Set([one]);
  for (const next of found) for (const other of importsOf(next)) found.add(other);
  return found;
}

let known: { main: ReadonlySet<string>; start: ReadonlySet<string> } | undefined;

/** The file of a module that the first page needs. */
export function fileInFirstPage(id: string, modules: Modules): string | undefined {
  const importsOf = (id: string) => modules.getModuleInfo(id)?.importedIds ?? [];
  known ??= { main: needed(MAIN, importsOf), start: needed(START, importsOf) };
  // What others import by name has a file of its own, which holds little else.
  if (id === MAIN || id === START) return undefined;
  if (known.main.has(id)) return FILES.ahead;
  if (!known.start.has(id)) return undefined;
  return id.includes("/node_modules/") ? FILES.vendor : FILES.own;
}

/**
 * What stands at the top of a script. Nearly all of what the first page needs runs when it starts: compiled as a whole,
 * beside what else the browser does, it does not keep the page waiting at each function that is called for the first time.
 * Browsers that do not know this comment are told nothing by it.
 */
export function hintFor({ name, isEntry }: { name: string; isEntry: boolean }): string {
  return isEntry || (Object.values(FILES) as string[]).includes(name) ? "//# allFunctionsCalledOnLoad" : "";
}

/** Tells the browser of all scripts of the first page at once, rather than of each when another one wants it. */
export const preloadFirstPage: Plugin = {
  name: "preload-first-page",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle = {} }) {
      const chunks = Object.values(bundle).filter((part) => part.type === "chunk");
      const importsOf = (name: string) => chunks.find(({ fileName }) => fileName === name)?.imports ?? [];
      const filesOf = (test: (chunk: (typeof chunks)[number]) => boolean) => {
        const chunk = chunks.find(test);
        return chunk === undefined ? new Set<string>() : needed(chunk.fileName, importsOf);
      };
      const there = filesOf(({ isEntry }) => isEntry);
      const missing = [...filesOf(({ facadeModuleId }) => facadeModuleId === START)].filter((file) => !there.has(file));
      return missing.map(
        (file): HtmlTagDescriptor => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `/${file}` },
          injectTo: "head",
        }),
      );
    },
  },
};
