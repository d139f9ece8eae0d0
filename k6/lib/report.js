// What came of a load, for people: each promise as a sentence with what was measured, the answers, the times, and what a
// predecessor published; as text, as a page that needs nothing from anywhere, and as JSON.

import { folder } from "./run.js";

/** Metrics that k6 does not mention when there was nothing to count. */
const ZERO_UNLESS_SEEN = ["dropped_iterations", "gave_up", "answers_unexpected"];
const TIMES = {
  answer_ms: "an answer, from when an attempt was meant",
  settled_ms: "the truth, from when a shopper was meant to come",
  paid_ms: "a payment",
  release_late_ms: "a unit back on sale, from its deadline",
  first_event_ms: "a viewer's first event",
};

/** The part of a condition before its sign: what is measured. */
function measured(data, { metric, must }) {
  const values = data.metrics[metric]?.values;
  return values?.[must.split(/[<>=]/)[0]] ?? (ZERO_UNLESS_SEEN.includes(metric) ? 0 : undefined);
}

/** Every promise with what became of it: `kept` is missing when nothing was measured. */
function verdicts(data, kept) {
  return kept.map((one) => {
    const value = measured(data, one);
    const seen = data.metrics[one.metric];
    const ok = seen?.thresholds?.[one.must]?.ok;
    const empty = value === undefined || (seen?.type === "trend" && seen.values.max === 0 && seen.values.min === 0);
    return { ...one, measured: value, kept: empty ? undefined : ok };
  });
}

function figure(value) {
  if (value === undefined) return "nothing measured";
  return Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 1);
}

function sections(data, name, promised, beside) {
  const kept = verdicts(data, promised);
  const answers = Object.entries(data.metrics)
    .filter(([metric, { values }]) => metric.startsWith("answers_") && values.count > 0)
    .map(([metric, { values }]) => [metric.slice("answers_".length).replaceAll("_", "-"), values.count])
    .sort(([, one], [, other]) => other - one);
  const times = Object.entries(TIMES)
    .filter(([metric]) => data.metrics[metric])
    .map(([metric, says]) => [says, data.metrics[metric].values]);
  const theirs = beside.map(({ says, metric, of, published }) => {
    const ours = data.metrics[metric]?.values?.[of];
    return { says, published, ours: figure(ours) };
  });
  return { name, kept, answers, times, theirs };
}

const STATS = ["min", "med", "p(95)", "p(99)", "max"];

function mark(kept) {
  return kept === true ? "✓" : "✗";
}

function text({ name, kept, answers, times, theirs }) {
  const lines = ["", `${name}: what was promised`];
  for (const one of kept) lines.push(`  ${mark(one.kept)} ${one.says}  [${one.must}: ${figure(one.measured)}]`);
  lines.push("", "answers, all attempts");
  for (const [answer, count] of answers) lines.push(`  ${answer.padEnd(24)}${String(count).padStart(10)}`);
  lines.push(
    "",
    `milliseconds${STATS.map((stat) => stat.padStart(10))
      .join("")
      .padStart(91)}`,
  );
  for (const [says, values] of times) {
    lines.push(`  ${says.padEnd(51)}${STATS.map((stat) => figure(values[stat]).padStart(10)).join("")}`);
  }
  for (const { says, published, ours } of theirs) lines.push(`  ${says}: ${ours} here, ${published} published`);
  return `${lines.join("\n")}\n\n`;
}

function escaped(value) {
  return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function table(head, rows) {
  const row = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${row(head, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table>`;
}

function html({ name, kept, answers, times, theirs }) {
  const promised = kept.map((one) => [mark(one.kept), one.says, `${one.metric} ${one.must}`, figure(one.measured)]);
  const parts = [
    `<h1>Load: ${escaped(name)}</h1>`,
    '<p>How it went over time is in <a href="series.html">series.html</a>, where the load took long enough.</p>',
    table(["", "promise", "threshold", "measured"], promised),
    table(["answer", "times"], answers),
    table(
      ["milliseconds", ...STATS],
      times.map(([says, values]) => [says, ...STATS.map((stat) => figure(values[stat]))]),
    ),
  ];
  if (theirs.length > 0) {
    const rows = theirs.map(({ says, published, ours }) => [says, published, ours]);
    parts.push(table(["beside a predecessor", "published", "here"], rows));
  }
  const style =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}" +
    "table{border-collapse:collapse;margin:1.5rem 0;width:100%}td,th{border-bottom:1px solid #8885;padding:.35rem;text-align:left}";
  const head = `<meta charset="utf-8"><title>Load: ${escaped(name)}</title><style>${style}</style>`;
  return `<!doctype html><html lang="en"><head>${head}</head><body>${parts.join("\n")}</body></html>\n`;
}

/** For `handleSummary`: what is printed and written. `beside` lists published figures to show next to ours. */
export function report(name, promised, beside = []) {
  return (data) => {
    const all = sections(data, name, promised, beside);
    const files = {
      [`${folder}/report.html`]: html(all),
      [`${folder}/summary.json`]: JSON.stringify({ name, promises: all.kept, metrics: data.metrics }, null, 2),
    };
    return { stdout: text(all), ...(folder ? files : {}) };
  };
}
