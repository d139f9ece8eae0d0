// What a run was told: where the edges are, which sale it is, who comes, and how large all of it is.
//
// `demo load` writes it into a file and names that by RUN; the shoppers' sessions lie beside it. Without the file a scenario
// can only be looked at (`k6 inspect`), which is how `demo load` learns what sale it needs.

import { SharedArray } from "k6/data";

const told = __ENV.RUN ? JSON.parse(open(__ENV.RUN)) : {};

/** Base URLs of the edges. */
export const edges = told.edges ?? [];
/** The sale's id, as URLs use it. */
export const sale = told.sale;
/** What is bought; the sale's first item if not told. */
export const wantedSku = told.sku ?? undefined;
/** How many units the sale is said to have in the end, if that was said. */
export const unitsSaid = told.units ?? undefined;
/** A merchant's session: the books are read with it. */
export const merchant = told.merchant;
/** Where the reports go. */
export const folder = told.folder;
/** One session for each customer. All virtual users share the one copy. */
export const sessions = new SharedArray("sessions", () => (__ENV.RUN ? JSON.parse(open(`${__ENV.RUN}.sessions`)) : []));

const scale = Number(__ENV.SCALE || 1);
const slowness = Number(__ENV.SLOWNESS || 1);

/** So many of something, or the part of it that the scale leaves: at least one. */
export function count(full) {
  return Math.max(1, Math.round(full * scale));
}

/** So many seconds, or the part of them that the scale leaves: at least so many, as a short run shows nothing. */
export function seconds(full, least) {
  return Math.max(least, Math.round(full * scale));
}

/** So many seconds of room, or more on a machine that is said to be slow: at most so many, as somebody waits for them. */
export function room(full, most) {
  return Math.round(Math.min(most, full * slowness));
}

/** A bound on a time, wider on a machine that is said to be slow. */
export function time(most) {
  return most * slowness;
}
