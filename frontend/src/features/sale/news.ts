/** What a listener should hear of a sale that moves: not each step, but what came of them since they last heard. */
import type { Sale } from "@/api/schema";
import { standingOf } from "./standing";

export type News =
  | { readonly is: "opened" | "resumed" | "paused" | "ended" | "unavailable" }
  | { readonly is: "gone" | "back"; readonly item: string };

/** Shortest time between two announcements, in milliseconds. */
export const NEWS_EVERY_MS = 6_000;

/** What changed between what was last announced and now. */
export function newsBetween(told: Sale, now: Sale): News[] {
  const news: News[] = [];
  if (told.state !== now.state) {
    switch (now.state) {
      case "open":
        news.push({ is: told.state === "upcoming" ? "opened" : "resumed" });
        break;
      case "paused":
      case "ended":
      case "unavailable":
        news.push({ is: now.state });
        break;
      case "upcoming":
        break;
    }
  }
  // Whether there is something to be had says nothing while nothing can be.
  if (now.state !== "open") return news;
  const before = new Map(told.items.map((item) => [item.sku, standingOf(item, told.payment)]));
  for (const item of now.items) {
    const [was, is] = [before.get(item.sku), standingOf(item, now.payment)];
    if (was === undefined || was === "unknown" || is === "unknown") continue;
    if (was === "available" && is !== "available") news.push({ is: "gone", item: item.name });
    if (was !== "available" && is === "available") news.push({ is: "back", item: item.name });
  }
  return news;
}
