//! Orders are paid, and money goes back.
//!
//! **What it is for.** A wallet pays a held order; a provider reports that it was paid elsewhere; a merchant takes a sold
//! one back. Each touches two stores, Postgres for the money and the stream for the order, and nothing spans both.
//!
//! **What must always hold.** Money is taken first and lies in *pending*, where it is nobody's yet. Then the order is
//! confirmed, conditional on its revision, and carries the payment's id: from that moment it is clear for ever whose the
//! money is. What follows from where payment and order are is [`Payment::next`], a pure function of what is stored. So a
//! request, the job that [recovers](Payments::recover), and another replica can all try, killed between any two lines:
//! the row of the payment moves once, and its money with it.
//!
//! **What it costs.** A payment from a wallet: two small transactions, three reads of a stream, one write.
//!
//! **What is deliberately absent.** Payouts and cards: a provider has those, and `refund-due` says what it has to send back.

pub mod payment;
pub mod provider;
mod refund;

use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::ask::No;
use protocol::ask::money::{Callback, CallbackAnswer, CallbackOutcome, Changed, Pay};
use protocol::order::{Order, Reason, State as OrderState};
use protocol::release::{Attempt, Standing, confirm};
use protocol::sale::{self, Definition, Money};
use protocol::store::Unavailable;
use protocol::{IdempotencyKey, OrderId, SaleId};
use runtime::backoff::Backoff;
use runtime::clock::Clock;
use runtime::jetstream::JetStream;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::answer::{Answer, Failure, busy};
use crate::metrics::{Ending, LedgerMetrics};
use crate::places::Places;
use crate::repo::payments::{Begun, Noted};
use crate::repo::{Error, Repo};
use payment::{Mode, Next, Payment, State, Target};
use provider::Provider;

/// Steps that are tried for a payment at a time; what is left, the job finds.
const STEPS_MAX: u32 = 40;
/// Between attempts at a stream that gave a passing no, or none.
const RETRY: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(500));
/// How long a payment is left to whoever began it.
const RECOVER_AFTER_SECONDS: f64 = 2.0;
/// Between two looks for payments that nobody finishes.
const RECOVER_EVERY: Duration = Duration::from_secs(1);
/// Most payments that are recovered by one look, and of those at a time.
const RECOVER_MAX: u16 = 200;
const RECOVER_AT_ONCE: usize = 16;
/// How far back a look goes for orders that were taken back, and how often one goes back to the beginning.
const TAKEN_BACK_WITHIN_SECONDS: f64 = 3_600.0;
const WHOLE_LOOK_EVERY: u32 = 1_800;
/// A hundred years.
const EVER_SECONDS: f64 = 3.2e9;
/// How long an order may take from the stream into Postgres; a provider sends again what was not found.
const FOLLOWED_WITHIN: Duration = Duration::from_millis(1_500);
/// Between two looks for it.
const FOLLOWED_LOOK_AFTER: Duration = Duration::from_millis(100);
/// What a price is in where there is none (ISO 4217: no currency).
const NO_CURRENCY: &str = "XXX";

/// Takes payments, and gives them back. Its clones are the same.
#[derive(Clone)]
pub struct Payments {
    repo: Repo,
    places: Places,
    clock: Clock,
    metrics: LedgerMetrics,
    provider: Option<Provider>,
}

impl Payments {
    /// With a provider, if there is one.
    #[must_use]
    pub fn new(repo: Repo, places: Places, clock: Clock, metrics: LedgerMetrics, provider: Option<Provider>) -> Self {
        Self { repo, places, clock, metrics, provider }
    }

