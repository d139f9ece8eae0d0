//! Tests.

use super::money::{Wallet, Wallets};
use super::*;
use crate::id::CustomerId;
use crate::sale::Money;

#[test]
fn every_reply_comes_back_as_it_was_sent() {
    let euros = |amount_minor| Money { amount_minor, currency: "EUR".to_owned() };
    let wallets = vec![Wallet { balance: euros(5), pending: euros(0) }];
    for reply in [
        Reply::Yes(wallets),
        Reply::Yes(Vec::new()),
        Reply::No(No::NotFound),
        Reply::No(No::Invalid { field: "email".to_owned(), rule: "it must be one".to_owned() }),
        Reply::No(No::Busy { retry_after_seconds: 2 }),
        Reply::No(No::HoldExpired { expired_at: None }),
        Reply::No(No::Released { reason: crate::order::Reason::Refunded }),
        Reply::No(No::InsufficientFunds { balance: euros(5), needed: euros(7) }),
    ] {
        assert_eq!(Reply::<Vec<Wallet>>::decode(&reply.encode()).unwrap(), reply);
    }
}

#[test]
fn a_question_comes_back_as_it_was_asked() {
    let customer = CustomerId::derive(b"key", "issuer", "ann");
    assert_eq!(Wallets::decode(&Wallets { customer }.encode()).unwrap().customer, customer);
}
