import { useQuery } from "@tanstack/react-query";
import { refusedAs } from "@/api/problem";
import { useLastError } from "@/api/read-again";
import type { Item } from "@/api/schema";
import { useSession } from "@/api/session";
import { Card } from "@/ui/card";
import { Notice } from "@/ui/notice";
import { ordersInSaleQuery } from "./api/list-orders";
import { OrderLine } from "./order-line";
import { Step } from "./refusal";
import { useWords } from "./use-words";

interface Props {
  sale: string;
  /** What the sale's items are called. */
  items: readonly Pick<Item, "sku" | "name">[];
}

/** What I have in a sale, right at once; nothing where I have nothing, and a word where nobody knows. */
export function OrdersHere({ sale, items }: Props) {
  const { t } = useWords();
  const session = useSession();
  const { data, error, refetch } = useQuery({ ...ordersInSaleQuery(sale), enabled: session != null });
  const failed = useLastError({ data, error });
  const count = data?.orders.length ?? 0;
  if (session == null) return null;
  return (
    <>
      {failed && !refusedAs(failed, "not-signed-in") && (
        <Notice tone="warn" title={t("hereAway.title")} className="mt-8">
          <p>{t("hereAway.text")}</p>
          <Step onClick={() => void refetch()}>{t("step.again")}</Step>
        </Notice>
      )}
      {data && count > 0 && (
        <Card className="mt-8">
          <h2 className="mb-2 font-semibold text-lg">{t("here", { number: count })}</h2>
          <ul className="divide-y divide-line">
            {data.orders.toReversed().map((order) => (
              <OrderLine
                key={order.id}
                order={order}
                name={items.find(({ sku }) => sku === order.sku)?.name ?? order.sku}
              />
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
