import { useTranslation } from "react-i18next";
import type { Sale } from "@/api/schema";
import { Badge, type Tone } from "@/ui/badge";
import { type SaleStanding, saleStanding } from "./standing";

const TONES: Record<SaleStanding, Tone> = {
  open: "good",
  upcoming: "accent",
  paused: "warn",
  unavailable: "warn",
  reserved: "warn",
  "none-free": "warn",
  "sold-out": "neutral",
  ended: "neutral",
};

/** How a sale stands, in a word or two. */
export function StateBadge({ sale }: { sale: Sale }) {
  const { t } = useTranslation("sale");
  const standing = saleStanding(sale);
  return <Badge tone={TONES[standing]}>{t(`standing.${standing}`)}</Badge>;
}
