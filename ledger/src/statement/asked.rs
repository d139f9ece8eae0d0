//! What merchants ask of a statement, as edges ask it for them.
//!
//! **What must always hold.** Every answer is made of what the command prints: the same settlement, the same lines. A
//! sheet that is asked for page by page, and whose rows nobody changes meanwhile, is byte for byte what the command
//! prints. A row that changes meanwhile is in it once, as it was or as it is.
//!
//! **What it costs.** A statement, and a sheet of totals, read every order of the sale: some seconds for a million. They
//! have [connections of their own](Repo::for_statements), so that nobody who pays waits for them.
//!
//! **What is deliberately absent.** A snapshot that outlives an answer: nobody could say when a download that was left
//! lying has ended.

use jiff::Timestamp;
use protocol::ask::No;
use protocol::ask::statement::{
    Audited, BREACHES_MAX, ItemTotals, MoneyTotals, OrderPayment, PAYMENTS_OF_ORDER_MAX, PaymentTotals,
    SALE_ORDERS_MAX, SHEET_BYTES_MAX, SaleOrder, SaleOrders, SaleOrdersPage, Settlement, Sheet, SheetOf, SheetPage,
    Statement,
};
use protocol::sale::Money;
use protocol::{CustomerId, OrderId, OrderNumber, SaleId, Sku, Units};
use uuid::Uuid;

use super::{Settled, csv, settled};
use crate::answer::{Answer, invalid};
use crate::payments::payment::{Mode, State as PaymentState};
use crate::repo::lists::{FullLine, OrderPlace, PaymentPlace};
use crate::repo::money::{MoneyLine, PaymentLine, PaymentsLine};
use crate::repo::statement::{CursorLine, ItemLine, OrderLine, SaleLine};
use crate::repo::{Error, Repo, history, orders};

/// Most rows that are read for a page of a sheet: about as many as fit.
const SHEET_ROWS_MAX: i64 = 1_000;

/// The settlement of a sale.
///
/// # Errors
/// When the ledger never heard of the sale, or Postgres is away.
pub async fn statement(repo: &Repo, question: Statement) -> Answer<Settlement> {
    let settled = settled(repo, &question.sale, |_, _| {}).await?;
    Ok(told(question.sale, settled.ok_or(No::NotFound)?)?)
}

/// A page of the orders of a sale, or the one that was asked for.
///
/// # Errors
/// When the question breaks a rule, the ledger never heard of the sale, or Postgres is away.
pub async fn sale_orders(repo: &Repo, question: SaleOrders) -> Answer<SaleOrdersPage> {
    if question.limit == 0 || question.limit > SALE_ORDERS_MAX {
        return Err(invalid("limit", format!("1 to {SALE_ORDERS_MAX}")).into());
    }
    let after = order_place(question.cursor.as_deref())?;
    let mut lines = match &question.order {
        Some(order) => repo.order_of_sale(&question.sale, order).await?.into_iter().collect(),
        None => {
            let state = question.state.map(protocol::order::State::as_str);
            // One more than asked for says whether there is a next page.
            repo.order_page(&question.sale, state, &after, i64::from(question.limit) + 1).await?
        }
    };
    if lines.is_empty() && !repo.knows(&question.sale).await? {
        return Err(No::NotFound.into());
    }
    let more = lines.len() > usize::from(question.limit);
    lines.truncate(question.limit.into());
    let cursor = if more { lines.last().map(|line| order_cursor(&line.order)) } else { None };
    let ids: Vec<Uuid> = lines.iter().map(|line| line.order.id).collect();
    let payments = repo.payments_of(&ids, PAYMENTS_OF_ORDER_MAX).await?;
    let orders = lines.into_iter().map(|line| shown(line, &payments)).collect::<Result<_, Error>>()?;
    Ok(SaleOrdersPage { orders, cursor })
}

