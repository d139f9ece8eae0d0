// What a load's sale looks like, where the load makes its own: the part of a FlashSale that `demo load` adds a name and a
// time to.

/** One item at a euro a unit, one to a customer unless told otherwise; `more` is the rest of the spec. */
export function saleOf(units, { each = 1, ...more } = {}) {
  const limits = { perOrder: each, perCustomer: each };
  const price = { amountMinor: 100, currency: "EUR" };
  return { items: [{ sku: "UNIT", displayName: "A unit", quantity: units, price, limits }], ...more };
}

/** Orders that are held for so many seconds until they are paid from wallets. */
export function paidWithin(holdSeconds) {
  return { payment: { mode: "Wallet" }, reservation: { holdSeconds } };
}
