//! A clock that goes wrong and is mended, against a real nats-server.

use anyhow::ensure;
use jiff::SignedDuration;
use runtime::readiness::Readiness;
use testbed::eventually;
use tokio_util::sync::CancellationToken;

use super::*;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_wrong_stops_claims_and_a_mended_one_lets_them_go_on() {
    let shop = Shop::of(provision::draft("clock", 10)).await;
    let clock = Clock::system();
    let engine = engine_at(&shop.url, clock.clone()).await;
    let stop = CancellationToken::new();
    let readiness = Readiness::new(clock.clone(), stop.clone());
    let part = readiness.part("clock", true);
    let stream = shop.definition.stream(protocol::Shard(0)).name();
    let keep = edge::punctual::keep(&engine, &shop.client, &stream, &clock, &part, &stop);
    let ready = async |expected: bool| {
        eventually(SOON, "the verdict on the clock", async || {
            let report = readiness.report();
            ensure!(report.ready == expected, "{report:?}");
            Ok(())
        })
        .await
        .unwrap();
    };
    let test = async {
        ready(true).await;
        assert_eq!(orders(&[insist(&engine, &shop.definition, customer(1), &request("k", 1)).await]), 1);
        for minutes in [10, -10] {
            clock.set_offset(SignedDuration::from_mins(minutes));
            ready(false).await;
            let answer = engine.claim(&shop.definition, customer(2), &request("k", 1), BUDGET).await;
            assert_eq!(refusal(&answer).name(), "busy");
            clock.set_offset(SignedDuration::ZERO);
            ready(true).await;
        }
        assert_eq!(orders(&[insist(&engine, &shop.definition, customer(2), &request("k", 1)).await]), 1);
        assert_eq!(shop.free().await, 8);
    };
    tokio::select! {
        () = keep => panic!("nobody stopped it"),
        () = test => {}
    }
}
