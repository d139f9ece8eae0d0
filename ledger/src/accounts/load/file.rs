//! What stands in the file: read whole and judged before anything is done.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;

use protocol::ask::No;
use protocol::ask::people::Password;
use protocol::sale::Money;
use serde::Deserialize;

use super::super::{password, rules};
use crate::wallets::is_currency;

/// Most lines of a file: all of it is one transaction, and is held in memory.
pub(super) const LINES_MAX: usize = 200_000;

/// An account of the file; of several lines with one address, the first.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Where it stands; the header is line 1.
    pub(super) number: u64,
    /// In small letters.
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) secret: Secret,
    /// One per currency.
    pub(super) balances: Vec<Money>,
}

/// What the account's password is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// To be hashed.
    Password(Password),
    /// Hashed already.
    Hash(String),
}

/// What is wrong with a line. It never quotes a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) line: u64,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    email: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    balance_minor: Option<String>,
}

const COLUMNS: [&str; 6] = ["email", "password", "password_hash", "name", "currency", "balance_minor"];

/// Reads a file; the accounts in the order of their first lines, or everything that is wrong.
pub(super) fn read(input: impl Read) -> Result<Vec<Line>, Vec<Complaint>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(input);
    let headers = reader.headers().map_err(|error| complaint(1, unreadable(&error)))?.clone();
    if let Some(strange) = headers.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(complaint(1, format!("there is no column {strange:?}; there are {}", COLUMNS.join(", "))));
    }
    if !headers.iter().any(|name| name == "email") {
        return Err(complaint(1, "the first line names the columns, and email is not among them".to_owned()));
    }
    let mut drafts = Drafts::default();
    let mut complaints = Vec::new();
    let mut record = csv::StringRecord::new();
    for count in 0.. {
        let number = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) if count >= LINES_MAX => return Err(complaint(number, format!("at most {LINES_MAX} lines"))),
            Ok(true) => {
                let number = record.position().map_or(number, csv::Position::line);
                let row = record.deserialize(Some(&headers)).map_err(|error| unreadable(&error));
                if let Err(why) = row.and_then(|row: Row| drafts.take(number, row)) {
                    complaints.push(Complaint { line: number, why });
                }
            }
            Err(error) => {
                let line = error.position().map_or(number, csv::Position::line);
                complaints.push(Complaint { line, why: unreadable(&error) });
                // What is no text any more has no lines either.
                if error.is_io_error() {
                    break;
                }
            }
        }
    }
    let lines = drafts.finish(&mut complaints);
    complaints.sort_by_key(|complaint| complaint.line);
    if complaints.is_empty() { Ok(lines) } else { Err(complaints) }
}

fn complaint(line: u64, why: String) -> Vec<Complaint> {
    vec![Complaint { line, why }]
}

/// What the parser says, without the field that it quotes.
fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, and the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "not a line of CSV with these columns".to_owned(),
    }
}

/// Accounts whose lines are still coming.
#[derive(Default)]
struct Drafts {
    places: HashMap<String, usize>,
    drafts: Vec<Draft>,
}

struct Draft {
    number: u64,
    email: String,
    name: Option<String>,
    secret: Option<Secret>,
    balances: Vec<Money>,
}

impl Drafts {
    fn take(&mut self, number: u64, row: Row) -> Result<(), String> {
        let email = rules::email(&row.email).map_err(rule)?;
        let name = rules::name(row.name.as_deref()).map_err(rule)?;
        let secret = secret(filled(row.password), filled(row.password_hash))?;
        let balance = balance(filled(row.currency), filled(row.balance_minor))?;
        let place = match self.places.entry(email.clone()) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                place.insert(self.drafts.len());
                self.drafts.push(Draft { number, email, name: None, secret: None, balances: Vec::new() });
                self.drafts.len() - 1
            }
        };
        let Some(draft) = self.drafts.get_mut(place) else { return Err("lost".to_owned()) };
        let of = draft.number;
        if let Some(name) = name
            && draft.name.replace(name.clone()).is_some_and(|before| before != name)
        {
            return Err(format!("another name than on line {of}"));
        }
        if let Some(secret) = secret
            && draft.secret.replace(secret.clone()).is_some_and(|before| before != secret)
        {
            return Err(format!("another password than on line {of}"));
        }
        if let Some(balance) = balance {
            if draft.balances.iter().any(|other| other.currency == balance.currency) {
                return Err(format!("a second balance in {} of the account on line {of}", balance.currency));
            }
            draft.balances.push(balance);
        }
        Ok(())
    }

    fn finish(self, complaints: &mut Vec<Complaint>) -> Vec<Line> {
        let mut lines = Vec::with_capacity(self.drafts.len());
        for Draft { number, email, name, secret, balances } in self.drafts {
            match secret {
                Some(secret) => lines.push(Line { number, email, name, secret, balances }),
                // A line that was complained of may be the one with the password.
                None if complaints.iter().any(|complaint| complaint.line >= number) => {}
                None => {
                    complaints.push(Complaint { line: number, why: "neither password nor password_hash".to_owned() })
                }
            }
        }
        lines
    }
}

fn filled(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

fn secret(password: Option<String>, hash: Option<String>) -> Result<Option<Secret>, String> {
    match (password, hash) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("both password and password_hash".to_owned()),
        (Some(text), None) => {
            let password = Password(text);
            rules::new_password(&password).map_err(rule)?;
            Ok(Some(Secret::Password(password)))
        }
        (None, Some(hash)) => {
            password::acceptable(&hash).map_err(|why| format!("password_hash: {why}"))?;
            Ok(Some(Secret::Hash(hash)))
        }
    }
}

fn balance(currency: Option<String>, amount: Option<String>) -> Result<Option<Money>, String> {
    match (currency, amount) {
        (None, None) => Ok(None),
        (Some(currency), Some(amount)) => {
            if !is_currency(&currency) {
                return Err("currency: three capital letters, as ISO 4217 has them".to_owned());
            }
            let amount_minor = amount.parse().ok().filter(|amount| (0..=AMOUNT_MAX).contains(amount));
            let amount_minor =
                amount_minor.ok_or_else(|| format!("balance_minor: a whole number, 0 to {AMOUNT_MAX}"))?;
            Ok(Some(Money { amount_minor, currency }))
        }
        _ => Err("currency and balance_minor come together".to_owned()),
    }
}

/// Most that one line gives: so many lines of it still add up to less than an integer of 64 bits holds.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

fn rule(no: No) -> String {
    match no {
        No::Invalid { field, rule } => format!("{field}: {rule}"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests;
