//! The money of a sale: every purse against the payments that filled it.

use crate::payments::payment::State;
use crate::repo::money::MoneyLine;

/// What is wrong, one sentence per breach; none when the books balance. True at every commit, so it needs no cut.
#[must_use]
pub fn breaches(money: &[MoneyLine]) -> Vec<String> {
    let mut found = Vec::new();
    for line in money {
        let currency = &line.currency;
        let of = |state: State| line.payments.get(state.as_str()).copied().unwrap_or_default().amount_minor;
        for (purse, holds, state) in [
            ("pending", line.pending_minor, State::Pending),
            ("revenue", line.revenue_minor, State::Settled),
            ("refunds", line.refunds_minor, State::RefundDue),
        ] {
            let payments = of(state);
            if holds != payments {
                let state = state.as_str();
                found.push(format!(
                    "{purse} holds {holds} minor units of {currency}, its {state} payments come to {payments}"
                ));
            }
        }
    }
    found
}

/// The same of everybody's money.
#[must_use]
pub fn imbalances(everything: &[(String, i64)]) -> Vec<String> {
    let wrong = everything.iter().filter(|(_, minor)| *minor != 0);
    wrong
        .map(|(currency, minor)| format!("all purses of {currency} together hold {minor} minor units, not 0"))
        .collect()
}

#[cfg(test)]
mod tests;
