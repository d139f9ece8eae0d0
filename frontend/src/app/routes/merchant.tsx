export function MerchantRoute() {
  return null;
}

export function StatementRoute() {
  return null;
}
