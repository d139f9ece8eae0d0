//! A merchant takes a sold order back: its units go on sale again, its money to where it came from.
//!
//! **What must always hold.** The order is released first, in the stream, once; the money follows from that. Whoever is
//! killed in between leaves a released order with a settled payment, which the job that recovers finds.

use protocol::ask::No;
use protocol::ask::money::{Changed, Refund};
use protocol::order::{Reason, State as OrderState};
use protocol::release::{Attempt, Standing, release};
use protocol::{BucketIndex, Revision};

use super::payment::Target;
use super::{Payments, RETRY, STEPS_MAX, away, changed};
use crate::answer::{Answer, Failure, busy, invalid};

impl Payments {
    /// Refunds a confirmed order, of anybody. The same again finds it refunded.
    ///
    /// # Errors
    /// When there is no such order, or it was not sold.
    pub async fn refund(&self, question: Refund) -> Answer<Changed> {
        let target = self.find(question.order).await?.ok_or(No::NotFound)?;
        if target.sale != question.sale {
            return Err(No::NotFound.into());
        }
        let Some(definition) = self.places.sale(&target.sale).await.map_err(away)? else {
            return self.refund_of_a_gone_sale(&target).await;
        };
        let mut unknown = false;
        // A no after an outcome that nobody knows would say that nothing was done.
        let told = |failure: Failure, unknown: bool| if unknown { No::Unsettled.into() } else { failure };
        for attempt in 1..=STEPS_MAX {
            let (store, standing) =
                self.standing(&definition, &target).await.map_err(|failure| told(failure, unknown))?;
            match (standing.order.state, standing.order.reason) {
                (OrderState::Confirmed, _) => {}
                (OrderState::Held, _) => {
                    return Err(invalid("order", "it is not paid, so there is nothing to refund").into());
                }
                (OrderState::Released, Some(Reason::Refunded)) => return Ok(self.returned(standing).await),
                (OrderState::Released, reason) => {
                    return Err(No::Released { reason: reason.unwrap_or(Reason::Expired) }.into());
                }
            }
            let sku = &standing.order.sku;
            let buckets = definition.item(sku).map_or(1, |item| item.buckets.max(1));
            let into = BucketIndex(rand::random_range(0..buckets));
            let leaving = [(standing.clone(), Reason::Refunded)];
            match release(&store, sku, into, &leaving).await.map_err(|lost| told(away(lost), unknown))? {
                Attempt::Done(_) => {
                    let order = standing.order.released(Reason::Refunded).unwrap_or(standing.order);
                    tracing::info!(sale = %target.sale, order = %target.order, by = %question.by, "an order was refunded");
                    self.places.hint(&target.sale, &target.customer).await;
                    return Ok(self.returned(Standing { order, ..standing }).await);
                }
                Attempt::Changed(_) => {}
                again @ (Attempt::Again(_) | Attempt::Unknown(_)) => {
                    unknown |= matches!(again, Attempt::Unknown(_));
                    tracing::debug!(?again, "a refund is tried again");
                    tokio::time::sleep(RETRY.random_pause(attempt)).await;
                }
            }
        }
        Err(No::Unsettled.into())
    }

    /// Once the streams of a sale are removed its rows are all there is: the money goes back, no unit does.
    async fn refund_of_a_gone_sale(&self, target: &Target) -> Answer<Changed> {
        let stream = self.repo.stream_of(target).await?.ok_or(No::NotFound)?;
        if !self.places.is_gone(&stream).await.map_err(away)? {
            // Its definition is not there now, its stock is: nobody may say what its rows come to.
            return Err(busy().into());
        }
        self.repo.refund_in_rows(target).await?;
        let order = self.repo.order(target).await?.ok_or(No::NotFound)?;
        match (order.state, order.reason) {
            (OrderState::Released, Some(Reason::Refunded)) => {
                let Target { customer, number, .. } = *target;
                let standing = Standing { customer, number, revision: Revision(0), order };
                Ok(self.returned(standing).await)
            }
            (_, reason) => Err(No::Released { reason: reason.unwrap_or(Reason::Expired) }.into()),
        }
    }

    /// The refunded order, its money on the way; whatever cannot be done now, the job does.
    async fn returned(&self, standing: Standing) -> Changed {
        if let Some(id) = standing.order.payment
            && let Ok(Some(payment)) = self.repo.payment(id).await
        {
            self.drive(payment).await;
        }
        changed(standing)
    }
}
