// The licences of what a browser is sent: every package of a lock file that is not for development alone.
//
// The list is that of deny.toml, as far as packages of npm need it. A package that names no licence has none that is allowed.

import { readFileSync } from "node:fs";

const ALLOWED = new Set(["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"]);

const file = process.argv[2];
const { packages } = JSON.parse(readFileSync(file, "utf8"));
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev);
const refused = shipped.filter(([, { license }]) => !ALLOWED.has(license));

if (shipped.length === 0) {
  console.error(`${file} has no packages: is it a lock file?`);
  process.exit(1);
}
for (const [path, { license }] of refused) {
  console.error(`${path.replace(/.*node_modules\//, "")}: ${license ?? "no licence"} is not allowed`);
}
console.log(`${file}: ${shipped.length} packages reach a browser, ${refused.length} with a licence that is not allowed`);
process.exit(refused.length === 0 ? 0 : 1);
