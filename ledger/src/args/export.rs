//! The arguments of `export`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use protocol::SaleId;

use super::{PostgresArgs, sale};

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Id of the sale, as in its URLs
    #[arg(long, value_name = "SALE", value_parser = sale)]
    pub sale: SaleId,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
    /// Which orders: those that are sold, unless told otherwise
    #[arg(long, value_enum, default_value_t = ExportState::Confirmed)]
    pub state: ExportState,
    /// Only orders that changed then or later, as 2027-03-14T09:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Where the books are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// How `export` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A header and one line per order. A text that a spreadsheet would take for a formula has an apostrophe before it.
    Csv,
    /// One array, an order per line, as the webhook spells them.
    Json,
}

/// Which orders `export` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportState {
    /// Sold.
    Confirmed,
    /// Given back, expired or refunded.
    Released,
    /// Not paid yet.
    Held,
    /// Every order.
    All,
}

impl ExportState {
    /// As the ledger spells it; nothing for all of them.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Confirmed => Some("confirmed"),
            Self::Released => Some("released"),
            Self::Held => Some("held"),
            Self::All => None,
        }
    }
}
