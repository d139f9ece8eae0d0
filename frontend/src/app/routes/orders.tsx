import { OrdersPage } from "@/features/order/orders-page";

export function OrdersRoute() {
  return <OrdersPage />;
}
