use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::Api;
use kube::client::Body;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;

use super::*;
use crate::resource::FlashSale;

/// A controller over an API server that never answers, told to stop: what runs it, its store, and the end.
fn unanswered() -> (impl Future<Output = ()>, Store<FlashSale>, CancellationToken) {
    let silence = |_: hyper::Request<Body>| std::future::pending::<Result<hyper::Response<Body>, Infallible>>();
    let api = Api::<FlashSale>::namespaced(kube::Client::new(tower::service_fn(silence), "shop"), "shop");
    let stopping = CancellationToken::new();
    let controller = Controller::new(api, watcher::Config::default());
    let controller = controller.graceful_shutdown_on(stopping.clone().cancelled_owned());
    let store = controller.store();
    let look = async |_: Arc<FlashSale>, _: Arc<()>| Ok::<_, Infallible>(Action::await_change());
    let served = controller.run(
        move |sale, context| Box::pin(look(sale, context)),
        |_, _, _| Action::await_change(),
        Arc::new(()),
    );
    (served.for_each(async |_| ()), store, stopping)
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_told_to_stop_before_it_has_listed_anything_ends() {
    let (served, store, stopping) = unanswered();
    stopping.cancel();
    let ended = ended(served, store, stopping);
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_told_to_stop_goes_on_waiting_for_its_list() {
    let (served, store, stopping) = unanswered();
    let ended = ended(served, store, stopping);
    assert!(tokio::time::timeout(Duration::from_secs(60), ended).await.is_err());
}
