import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Buy } from "@/features/order/buy";
import { OrdersHere } from "@/features/order/orders-here";
import { saleQuery } from "@/features/sale/api/get-sale";
import { SalePage } from "@/features/sale/sale-page";

/** A sale, and in each of its items what buys it: features do not know each other, so they meet here. */
export function SaleRoute() {
  const { sale } = useParams({ from: "/sales/$sale" });
  const { data } = useQuery(saleQuery(sale));
  return (
    <>
      <SalePage
        key={sale}
        id={sale}
        buy={(sale, item, quantity) => <Buy sale={sale} item={item} quantity={quantity} />}
      />
      {data && <OrdersHere key={`orders-${sale}`} sale={sale} items={data.items} />}
    </>
  );
}
