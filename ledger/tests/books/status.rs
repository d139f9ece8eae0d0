//! The status of a shard ends with its sale.

use ledger::status::publish;
use protocol::key::{Stream, status_key};
use protocol::status::SaleStatus;
use protocol::{Epoch, Revision, SaleId, Shard};
use runtime::registry::Table;
use testbed::{Bed, eventually, provision};
use tokio::sync::watch;

use crate::shop::BOUND;

fn status(cursor: u64) -> SaleStatus {
    SaleStatus {
        cursor: Revision(cursor),
        at: jiff::Timestamp::UNIX_EPOCH,
        lag_seconds: 0.0,
        exact: true,
        items: Vec::new(),
        payments_open: 0,
        audit: None,
        halted: None,
    }
}

#[tokio::test]
async fn a_status_that_was_deleted_with_its_sale_is_not_written_again_and_nobody_goes_on_trying() {
    let bed = Bed::shared().await.unwrap();
    let client = async_nats::connect(bed.nats().await.unwrap().url()).await.unwrap();
    let installation = provision::installation(&bed.unique("status")).unwrap();
    let table = Table::<SaleStatus>::new(client.clone(), installation.status_bucket());
    table.create(1).await.unwrap();
    let stream = Stream { sale: SaleId::parse("aurora-0123abcd").unwrap(), epoch: Epoch(1), shard: Shard(0) };
    let key = status_key(&stream);

    let (board, seen) = watch::channel(None);
    let following = async {
        board.send_replace(Some(status(1)));
        eventually(BOUND, "the first status", async || {
            anyhow::ensure!(table.get(&key).await?.is_some(), "nothing is written");
            Ok(())
        })
        .await
        .unwrap();
        table.delete(&key).await.unwrap();
        // What a follower says that has not heard of the deletion yet; then it has.
        board.send_replace(Some(status(2)));
        drop(board);
    };
    let publishing = tokio::time::timeout(BOUND, publish(client, installation, stream, seen));
    let (published, ()) = tokio::join!(publishing, following);
    published.expect("it ends with the board");
    assert!(table.get(&key).await.unwrap().is_none(), "a deleted status is back");
}