    /// Pays a held order from its customer's wallet. The same key again gets the same end.
    ///
    /// # Errors
    /// Why it is not paid. [`No::Unsettled`]: the money is taken, and it is not known yet for what.
    pub async fn pay(&self, question: Pay) -> Answer<Changed> {
        let Pay { sale, customer, number, order, key } = question;
        let definition = self.sale(&sale).await?;
        let target = Target { sale, order, customer, number };
        let (_, standing) = self.standing(&definition, &target).await?;
        if OrderId::derive(&definition.uid, &customer, &standing.order.key) != order {
            return Err(No::NotFound.into());
        }
        let id = payment_id(order, &key);
        match standing.order.state {
            OrderState::Held => {}
            OrderState::Confirmed if standing.order.payment == Some(id) => return Ok(changed(standing)),
            OrderState::Confirmed => return Err(No::AlreadyPaid.into()),
            OrderState::Released => return Err(gone(&standing.order).into()),
        }
        if definition.payment != sale::Payment::Wallet {
            return Err(No::OtherPayment.into());
        }
        let price = total(&definition, &standing.order).ok_or(No::NotFound)?;
        let new = Payment {
            id,
            target,
            mode: Mode::Wallet,
            amount_minor: price.amount_minor,
            currency: price.currency.clone(),
            state: State::Pending,
        };
        let payment = match self.repo.begin_wallet(&new, standing.order.expires_at).await? {
            Begun::Payment(payment) => payment,
            Begun::Overdue => return Err(No::HoldExpired { expired_at: deadline(&standing.order) }.into()),
            Begun::Insufficient(balance) => {
                self.metrics.payments[Ending::Insufficient].inc();
                let balance = Money { amount_minor: balance, currency: price.currency.clone() };
                return Err(No::InsufficientFunds { balance, needed: price }.into());
            }
        };
        let (payment, standing) = self.drive(payment).await;
        match (payment.state, standing) {
            (State::Settled, Some(standing)) => Ok(changed(standing)),
            (State::Returned | State::Refunded, Some(standing)) => Err(gone(&standing.order).into()),
            _ => Err(No::Unsettled.into()),
        }
    }

    /// Takes what somebody says who proves to be the payment provider. The same again gets the same answer.
    ///
    /// # Errors
    /// When they are not, when there is no such order, or when it could not be written down: then it has to be sent again.
    pub async fn callback(&self, question: Callback) -> Answer<CallbackAnswer> {
        let provider = self.provider.as_ref().ok_or(No::NotTheProvider)?;
        let report = provider.read(&question, self.clock.now())?;
        // What is not there yet has to be sent again: to say that there is no such order would lose a capture.
        let target = self.find(report.order).await?.ok_or_else(busy)?;
        // What was claimed never changes, so the rows tell the price, whatever has become of the stream.
        let order = self.repo.order(&target).await?.ok_or_else(busy)?;
        let right = match self.places.sale(&target.sale).await.map_err(away)? {
            Some(definition) => total(&definition, &order).is_some_and(|price| price == report.amount),
            // Nobody can be sold anything any more: it is either for an order that is confirmed with it, or owed.
            None => true,
        };
        let new = Payment {
            id: Uuid::new_v5(&report.order.0, report.reference.as_bytes()),
            target,
            mode: Mode::External,
            amount_minor: report.amount.amount_minor,
            currency: report.amount.currency,
            state: match (report.succeeded, right) {
                (false, _) => State::Failed,
                (true, true) => State::Pending,
                // Captured, but not the price: nothing is sold for it.
                (true, false) => State::RefundDue,
            },
        };
        let Noted { payment, fresh } = self.repo.begin_external(&new, &report.reference).await?;
        if fresh {
            self.count(payment.state);
        }
        if payment.target.order != report.order {
            return Err(crate::answer::invalid("reference", "it was used for another order").into());
        }
        let (payment, _) = self.drive(payment).await;
        let outcome = match payment.state {
            State::Settled => CallbackOutcome::Confirmed,
            State::Failed => CallbackOutcome::Declined,
            State::RefundDue | State::Returned | State::Refunded => CallbackOutcome::RefundDue,
            State::Pending => CallbackOutcome::Recorded,
        };
        Ok(CallbackAnswer { outcome })
    }

