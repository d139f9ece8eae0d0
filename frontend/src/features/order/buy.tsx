import { Link, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { queryClient } from "@/api/queries";
import type { Order } from "@/api/schema";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { orderQuery } from "./api/get-order";
import { Progress } from "./progress";
import { Refusal, Step } from "./refusal";
import { type ItemToBuy, offerOf, type SaleToBuy, sells } from "./selling";
import { useBuyer } from "./use-buyer";
import { useWords } from "./use-words";
import { useWish } from "./wish/use-wish";
import { type Deed, isUnderWay, type State } from "./wish/wish";

interface Props {
  sale: SaleToBuy;
  item: ItemToBuy;
  quantity: number;
}

type Tell = ReturnType<typeof useWish>["tell"];

const ORDER = "/sales/$sale/orders/$order";

/** Buys an item with one click, and says how that goes. */
export function Buy({ sale, item, quantity }: Props) {
  const { t } = useWords();
  const router = useRouter();
  const buyer = useBuyer(sale);
  const button = useRef<HTMLButtonElement>(null);
  const deed = { to: "buy" as const, sale: sale.id, sku: item.sku, quantity } satisfies Deed;
  const { state, want, tell } = useWish(deed);
  useGoToOrder(state, tell);
  useLookAtOnce(state, tell, item);

  const pending = buyer.entering || state.is === "sending" || state.is === "waiting";
  const offer = offerOf(sale, item);
  const open = sells(offer);

  async function buy(units = quantity) {
    if (pending || !open) return;
    // What is pressed in an answer goes away with it.
    button.current?.focus();
    void router.preloadRoute({ to: ORDER, params: { sale: sale.id, order: "-" } }).catch(() => {});
    const customer = buyer.customer ?? (await buyer.enter());
    if (customer !== undefined) want({ ...deed, quantity: units }, Date.parse(sale.end), customer);
  }

  const isQuestion = isUnderWay(state) && !pending;
  const label = pending
    ? t(state.is === "waiting" ? "buy.waiting" : "buy.pending")
    : buyer.asGuest && open
      ? t("buy.asGuest")
      : offer === "buy"
        ? quantity > 1
          ? t("buy.some", { quantity })
          : t("buy.buy")
        : t(`buy.${offer}`);
  return (
    <div>
      {buyer.mustSignIn && open && !isUnderWay(state) ? (
        <SignInFirst look="main">{t("buy.signIn")}</SignInFirst>
      ) : (
        <Button
          ref={button}
          size="large"
          className="w-full"
          aria-disabled={pending || !open || isQuestion}
          onClick={() => !isQuestion && void buy()}
        >
          {label}
        </Button>
      )}
      {buyer.asGuest && open && (
        <div className="mt-3">
          <SignInFirst look="plain">{t("buy.signIn")}</SignInFirst>
        </div>
      )}
      <Progress state={state} tell={tell} again={buy} done={state.is === "done" && <Done order={state.order} />} />
      <div role="status" className="not-empty:mt-3">
        {buyer.failure === "unreachable" ? (
          <Notice tone="warn" title={t("no.busy.title")} live="off">
            <Step onClick={() => void buy()}>{t("step.again")}</Step>
          </Notice>
        ) : (
          buyer.failure && <Refusal problem={buyer.failure} again={() => void buy()} />
        )}
      </div>
    </div>
  );
}

/** Opens the order of a wish that was under way while the shopper looked. */
function useGoToOrder(state: State, tell: Tell) {
  const navigate = useNavigate();
  const watched = useRef(false);
  if (isUnderWay(state)) watched.current = true;
  useEffect(() => {
    if (state.is !== "done" || !watched.current || document.visibilityState !== "visible") return;
    const { order } = state;
    queryClient.setQueryData(orderQuery(order.sale, order.id).queryKey, order);
    tell({ is: "leave" });
    void navigate({ to: ORDER, params: { sale: order.sale, order: order.id } });
  });
}

/** Longest that a shopper who waits for units to come back waits after some are seen, so that not all ask at once. */
const LOOK_WITHIN_MS = 1_000;

/** Who waits for units to come back asks as soon as some are seen, before their time. */
function useLookAtOnce(state: State, tell: Tell, { availability }: ItemToBuy) {
  const waits = state.is === "waiting" && state.pause === "patient";
  const seen = useRef(availability);
  useEffect(() => {
    const before = seen.current;
    seen.current = availability;
    if (!waits || availability !== "available" || before === "available") return;
    const timer = setTimeout(() => tell({ is: "due" }), Math.random() * LOOK_WITHIN_MS);
    return () => clearTimeout(timer);
  }, [waits, availability, tell]);
}

function Done({ order }: { order: Order }) {
  const { t } = useWords();
  return (
    <Notice tone="good" title={t("done.title")} live="off">
      <Step>
        <Link to={ORDER} params={{ sale: order.sale, order: order.id }}>
          {t("done.see")}
        </Link>
      </Step>
    </Notice>
  );
}

function SignInFirst({ look, children }: { look: "main" | "plain"; children: ReactNode }) {
  const returnTo = useLocation({ select: ({ href }) => href });
  return (
    <Button asChild look={look} size={look === "main" ? "large" : "normal"} className="w-full">
      <Link to="/sign-in" search={{ returnTo }}>
        {children}
      </Link>
    </Button>
  );
}
