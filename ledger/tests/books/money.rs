//! A sale that is paid, the wallets of its customers, and what the purses come to.

use ledger::metrics::{Ending, LedgerMetrics};
use ledger::payments::Payments;
use ledger::payments::provider::Provider;
use ledger::places::Places;
use ledger::repo::Repo;
use protocol::ask::No;
use protocol::ask::money::{Callback, Changed, Pay, Refund};
use protocol::order::{Order, Reason, State};
use protocol::release::Standing;
use protocol::sale::{Definition, Money, Payment};
use protocol::{IdempotencyKey, OrderId, OrderNumber};
use runtime::clock::Clock;
use secrecy::SecretString;
use testbed::provision;

use crate::shop::{Shop, customer, order};

pub(crate) const PRICE: i64 = 12_900;
pub(crate) const PROVIDER_KEY: &str = "a key of the payment provider, long enough";

/// A sale with payment, and the part of a ledger that takes it, in this process: so that it can be stopped anywhere.
#[derive(Clone)]
pub(crate) struct Till {
    pub(crate) shop: Shop,
    pub(crate) repo: Repo,
    pub(crate) payments: Payments,
    pub(crate) metrics: LedgerMetrics,
}

impl Till {
    pub(crate) async fn of(name: &str, payment: Payment, units: u32) -> Self {
        let draft = Definition { payment, ..provision::draft(name, units) };
        let shop = Shop::selling(name, draft).await;
        let repo = Repo::new(shop.database.parse().unwrap());
        repo.migrate().await.unwrap();
        let metrics = runtime::metrics::Metrics::new("tests", "0").unwrap();
        let metrics = LedgerMetrics::new(&metrics).unwrap();
        let places = Places::new(shop.client.clone(), shop.installation.clone());
        let provider = Provider::new(vec![SecretString::from(PROVIDER_KEY)]);
        let payments = Payments::new(repo.clone(), places, Clock::system(), metrics.clone(), Some(provider));
        Self { shop, repo, payments, metrics }
    }

    /// How many payments were counted that went there.
    pub(crate) fn counted(&self, ending: Ending) -> u64 {
        self.metrics.payments[ending].get()
    }

    /// Puts money into somebody's wallet.
    pub(crate) async fn fund(&self, of: usize, amount_minor: i64) {
        let money = Money { amount_minor, currency: "EUR".to_owned() };
        self.repo.fund(&customer(of), &money, None).await.unwrap();
    }

    /// A held order of one unit.
    pub(crate) async fn hold(&self, of: usize) -> OrderId {
        let expires_at = Some(Clock::system().now().as_second() + 600);
        self.shop.claim(customer(of), 0, &Order { expires_at, ..order("k", 1, State::Held) }).await;
        self.id(of)
    }

    pub(crate) fn id(&self, of: usize) -> OrderId {
        OrderId::derive(&self.shop.definition.uid, &customer(of), &IdempotencyKey::parse("k").unwrap())
    }

    pub(crate) fn asked(&self, of: usize, key: &str) -> Pay {
        Pay {
            sale: self.shop.definition.sale.clone(),
            customer: customer(of),
            number: OrderNumber(0),
            order: self.id(of),
            key: IdempotencyKey::parse(key).unwrap(),
        }
    }

    pub(crate) async fn pay(&self, of: usize, key: &str) -> Result<Changed, No> {
        no(self.payments.pay(self.asked(of, key)).await)
    }

    pub(crate) async fn refund(&self, of: usize) -> Result<Changed, No> {
        let refund = Refund { sale: self.shop.definition.sale.clone(), order: self.id(of), by: customer(999) };
        no(self.payments.refund(refund).await)
    }

    pub(crate) async fn standing(&self, of: usize) -> Standing {
        self.shop.standing(customer(of)).await
    }

    /// Releases somebody's order, whatever it is, as an edge or the expiry would.
    pub(crate) async fn release(&self, of: usize, reason: Reason) {
        self.shop.take_back(customer(of), reason).await;
    }

    pub(crate) async fn order(&self, of: usize) -> Order {
        self.standing(of).await.order
    }