    /// Finishes what nobody finishes, until told to stop.
    pub async fn recover(self, stopping: CancellationToken) {
        let recovering = async {
            for look in 0_u32.. {
                // Now and then everything that was ever taken back, in case a ledger was away for longer.
                let whole = look.is_multiple_of(WHOLE_LOOK_EVERY);
                let within = if whole { EVER_SECONDS } else { TAKEN_BACK_WITHIN_SECONDS };
                match self.recover_once(RECOVER_AFTER_SECONDS, within).await {
                    Ok(count) => self.metrics.payments_unfinished.set(i64::try_from(count).unwrap_or(i64::MAX)),
                    Err(error) => tracing::warn!(%error, "payments that nobody finishes cannot be looked for"),
                }
                tokio::time::sleep(RECOVER_EVERY).await;
            }
        };
        // Safe to drop anywhere: that is what it recovers from.
        stopping.run_until_cancelled(recovering).await;
    }

    /// One look for payments that were not tried for longer than this, and for orders that were taken back within that
    /// time; how many there were. Each is tried once: what waits for a stream holds nobody else up.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn recover_once(&self, older_seconds: f64, within_seconds: f64) -> Result<usize, Error> {
        let mut found = self.repo.unfinished_payments(older_seconds, RECOVER_MAX).await?;
        found.extend(self.repo.payments_taken_back(within_seconds, RECOVER_MAX).await?);
        let count = found.len();
        let finishing = found.into_iter().map(|payment| async move {
            let (id, before) = (payment.id, payment.state);
            let (after, _) = self.drive_until(payment, 1).await;
            if after.state != before {
                let (before, after) = (before.as_str(), after.state.as_str());
                tracing::info!(payment = %id, before, after, "a payment was recovered");
            }
        });
        futures::stream::iter(finishing).buffer_unordered(RECOVER_AT_ONCE).collect::<()>().await;
        Ok(count)
    }

    /// Brings a payment as far as it goes now; where it is then, and its order, if that could be read.
    pub async fn drive(&self, payment: Payment) -> (Payment, Option<Standing>) {
        self.drive_until(payment, STEPS_MAX).await
    }

    /// The same, until so many steps came to nothing.
    async fn drive_until(&self, mut payment: Payment, failures_max: u32) -> (Payment, Option<Standing>) {
        let (mut seen, mut failures) = (None, 0);
        for _ in 1..=STEPS_MAX {
            match self.step(&mut payment, &mut seen).await {
                Ok(true) => return (payment, seen),
                Ok(false) => {}
                Err(why) => {
                    failures += 1;
                    if failures >= failures_max {
                        break;
                    }
                    tracing::debug!(payment = %payment.id, %why, "a payment waits for a moment");
                    tokio::time::sleep(RETRY.random_pause(failures)).await;
                }
            }
        }
        (payment, seen)
    }

    /// One step; whether it was the last. What it knows of the order afterwards is left in `seen`.
    async fn step(&self, payment: &mut Payment, seen: &mut Option<Standing>) -> Result<bool, String> {
        let definition = self.places.sale(&payment.target.sale).await.map_err(|lost| lost.to_string())?;
        let Some(definition) = definition else { return self.step_in_rows(payment).await };
        let (store, standing) = self.read(&definition, &payment.target).await.map_err(|lost| lost.to_string())?;
        let Some(standing) = standing else { return Ok(true) };
        let next = payment.next(&standing.order);
        *seen = Some(standing.clone());
        match next {
            Next::Done => Ok(true),
            Next::Move(to) => {
                self.move_to(payment, to).await?;
                Ok(payment.next(&standing.order) == Next::Done)
            }
            Next::Confirm => match confirm(&store, &standing, payment.id).await {
                Attempt::Done(order) => {
                    self.places.hint(&payment.target.sale, &payment.target.customer).await;
                    *seen = Some(Standing { order, ..standing });
                    self.move_to(payment, State::Settled).await?;
                    Ok(payment.state == State::Settled)
                }
                Attempt::Changed(_) => Ok(false),
                Attempt::Again(why) | Attempt::Unknown(why) => Err(why),
            },
        }
    }

    /// A sale that is removed has left all there is to know in the rows; its orders can only be what they are.
    async fn step_in_rows(&self, payment: &mut Payment) -> Result<bool, String> {
        let order = self.repo.order(&payment.target).await.map_err(|error| error.to_string())?;
        match order.map(|order| payment.next(&order)) {
            Some(Next::Move(to)) => self.move_to(payment, to).await?,
            Some(Next::Done) => {}
            // Held, or never followed, when somebody forced the removal: it can be confirmed by nobody any more.
            Some(Next::Confirm) | None => {
                let stream = self.repo.stream_of(&payment.target).await.map_err(|error| error.to_string())?;
                let gone = match stream {
                    Some(stream) => self.places.is_gone(&stream).await.map_err(|lost| lost.to_string())?,
                    None => false,
                };
                if payment.state == State::Pending && gone {
                    self.move_to(payment, payment.back()).await?;
                }
            }
        }
        Ok(true)
    }

    async fn move_to(&self, payment: &mut Payment, to: State) -> Result<(), String> {
        if self.repo.move_payment(payment, to).await.map_err(|error| error.to_string())? {
            self.count(to);
            payment.state = to;
        } else if let Some(moved) = self.repo.payment(payment.id).await.map_err(|error| error.to_string())? {
            *payment = moved;
        }
        Ok(())
    }

    /// Counts a payment that came into this state, by whoever wrote the state down and nobody else.
    fn count(&self, state: State) {
        if let Some(ending) = Ending::of(state) {
            self.metrics.payments[ending].inc();
        }
    }

    /// Where an order is, by its id alone; one that was just made is waited for until it is followed.
    async fn find(&self, order: OrderId) -> Result<Option<Target>, Failure> {
        let deadline = self.clock.monotonic() + FOLLOWED_WITHIN;
        loop {
            if let Some(target) = self.repo.find_order(order).await? {
                return Ok(Some(target));
            }
            if self.clock.monotonic() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(FOLLOWED_LOOK_AFTER).await;
        }
    }

    async fn sale(&self, sale: &SaleId) -> Result<Definition, Failure> {
        let found = self.places.sale(sale).await.map_err(away)?;
        found.ok_or(Failure::No(No::NotFound))
    }

    async fn read(
        &self,
        definition: &Definition,
        target: &Target,
    ) -> Result<(JetStream, Option<Standing>), Unavailable> {
        let store = self.places.store(definition, &target.customer).await?;
        let standing = Standing::read(&store, target.customer, target.number).await?;
        Ok((store, standing))
    }

    async fn standing(&self, definition: &Definition, target: &Target) -> Result<(JetStream, Standing), Failure> {
        let (store, standing) = self.read(definition, target).await.map_err(away)?;
        Ok((store, standing.ok_or(No::NotFound)?))
    }
}

