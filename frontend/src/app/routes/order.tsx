import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { OrderPage } from "@/features/order/order-page";
import { saleQuery } from "@/features/sale/api/get-sale";

/** An order, with what its sale calls things while there is that sale. */
export function OrderRoute() {
  const { sale, order } = useParams({ from: "/sales/$sale/orders/$order" });
  const { data } = useQuery(saleQuery(sale));
  return <OrderPage key={order} saleId={sale} id={order} sale={data} />;
}
