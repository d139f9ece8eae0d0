import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Sale } from "@/api/schema";
import { Buy } from "@/features/order/buy";
import { OrdersHere } from "@/features/order/orders-here";
import { saleQuery } from "@/features/sale/api/get-sale";
import type { BuySlot } from "@/features/sale/item-card";
import { SalePage } from "@/features/sale/sale-page";

/** What its items are called: all that is wanted of it here, so that nothing is drawn again when stock moves. */
const names = ({ items }: Sale) => items.map(({ sku, name }) => ({ sku, name }));

const buy: BuySlot = (sale, item, quantity) => <Buy sale={sale} item={item} quantity={quantity} />;

/** A sale, and in each of its items what buys it: features do not know each other, so they meet here. */
export function SaleRoute() {
  const { sale } = useParams({ from: "/sales/$sale" });
  const { data: items } = useQuery({ ...saleQuery(sale), select: names });
  return (
    <>
      <SalePage key={sale} id={sale} buy={buy} />
      {items && <OrdersHere key={`orders-${sale}`} sale={sale} items={items} />}
    </>
  );
}
