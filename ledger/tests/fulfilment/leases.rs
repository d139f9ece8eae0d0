//! An order is in the hands of one try at a time.

use std::time::Duration;

use ledger::repo::Repo;
use ledger::repo::outbox::Ended;
use protocol::order::State;
use uuid::Uuid;

use crate::receiver::{Receiver, told_all};
use crate::shop::{Shop, customer, order};
use crate::told::refund;

#[tokio::test]
async fn a_state_that_comes_while_another_is_told_waits_for_its_end() {
    let (shop, receiver) = (Shop::of("waits", 40).await, Receiver::start().await);
    let follower = receiver.ledger(&shop, 0, &["--roles=follow"]);
    let repo = Repo::new(shop.database.parse().unwrap());
    let (telling, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let first = repo.begin_deliveries(telling, 600.0, 10).await.unwrap();
    assert_eq!(first.len(), 1);
    refund(&shop, 1).await;
    shop.drained().await;
    assert_eq!(repo.begin_deliveries(other, 600.0, 10).await.unwrap(), [], "the order is in the hands of another try");
    assert!(repo.end_delivery(telling, &first[0], Ended::Taken).await.unwrap());
    follower.service.stop().await.unwrap();
    let replicas = [0, 1].map(|replica| receiver.ledger(&shop, replica, &[]));
    told_all(&shop).await;
    let events: Vec<String> = receiver.got().into_iter().map(|got| got.event).collect();
    assert_eq!(events, ["order.released"]);
    receiver.nothing_wrong();
    for replica in replicas {
        replica.service.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_try_that_outlived_its_lease_ends_nothing_that_another_one_began() {
    let (shop, receiver) = (Shop::of("lease", 40).await, Receiver::start().await);
    let follower = receiver.ledger(&shop, 0, &["--roles=follow"]);
    for of in 0..3 {
        shop.claim(customer(of), 0, &order("k", 1, State::Confirmed)).await;
    }
    shop.drained().await;
    let repo = Repo::new(shop.database.parse().unwrap());
    let (dead, alive, late) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let first = repo.begin_deliveries(dead, 0.0, 10).await.unwrap();
    assert_eq!(first.len(), 3);
    let second = repo.begin_deliveries(alive, 60.0, 2).await.unwrap();
    assert_eq!(second.len(), 2, "no more than was asked for");
    assert!(second.iter().all(|delivery| delivery.attempt == 2));
    let third = repo.begin_deliveries(late, 60.0, 10).await.unwrap();
    assert_eq!(third.len(), 1, "what another one has in hand is not begun");
    assert_eq!(repo.begin_deliveries(late, 60.0, 10).await.unwrap(), []);
    for delivery in &first {
        for ended in [Ended::Taken, Ended::Failed(Duration::ZERO), Ended::Gone] {
            assert!(!repo.end_delivery(dead, delivery, ended).await.unwrap());
        }
    }
    assert_eq!(shop.number("SELECT count(*) FROM outbox WHERE lease IS NOT NULL").await, 3);
    for delivery in &second {
        assert!(repo.end_delivery(alive, delivery, Ended::Taken).await.unwrap());
        assert!(!repo.end_delivery(alive, delivery, Ended::Taken).await.unwrap(), "once");
    }
    assert!(repo.end_delivery(late, &third[0], Ended::Failed(Duration::from_secs(600))).await.unwrap());
    let backlog = repo.backlog().await.unwrap();
    assert_eq!(backlog.orders, 1);
    assert_eq!(repo.begin_deliveries(late, 60.0, 10).await.unwrap(), [], "not before its pause is over");
    follower.service.stop().await.unwrap();
}
