import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { NEWS_EVERY_MS, type News, newsBetween } from "./news";

/** Most items that one announcement names; more would be chatter. */
const NAMED_MAX = 3;

/** What a live region says about a sale: at most one sentence or two every few seconds, and only what came of it all. */
export function useNews(sale: Sale | undefined): string {
  const { t } = useTranslation("sale");
  const [words, setWords] = useState("");
  const told = useRef<Sale>(undefined);
  const toldAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (sale === undefined) return;
    // Whoever comes to a page reads how it stands.
    if (told.current?.id !== sale.id) told.current = sale;
    const tell = () => {
      const news = newsBetween(told.current ?? sale, sale);
      told.current = sale;
      if (news.length === 0) return;
      toldAt.current = performance.now();
      const say = (one: News) => ("item" in one ? t(`news.${one.is}`, { item: one.item }) : t(`news.${one.is}`));
      setWords(news.slice(0, NAMED_MAX).map(say).join(" "));
    };
    const early = toldAt.current + NEWS_EVERY_MS - performance.now();
    if (early <= 0) return tell();
    const later = setTimeout(tell, early);
    return () => clearTimeout(later);
  }, [sale, t]);
  return words;
}