/// A page of a list.
///
/// # Errors
/// When the question breaks a rule, the ledger never heard of the sale, or Postgres is away.
pub async fn sheet(repo: &Repo, question: Sheet) -> Answer<SheetPage> {
    let Sheet { sale, of, cursor } = question;
    let cursor = cursor.as_deref();
    // Only the first page has the names of the columns, and looks whether there is such a sale.
    if cursor.is_none() && of != SheetOf::Totals && !repo.knows(&sale).await? {
        return Err(No::NotFound.into());
    }
    match of {
        SheetOf::Totals if cursor.is_some() => Err(invalid("cursor", "totals are one page").into()),
        SheetOf::Totals => {
            let settled = settled(repo, &sale, |_, _| {}).await?.ok_or(No::NotFound)?;
            Ok(SheetPage { text: csv::totals(&settled.settlement), cursor: None })
        }
        SheetOf::Orders => {
            let rows = repo.order_page(&sale, None, &order_place(cursor)?, SHEET_ROWS_MAX).await?;
            let lines = rows.iter().map(|row| (csv::order(&row.order), || order_cursor(&row.order)));
            Ok(page(if cursor.is_none() { csv::ORDERS } else { "" }, lines))
        }
        SheetOf::Payments => {
            let rows = repo.payment_page(&sale, payment_place(cursor)?, SHEET_ROWS_MAX).await?;
            let lines = rows.iter().map(|(place, row)| {
                let place = || format!("{}.{}.{}", place.order.simple(), place.at, place.id.simple());
                (csv::payment(row), place)
            });
            Ok(page(if cursor.is_none() { csv::PAYMENTS } else { "" }, lines))
        }
    }
}

/// As many lines as fit, and where those begin that do not. A full page has a next one, even if that is empty.
fn page<P: Fn() -> String>(header: &str, lines: impl ExactSizeIterator<Item = (String, P)>) -> SheetPage {
    let mut text = header.to_owned();
    let full = i64::try_from(lines.len()).is_ok_and(|rows| rows >= SHEET_ROWS_MAX);
    let mut last = None;
    for (line, place) in lines {
        if text.len() + line.len() > SHEET_BYTES_MAX {
            return SheetPage { text, cursor: last.map(|place: P| place()) };
        }
        text.push_str(&line);
        last = Some(place);
    }
    let cursor = if full { last.map(|place| place()) } else { None };
    SheetPage { text, cursor }
}

/// The cursor behind this order.
fn order_cursor(order: &OrderLine) -> String {
    format!("{}.{}", order.customer, order.number)
}

/// Behind which order a page begins.
fn order_place(cursor: Option<&str>) -> Result<OrderPlace, No> {
    let Some(cursor) = cursor else { return Ok(OrderPlace::start()) };
    let read = || {
        let (customer, number) = cursor.split_once('.')?;
        let customer = CustomerId::parse(customer).ok()?.to_string();
        Some(OrderPlace { customer, number: i16::from(number.parse::<u8>().ok()?) })
    };
    read().ok_or_else(no_cursor)
}

/// Behind which payment a page begins.
fn payment_place(cursor: Option<&str>) -> Result<PaymentPlace, No> {
    let Some(cursor) = cursor else { return Ok(PaymentPlace::start()) };
    let read = || {
        let mut parts = cursor.split('.');
        let (order, at, id) = (parts.next()?, parts.next()?, parts.next()?);
        // Postgres counts fewer years than we could write down, and no payment is older than it.
        let at = at.parse().ok().filter(|at| *at >= 0 && Timestamp::from_microsecond(*at).is_ok())?;
        let place = PaymentPlace { order: Uuid::try_parse(order).ok()?, at, id: Uuid::try_parse(id).ok()? };
        parts.next().is_none().then_some(place)
    };
    read().ok_or_else(no_cursor)
}

fn no_cursor() -> No {
    invalid("cursor", "the cursor of an earlier page, as it came")
}

