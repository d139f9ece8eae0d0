import type { OrderState, Reason } from "@/api/schema";
import { Badge, type Tone } from "@/ui/badge";
import { useWords } from "./use-words";

const TONES: Record<OrderState | Reason, Tone> = {
  held: "warn",
  confirmed: "good",
  released: "neutral",
  cancelled: "neutral",
  expired: "neutral",
  refunded: "accent",
};

/** Where an order is in its life, in a word; of one that ended, how. */
export function OrderBadge({ state, reason }: { state: OrderState; reason?: Reason | undefined }) {
  const { t } = useWords();
  const word = reason ?? state;
  return <Badge tone={TONES[word]}>{t(`state.${word}`)}</Badge>;
}
