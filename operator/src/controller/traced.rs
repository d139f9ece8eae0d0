//! A look at a sale that is traced.

use kube::ResourceExt as _;
use runtime::metrics::Label as _;
use runtime::trace::{Kind, Span, Value, within};

use crate::apply::Hands;
use crate::error::Error;
use crate::resource::FlashSale;

/// Looks, and tells how it ended; what is written meanwhile belongs to the same trace.
pub(super) async fn traced<T>(
    hands: &Hands,
    sale: &FlashSale,
    look: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some((context, _)) = hands.tracer.begin(None) else { return look.await };
    let began = hands.clock.monotonic();
    let seen = within(Some(context), look).await;
    hands.tracer.tell(&Span {
        name: "look at a sale".into(),
        kind: Kind::Internal,
        context,
        parent: 0,
        ended: hands.clock.now(),
        took: hands.clock.monotonic() - began,
        error: seen.as_ref().err().filter(|error| !error.is_passing()).map(|error| error.to_string().into()),
        attributes: &[
            ("k8s.namespace.name", Value::from(sale.namespace().unwrap_or_default())),
            ("sluice.sale", Value::from(sale.name_any())),
            ("sluice.outcome", Value::from(seen.as_ref().err().map_or("done", |error| error.cause().text()))),
        ],
    });
    seen
}
