//! How an order is paid.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an order becomes confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.mode != 'External' || has(self.checkoutURL)")
        .message("payment.mode External needs a checkoutURL: where shoppers go to pay"),
    validation = Rule::new("!has(self.checkoutURL) || self.checkoutURL.contains('{order}')")
        .message("payment.checkoutURL needs {order} in it: the place of the order's id"),
)]
pub struct Payment {
    /// None: an order is confirmed at once. Wallet: held until paid from the customer's wallet. External: held until a
    /// payment provider reports success. Cannot change.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("payment.mode cannot change: orders may already wait for a payment"))]
    pub mode: PaymentMode,
    /// Where shoppers go to pay, with {order} in it. Only for External.
    #[serde(default, rename = "checkoutURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub checkout_url: Option<String>,
}

/// How an order becomes confirmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentMode {
    /// At once.
    #[default]
    None,
    /// Once paid from the customer's wallet.
    Wallet,
    /// Once a payment provider reports success.
    External,
}

/// How long an unpaid order is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Seconds until the units of an unpaid order go back on sale.
    #[schemars(range(min = 5, max = 86400))]
    pub hold_seconds: i32,
}
