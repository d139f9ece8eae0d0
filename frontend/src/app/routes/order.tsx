export function OrderRoute() {
  return null;
}