fn away(lost: Unavailable) -> Failure {
    tracing::debug!(error = %lost, "an order cannot be read for a payment");
    busy().into()
}

fn changed(standing: Standing) -> Changed {
    Changed { customer: standing.customer, number: standing.number, order: standing.order }
}

/// What a released order is to somebody who wants to pay it.
fn gone(order: &Order) -> No {
    match order.reason {
        Some(Reason::Expired) | None => No::HoldExpired { expired_at: None },
        Some(reason) => No::Released { reason },
    }
}

fn deadline(order: &Order) -> Option<Timestamp> {
    order.expires_at.and_then(|at| Timestamp::from_second(at).ok())
}

/// What an order costs; nothing when its item is gone or the price cannot be counted.
fn total(definition: &Definition, order: &Order) -> Option<Money> {
    let Some(price) = &definition.item(&order.sku)?.price else {
        return Some(Money { amount_minor: 0, currency: NO_CURRENCY.to_owned() });
    };
    let amount_minor = price.amount_minor.checked_mul(i64::from(order.quantity.0))?;
    Some(Money { amount_minor, currency: price.currency.clone() })
}

/// The payment that a key names for an order: whoever asks again asks for the same one.
fn payment_id(order: OrderId, key: &IdempotencyKey) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(order.0.as_bytes());
    hash.update(key.as_str());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    Uuid::new_v8(bytes)
}
