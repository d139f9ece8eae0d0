export function OrdersRoute() {
  return null;
}
