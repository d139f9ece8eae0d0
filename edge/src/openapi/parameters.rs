//! Parts of requests that many routes share, as they are described: each route reads them by itself, from where they are.
#![expect(dead_code, reason = "they describe, and hold nothing")]

use protocol::{CustomerId, IdempotencyKey, OrderId, SaleId};
use utoipa::IntoParams;

/// A sale's address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfSale {
    /// The id of the sale.
    sale: SaleId,
}

/// An order's address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfOrder {
    /// The id of the sale.
    sale: SaleId,
    /// The id of the order.
    order: OrderId,
}

/// A wallet's address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfCurrency {
    /// ISO 4217, three capitals.
    #[param(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}

/// Makes a request that moves something safe to send again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Keyed {
    /// A UUID that you make once for what you want, before you send it first; the same key gets the same answer.
    #[param(rename = "Idempotency-Key")]
    key: IdempotencyKey,
    /// Whom you act for, as their session said: if somebody else is signed in by now, nothing is done and the answer is
    /// `not-signed-in`. For pages, whose sessions change under them.
    #[param(rename = "Sluice-Customer", required = false)]
    meant_for: Option<CustomerId>,
}

/// Asks only for what changed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatch {
    /// The ETag of what you have.
    #[param(rename = "If-None-Match", required = false)]
    etag: Option<String>,
}

/// Comes back to a stream of events.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct LastEventId {
    /// The id of the last event that you have; browsers send it by themselves.
    #[param(rename = "Last-Event-ID", required = false)]
    id: Option<String>,
}

/// What a payment provider signs with.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Signed {
    /// When it was sent, in seconds since 1970.
    #[param(rename = "Sluice-Timestamp", max_length = 128)]
    timestamp: String,
    /// HMAC-SHA256 over that, a dot and the body, in hex.
    #[param(rename = "Sluice-Signature", max_length = 128)]
    signature: String,
}
