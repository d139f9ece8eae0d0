//! A statement as comma-separated lists: the only place that spells them, whether a command prints them or a merchant
//! downloads them.

use crate::repo::money::PaymentLine;
use crate::repo::statement::{OrderLine, Settlement};
use crate::spreadsheet::harmless;

/// Columns of an order.
pub const ORDERS: &str = "customer,number,id,sku,quantity,state,reason,payment,seen_at,changed_at\n";
/// Columns of a payment.
pub const PAYMENTS: &str = "id,order,customer,mode,amount_minor,currency,state,reference\n";
/// Columns of an item.
const TOTALS: &str = "sku,quantity,withheld,price_minor,currency,supply,free,held,sold,released,orders\n";

/// One order; none of its fields can contain a comma or a quote.
#[must_use]
pub fn order(order: &OrderLine) -> String {
    let OrderLine { customer, number, id, sku, quantity, state, reason, payment, seen_at, changed_at } = order;
    let (sku, reason) = (harmless(sku), reason.as_deref().unwrap_or_default());
    let payment = payment.map(|payment| payment.to_string()).unwrap_or_default();
    format!("{customer},{number},{id},{sku},{quantity},{state},{reason},{payment},{seen_at},{changed_at}\n")
}

/// One payment; of its fields only a provider's reference can be anything, and is quoted.
#[must_use]
pub fn payment(payment: &PaymentLine) -> String {
    let PaymentLine { id, order, customer, mode, amount_minor, currency, state, reference } = payment;
    let quoted = |text: &str| format!("\"{}\"", harmless(text).replace('"', "\"\""));
    let reference = reference.as_deref().map(quoted).unwrap_or_default();
    format!("{id},{order},{customer},{mode},{amount_minor},{currency},{state},{reference}\n")
}

/// Every item.
#[must_use]
pub fn totals(settlement: &Settlement) -> String {
    let mut out = TOTALS.to_owned();
    for item in &settlement.items {
        let price = item.price_minor.map(|price| price.to_string()).unwrap_or_default();
        let currency = item.currency.as_deref().unwrap_or_default();
        let stock = format!("{},{},{},{}", item.sums.supply, item.sums.free, item.sums.held, item.sums.sold);
        let (sku, quantity, withheld, orders) = (harmless(&item.sku), item.quantity, item.withheld, item.sums.orders);
        out.push_str(&format!("{sku},{quantity},{withheld},{price},{currency},{stock},{},{orders}\n", item.released));
    }
    out
}
