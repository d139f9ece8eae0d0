import { Link, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { queryClient } from "@/api/queries";
import type { Order } from "@/api/schema";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { useNow } from "@/ui/use-now";
import { orderQuery } from "./api/get-order";
import { Progress, SAY_SO_AFTER_MS } from "./progress";
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
  const leaving = useGoToOrder(state, tell);
  useLookAtOnce(state, tell, item);

  const pending = buyer.entering || state.is === "sending" || state.is === "waiting" || leaving;
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
      <Progress
        state={state}
        tell={tell}
        again={buy}
        done={state.is === "done" && <Done order={state.order} since={leaving ? state.wish.askedAt : undefined} />}
      />
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

/**
 * Opens the order of a wish that was under way while the shopper looked, at once or when they look again. Whether it is on
 * its way: the page stays until the next one is there, and a click on it meanwhile is no second wish.
 */
function useGoToOrder(state: State, tell: Tell): boolean {
  const navigate = useNavigate();
  const watched = useRef(false);
  if (isUnderWay(state)) watched.current = true;
  const [stayed, setStayed] = useState<State>();
  const leaving = state.is === "done" && watched.current && state !== stayed;
  const here = useRef(false);
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);
  useEffect(() => {
    if (state.is !== "done" || !leaving) return;
    const { order } = state;
    // Whoever came back before they were there, or could not be brought there, has the link.
    const end = () => (here.current ? setStayed(state) : tell({ is: "leave" }));
    const go = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", go);
      queryClient.setQueryData(orderQuery(order.sale, order.id).queryKey, order);
      navigate({ to: ORDER, params: { sale: order.sale, order: order.id } }).then(end, end);
    };
    document.addEventListener("visibilitychange", go);
    go();
    return () => document.removeEventListener("visibilitychange", go);
  }, [state, leaving, navigate, tell]);
  return leaving;
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

interface DoneProps {
  order: Order;
  /** When it was asked for, while the order is being opened: usually that takes no time worth a word. */
  since: number | undefined;
}

function Done({ order, since }: DoneProps) {
  const { t } = useWords();
  const now = useNow();
  if (since !== undefined && now - since < SAY_SO_AFTER_MS) return null;
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