    /// What the purses of a kind hold together.
    pub(crate) async fn purse(&self, kind: &str) -> i64 {
        let sum = sqlx::query_scalar("SELECT coalesce(sum(balance), 0)::bigint FROM purses WHERE kind = $1");
        sum.bind(kind).fetch_one(&self.shop.postgres().await).await.unwrap()
    }

    pub(crate) async fn wallet(&self, of: usize) -> i64 {
        let sum = sqlx::query_scalar(
            "SELECT coalesce(sum(balance), 0)::bigint FROM purses WHERE kind = 'wallet' AND owner = $1",
        );
        sum.bind(customer(of).to_string()).fetch_one(&self.shop.postgres().await).await.unwrap()
    }

    pub(crate) async fn payments_in(&self, state: &str) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM payments WHERE state = $1");
        count.bind(state).fetch_one(&self.shop.postgres().await).await.unwrap()
    }

    /// Asserts what must hold of all money at any moment, and of all payments once nothing is under way: what was earned is
    /// what confirmed orders cost, and everything is the sum of what was transferred.
    pub(crate) async fn balances(&self) {
        let shop = &self.shop;
        assert_eq!(shop.number("SELECT coalesce(sum(balance), 0)::bigint FROM purses").await, 0);
        let apart = "SELECT count(*) FROM purses WHERE balance <> (
                         SELECT coalesce(sum(CASE WHEN debit = purses.id THEN amount_minor ELSE -amount_minor END), 0)
                         FROM transfers WHERE purses.id IN (debit, credit))";
        assert_eq!(shop.number(apart).await, 0, "every purse is the sum of its transfers");
        assert_eq!((self.purse("pending").await, self.payments_in("pending").await), (0, 0), "nothing is under way");
        let twice = "SELECT count(*) FROM (SELECT FROM payments WHERE state = 'settled' GROUP BY order_id HAVING count(*) > 1) t";
        assert_eq!(shop.number(twice).await, 0, "no order is paid twice");
        let settled = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments WHERE state = 'settled'";
        assert_eq!(self.purse("revenue").await, shop.number(settled).await);
    }

    /// Removes the sale as somebody does who does not wait for anything.
    pub(crate) async fn remove(&self) {
        let shop = &self.shop;
        let sales = runtime::registry::Table::<Definition>::new(shop.client.clone(), shop.installation.sales_bucket());
        sales.delete(shop.definition.sale.as_str()).await.unwrap();
        self.lose_stream().await;
    }

    pub(crate) async fn lose_stream(&self) {
        let stream = self.shop.definition.stream(protocol::Shard(0)).name();
        async_nats::jetstream::new(self.shop.client.clone()).delete_stream(stream).await.unwrap();
    }

    /// Finishes whatever was left.
    pub(crate) async fn recover(&self) {
        for _ in 0..5 {
            if self.payments.recover_once(0.0, 3_600.0).await.unwrap() == 0 {
                return;
            }
        }
        panic!("there always is another unfinished payment");
    }
}

/// An answer, or the named no; nothing here is away.
fn no<T>(answer: ledger::answer::Answer<T>) -> Result<T, No> {
    answer.map_err(|failure| match failure {
        ledger::answer::Failure::No(no) => no,
        ledger::answer::Failure::Rows(error) => panic!("{error}"),
    })
}

/// What the provider sends, signed now.
pub(crate) fn report(order: OrderId, reference: &str, status: &str, amount_minor: i64) -> Callback {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let body = serde_json::json!({
        "order": order, "reference": reference, "status": status, "amountMinor": amount_minor, "currency": "EUR",
    });
    let (body, timestamp) = (body.to_string(), Clock::system().now().as_second().to_string());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(PROVIDER_KEY.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    Callback { signature: data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()), body, timestamp }
}

impl Till {
    pub(crate) async fn callback(&self, callback: Callback) -> Result<protocol::ask::money::CallbackOutcome, No> {
        no(self.payments.callback(callback).await).map(|answer| answer.outcome)
    }
}