/// An order with those of these payments that are for it.
fn shown(line: FullLine, payments: &[PaymentLine]) -> Result<SaleOrder, Error> {
    let FullLine { order, item_name, price, expires_at } = line;
    let sku = read(Sku::parse(&order.sku))?;
    let payments = payments.iter().filter(|payment| payment.order == order.id).map(|payment| {
        let PaymentLine { id, mode, amount_minor, currency, state, reference, .. } = payment;
        Ok(OrderPayment {
            id: *id,
            mode: Mode::parse(mode).ok_or_else(|| Error::Broken(format!("a row holds the mode {mode:?}")))?,
            state: payment_state(state)?,
            amount: Money { amount_minor: *amount_minor, currency: currency.clone() },
            reference: reference.clone(),
        })
    });
    Ok(SaleOrder {
        id: OrderId(order.id),
        customer: read(CustomerId::parse(&order.customer))?,
        number: OrderNumber(read(u8::try_from(order.number))?),
        // An item that left the definition of its sale has lost its name with it.
        item_name: item_name.unwrap_or_else(|| sku.to_string()),
        sku,
        quantity: Units(read(u32::try_from(order.quantity))?),
        state: orders::state(&order.state)?,
        reason: order.reason.as_deref().map(history::reason).transpose()?,
        expires_at,
        price,
        placed_at: order.seen_at,
        changed_at: order.changed_at,
        payments: payments.collect::<Result<_, Error>>()?,
    })
}

/// A settlement for whoever asked.
fn told(sale: SaleId, settled: Settled) -> Result<Settlement, Error> {
    let Settled { settlement, orders_sha256 } = settled;
    let SaleLine { display_name, epoch, start, end, .. } = settlement.sale;
    let items = settlement.items.into_iter().map(item).collect::<Result<_, Error>>()?;
    let money = settlement.money.into_iter().map(currency).collect::<Result<_, Error>>()?;
    let audit = audited(settlement.positions.iter().filter(|shard| shard.epoch == epoch));
    Ok(Settlement {
        sale,
        sale_name: display_name,
        start,
        end,
        items,
        orders: settlement.ends,
        money,
        orders_sha256,
        audit,
    })
}

fn item(line: ItemLine) -> Result<ItemTotals, Error> {
    let ItemLine { sku, display_name, quantity, withheld, price_minor, currency, sums, released, refunded } = line;
    let sku = read(Sku::parse(&sku))?;
    let target = Units(read(u32::try_from(quantity - withheld))?);
    Ok(ItemTotals {
        // An item that left the definition of its sale has lost its name with it.
        item_name: if display_name.is_empty() { sku.to_string() } else { display_name },
        sku,
        quantity,
        withheld,
        shortfall: i64::from(sums.shortfall(target).0),
        supply: sums.supply,
        free: sums.free,
        held: sums.held,
        sold: sums.sold,
        released,
        refunded,
        orders: sums.orders,
        price: price_minor.zip(currency).map(|(amount_minor, currency)| Money { amount_minor, currency }),
    })
}

fn currency(line: MoneyLine) -> Result<MoneyTotals, Error> {
    let MoneyLine { currency, pending_minor, revenue_minor, refunds_minor, payments } = line;
    let money = |amount_minor| Money { amount_minor, currency: currency.clone() };
    let refunded = payments.get(PaymentState::Refunded.as_str()).copied().unwrap_or_default();
    let of_state = |(state, line): (&String, &PaymentsLine)| {
        Ok(PaymentTotals { state: payment_state(state)?, count: line.count, amount: money(line.amount_minor) })
    };
    Ok(MoneyTotals {
        revenue: money(revenue_minor),
        pending: money(pending_minor),
        refunded: money(refunded.amount_minor),
        refunds_due: money(refunds_minor),
        payments: payments.iter().map(of_state).collect::<Result<_, Error>>()?,
    })
}

/// What the audits of all shards say together; nothing while one of them has none.
fn audited<'a>(shards: impl Iterator<Item = &'a CursorLine>) -> Option<Audited> {
    let mut all = Audited { at: Timestamp::MAX, balanced: true, current: true, breaches: Vec::new() };
    let mut some = false;
    for shard in shards {
        let audit = shard.audit.as_ref()?;
        all.at = all.at.min(audit.at);
        all.balanced &= audit.breaches.is_empty();
        all.current &= audit.position == shard.position;
        all.breaches.extend(audit.breaches.iter().cloned());
        some = true;
    }
    all.breaches.truncate(BREACHES_MAX);
    some.then_some(all)
}

fn payment_state(text: &str) -> Result<PaymentState, Error> {
    PaymentState::parse(text).ok_or_else(|| Error::Broken(format!("a row holds the payment state {text:?}")))
}

/// What a row must hold, or it is broken.
fn read<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, Error> {
    parsed.map_err(|error| Error::Broken(error.to_string()))
}

#[cfg(test)]
mod tests;
