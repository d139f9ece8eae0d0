import { useQuery } from "@tanstack/react-query";
import type { Item } from "@/api/schema";
import { useSession } from "@/api/session";
import { Card } from "@/ui/card";
import { ordersInSaleQuery } from "./api/list-orders";
import { OrderLine } from "./order-line";
import { useWords } from "./use-words";

interface Props {
  sale: string;
  /** What the sale's items are called. */
  items: readonly Pick<Item, "sku" | "name">[];
}

/** What I have in a sale, right at once; nothing where I have nothing. */
export function OrdersHere({ sale, items }: Props) {
  const { t } = useWords();
  const session = useSession();
  const { data } = useQuery({ ...ordersInSaleQuery(sale), enabled: session != null });
  const count = data?.orders.length ?? 0;
  if (session == null || data === undefined || count === 0) return null;
  return (
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
  );
}
