//! The arguments of `account`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use protocol::CustomerId;
use runtime::args::SecretFile;

use super::PostgresArgs;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Makes an account with a password: from a file, from a terminal, or the first line of the standard input
    Create(CreateArgs),
    /// Says whether somebody may refund orders and see totals
    Role(RoleArgs),
    /// Puts money into a wallet
    Fund(FundArgs),
    /// Makes accounts and funds wallets from a CSV file, all or nothing; safe to repeat
    Load(LoadArgs),
    /// Prints an account and its wallets
    Show(ShowArgs),
}

impl AccountCommand {
    /// Where the accounts are.
    #[must_use]
    pub fn postgres(&self) -> &PostgresArgs {
        match self {
            Self::Create(args) => &args.postgres,
            Self::Role(args) => &args.postgres,
            Self::Fund(args) => &args.postgres,
            Self::Load(args) => &args.postgres,
            Self::Show(args) => &args.postgres,
        }
    }
}

/// What turns people into customers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keys")]
pub struct CustomerKeyArgs {
    /// Key that turns people into customer ids, the same as edges and ledgers have
    #[arg(long, env = "SLUICE_CUSTOMER_KEY_FILE", value_name = "FILE")]
    pub customer_key_file: SecretFile,
    /// Accept keys that everybody knows; for demonstrations only
    #[arg(long, env = "SLUICE_DEV", value_parser = BoolishValueParser::new())]
    pub dev: bool,
}

/// Arguments of `account create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// What they sign in with
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// What to call them
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// They may refund orders and see totals
    #[arg(long)]
    pub merchant: bool,
    /// File with the password, instead of typing it; white space around it is dropped
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<SecretFile>,
    /// What turns people into customers.
    #[command(flatten)]
    pub key: CustomerKeyArgs,
    /// Where the accounts are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// Arguments of `account role`.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Whose account
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// Whether they may refund orders and see totals; holds from their next sign-in on
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub merchant: bool,
    /// Also an account that its owner made, whose address nobody has checked
    #[arg(long)]
    pub self_made: bool,
    /// Where the accounts are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// Arguments of `account fund`.
#[derive(Debug, Args)]
pub struct FundArgs {
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
    /// ISO 4217, three capitals
    #[arg(long, value_name = "CURRENCY", value_parser = currency)]
    pub currency: String,
    /// How much, in minor units (cents)
    #[arg(long, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(1..))]
    pub amount_minor: i64,
    /// What this money is called, as a bank calls a transfer: the same one again funds nothing. Without one, every call funds
    #[arg(long, value_name = "TEXT", value_parser = reference)]
    pub reference: Option<String>,
    /// Also an account that its owner made, whose address nobody has checked
    #[arg(long)]
    pub self_made: bool,
    /// Where the accounts are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// Whose wallet.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Of the account with this address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Of the customer with this id
    #[arg(long, value_name = "CUSTOMER", value_parser = customer)]
    pub customer: Option<CustomerId>,
}

/// Arguments of `account load`.
#[derive(Debug, Args)]
#[command(after_long_help = FILE_HELP)]
pub struct LoadArgs {
    /// The file
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// What the balances are called: under one name each wallet is funded once, however often the file is loaded
    #[arg(long, value_name = "TEXT", default_value = "load", value_parser = reference)]
    pub reference: String,
    /// Also fund accounts that their owners made, whose addresses nobody has checked
    #[arg(long)]
    pub self_made: bool,
    /// What turns people into customers.
    #[command(flatten)]
    pub key: CustomerKeyArgs,
    /// Where the accounts are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

const FILE_HELP: &str = "\
The file's first line names its columns, in any order:

  email          what they sign in with
  password       8 to 128 characters; to hash one takes some 16 ms of a core
  password_hash  instead of it: a PHC string of Argon2id version 19, kept as it is
  name           what to call them; may be left out
  currency       ISO 4217, three capitals; may be left out, with the next one
  balance_minor  what to put into the wallet in this currency, in minor units

One address may have several lines, one per currency; password and name stand in one
of them. An account that is there already stays as it is, and its wallets are funded.
Lines that are wrong are named by number, and nothing is written then.";

/// Arguments of `account show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Whose account
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// Where the accounts are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// Longest name of a funding, in bytes.
const REFERENCE_BYTES_MAX: usize = 200;

fn reference(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > REFERENCE_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("a reference has 1 to {REFERENCE_BYTES_MAX} bytes without control characters"));
    }
    Ok(text.to_owned())
}

fn currency(text: &str) -> Result<String, String> {
    if crate::wallets::is_currency(text) {
        Ok(text.to_owned())
    } else {
        Err("a currency has three capital letters, as in EUR".to_owned())
    }
}

fn customer(text: &str) -> Result<CustomerId, String> {
    CustomerId::parse(text).map_err(|error| error.to_string())
}
