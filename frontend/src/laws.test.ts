/** What must hold of every file: whoever breaks one of these is told which. */
import { describe, expect, it } from "vitest";

const sources = Object.entries(
  import.meta.glob<string>("./**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true }),
).filter(([path]) => !path.includes(".test.") && !path.endsWith("schema.d.ts"));

/** Lines that match, each with its file. */
function lines(pattern: RegExp, except: (path: string) => boolean = () => false): string[] {
  return sources
    .filter(([path]) => !except(path))
    .flatMap(([path, text]) => text.split("\n").map((line) => `${path}: ${line.trim()}`))
    .filter((line) => pattern.test(line.slice(line.indexOf(": ") + 2)));
}

describe("every source", () => {
  it("is found", () => {
    expect(sources.length).toBeGreaterThan(30);
  });

  it("knows no other feature than its own", () => {
    const strange = sources.flatMap(([path, text]) => {
      const own = path.match(/^\.\/features\/(\w+)\//)?.[1];
      if (own === undefined) return [];
      const known = [...text.matchAll(/from "@\/(features\/(\w+)|app)/g)];
      return known.filter((found) => found[2] !== own).map((found) => `${path}: ${found[0]}`);
    });
    expect(strange).toEqual([]);
  });

  it("leaves what is shared free of features", () => {
    const shared = (path: string) => /^\.\/(app|features)\//.test(path);
    expect(lines(/from "@\/(features|app)/, shared)).toEqual([]);
  });

  it("asks the API through its client", () => {
    expect(lines(/\bfetch\(|XMLHttpRequest/)).toEqual([]);
  });

  it("asks the time of the server's clock", () => {
    expect(lines(/Date\.now|new Date\(\)/, (path) => path === "./api/clock.ts")).toEqual([]);
  });

  it("makes keys on plain pages too", () => {
    expect(lines(/randomUUID/, (path) => path === "./api/new-key.ts")).toEqual([]);
  });

  it("makes no format that is made already", () => {
    expect(lines(/new Intl\./, (path) => path === "./format/formats.ts")).toEqual([]);
  });

  it("has one idea: at most 250 lines", () => {
    const long = sources.filter(([, text]) => text.split("\n").length > 250).map(([path]) => path);
    expect(long).toEqual([]);
  });

  it("has no colour of its own", () => {
    expect(
      lines(/\b(?:bg|text|border|fill|stroke|ring)-(?:red|green|blue|gray|slate|stone|zinc|amber|teal|white|black)\b/),
    ).toEqual([]);
  });

  it("knows left and right by where reading begins and ends", () => {
    expect(lines(/[\s"](?:-?m[lr]|p[lr]|left|right|border-[lr]|rounded-[lr])-[\w[]|\btext-(?:left|right)\b/)).toEqual(
      [],
    );
  });

  it("puts no markup of others into the page", () => {
    expect(lines(/dangerouslySetInnerHTML|innerHTML|\beval\(/)).toEqual([]);
  });
});
