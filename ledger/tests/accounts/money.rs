//! Money moves between purses as a whole or not at all.

use futures::future::join_all;
use ledger::repo::purses::{Cause, Kind, Moved, PurseId, Transfer, purse, transfer};
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::shop::Shop;

struct Purses {
    pool: PgPool,
    funding: PurseId,
    ann: PurseId,
    bob: PurseId,
    dollars: PurseId,
}

async fn purses(name: &str) -> (Shop, Purses) {
    let shop = Shop::of(name, 10).await;
    let (ok, _, complaint) = shop.command("migrate", &[]).await;
    assert!(ok, "{complaint}");
    let pool = PgPoolOptions::new().max_connections(16).connect(&shop.database).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let funding = purse(&mut connection, Kind::Funding, "", "EUR").await.unwrap();
    let ann = purse(&mut connection, Kind::Wallet, "ann", "EUR").await.unwrap();
    let bob = purse(&mut connection, Kind::Wallet, "bob", "EUR").await.unwrap();
    let dollars = purse(&mut connection, Kind::Wallet, "ann", "USD").await.unwrap();
    assert_eq!(purse(&mut connection, Kind::Wallet, "ann", "EUR").await.unwrap(), ann, "made once");
    (shop, Purses { pool, funding, ann, bob, dollars })
}

impl Purses {
    async fn moves(
        &self,
        credit: PurseId,
        debit: PurseId,
        amount_minor: i64,
        reference: Option<&str>,
    ) -> Result<Moved, String> {
        let wanted = Transfer { credit, debit, amount_minor, cause: Cause::Fund, payment: None, reference };
        let mut transaction = self.pool.begin().await.unwrap();
        let moved = transfer(&mut transaction, &wanted).await.map_err(|error| error.to_string())?;
        transaction.commit().await.unwrap();
        Ok(moved)
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

const ANN: &str = "SELECT balance FROM purses WHERE owner = 'ann' AND currency = 'EUR'";
const SUM: &str = "SELECT sum(balance)::bigint FROM purses";
const TRANSFERS: &str = "SELECT count(*) FROM transfers";

#[tokio::test]
async fn a_wallet_that_is_short_of_money_is_told_apart_from_rows_that_cannot_be() {
    let (_shop, purses) = purses("transfers").await;
    assert_eq!(purses.moves(purses.funding, purses.ann, 100, Some("gift")).await, Ok(Moved::Done));
    assert_eq!(purses.moves(purses.funding, purses.ann, 100, Some("gift")).await, Ok(Moved::Repeated));
    assert_eq!(purses.moves(purses.ann, purses.bob, 101, None).await, Ok(Moved::Insufficient { balance: 100 }));
    assert_eq!(purses.moves(purses.ann, purses.bob, 100, None).await, Ok(Moved::Done));
    assert_eq!(purses.moves(purses.ann, purses.bob, 1, None).await, Ok(Moved::Insufficient { balance: 0 }));
    for (credit, debit, amount) in [
        (purses.funding, purses.funding, 1),
        (purses.funding, purses.dollars, 1),
        (purses.bob, purses.ann, 0),
        (purses.bob, purses.ann, -5),
    ] {
        let refused = purses.moves(credit, debit, amount, None).await;
        assert!(refused.is_err(), "{amount} from {credit:?} to {debit:?}: {refused:?}");
    }
    assert_eq!((purses.number(SUM).await, purses.number(TRANSFERS).await, purses.number(ANN).await), (0, 2, 0));
}

#[tokio::test]
async fn of_many_who_spend_the_same_money_as_many_can_as_there_is() {
    let (_shop, purses) = purses("spend").await;
    purses.moves(purses.funding, purses.ann, 100, None).await.unwrap();
    let moved = join_all((0..30).map(|_| purses.moves(purses.ann, purses.bob, 10, None))).await;
    let done = moved.iter().filter(|moved| **moved == Ok(Moved::Done)).count();
    let short = moved.iter().filter(|moved| matches!(moved, Ok(Moved::Insufficient { balance: 0 }))).count();
    assert_eq!((done, short), (10, 20), "{moved:?}");
    assert_eq!((purses.number(SUM).await, purses.number(ANN).await), (0, 0));
}

#[tokio::test]
async fn transfers_that_meet_head_on_wait_for_one_another_and_not_for_ever() {
    let (_shop, purses) = purses("headon").await;
    for wallet in [purses.ann, purses.bob] {
        purses.moves(purses.funding, wallet, 1_000, None).await.unwrap();
    }
    let moved = join_all((0..200).map(|n| {
        let (credit, debit) = if n % 2 == 0 { (purses.ann, purses.bob) } else { (purses.bob, purses.ann) };
        purses.moves(credit, debit, 3, None)
    }));
    assert!(moved.await.iter().all(|moved| *moved == Ok(Moved::Done)));
    assert_eq!((purses.number(SUM).await, purses.number(ANN).await, purses.number(TRANSFERS).await), (0, 1_000, 202));
}

#[tokio::test]
async fn the_same_step_taken_by_many_at_once_is_taken_once() {
    let (_shop, purses) = purses("once").await;
    let moved = join_all((0..20).map(|_| purses.moves(purses.funding, purses.ann, 5, Some("gift")))).await;
    let done = moved.iter().filter(|moved| **moved == Ok(Moved::Done)).count();
    let repeated = moved.iter().filter(|moved| **moved == Ok(Moved::Repeated)).count();
    assert_eq!((done, repeated), (1, 19), "{moved:?}");
    assert_eq!((purses.number(ANN).await, purses.number(SUM).await), (5, 0));
}

#[tokio::test]
async fn the_database_itself_lets_no_wallet_below_zero_and_no_transfer_be_changed() {
    let (_shop, purses) = purses("checks").await;
    purses.moves(purses.funding, purses.ann, 100, None).await.unwrap();
    for sql in [
        "UPDATE purses SET balance = -1 WHERE kind = 'wallet'",
        "UPDATE transfers SET amount_minor = 7",
        "DELETE FROM transfers",
        "TRUNCATE transfers",
    ] {
        let error = sqlx::query(sql).execute(&purses.pool).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert!(code.as_deref().is_some_and(|code| code.starts_with("23")), "{sql}: {error}");
    }
}
