//! The end of a controller that has not begun.
//!
//! **What it is for.** A controller that is asked to stop finishes the looks that it has begun and ends. One that has not
//! listed its resources yet has begun none, but waits for the list for ever, which nobody asks for any more: the process
//! would not end when it is told to, and a replica that lost its turn in that moment would never take another one.
//!
//! **What must always hold.** Nothing is cut short: only a controller without a list, and so without a look, is left.

use std::hash::Hash;

use kube::Resource;
use kube::runtime::reflector::{Lookup, Store};
use tokio_util::sync::CancellationToken;

/// Waits for a controller to end; not for one that was told to stop before its store was ready.
pub(super) async fn ended<K>(served: impl Future<Output = ()>, store: Store<K>, stopping: CancellationToken)
where
    K: Resource + Lookup + Clone + 'static,
    <K as Lookup>::DynamicType: Eq + Hash + Clone,
{
    let idle = async {
        tokio::select! {
            // In this order: a list that came before the end was asked for has led to looks.
            biased;
            _ = store.wait_until_ready() => std::future::pending().await,
            () = stopping.cancelled() => {}
        }
    };
    tokio::select! {
        () = served => {}
        () = idle => {}
    }
}

#[cfg(test)]
mod tests;
