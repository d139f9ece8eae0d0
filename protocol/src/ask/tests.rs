use super::money::{CallbackAnswer, CallbackOutcome, PaymentMode, PaymentState, Wallet};
use super::people::{Password, Person, SignIn};
use super::statement::SheetOf;
use super::*;
use crate::CustomerId;
use crate::order::Reason;
use crate::sale::Money;

fn euros(amount_minor: i64) -> Money {
    Money { amount_minor, currency: "EUR".to_owned() }
}

#[track_caller]
fn survives<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(reply: &Reply<T>) {
    let bytes = reply.encode();
    assert_eq!(&Reply::<T>::decode(&bytes).unwrap(), reply, "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn every_answer_is_read_as_it_was_written() {
    let customer = CustomerId::derive(b"key", "issuer", "subject");
    survives(&Reply::Yes(Person { customer, email: None, name: Some("Ann".to_owned()), merchant: true }));
    survives(&Reply::Yes(Vec::<Wallet>::new()));
    survives(&Reply::Yes(vec![Wallet { balance: euros(i64::MAX), pending: euros(0) }]));
    survives(&Reply::Yes(CallbackAnswer { outcome: CallbackOutcome::RefundDue }));
}

#[test]
fn what_a_merchant_asks_is_spelled_as_addresses_and_rows_spell_it() {
    for of in SheetOf::ALL {
        assert_eq!(serde_json::to_value(of).unwrap(), of.as_str());
    }
    for state in ["pending", "settled", "returned", "refunded", "refund-due", "failed"] {
        let parsed = PaymentState::parse(state).unwrap();
        assert_eq!((parsed.as_str(), serde_json::to_value(parsed).unwrap()), (state, state.into()));
    }
    for mode in ["wallet", "external"] {
        let parsed = PaymentMode::parse(mode).unwrap();
        assert_eq!((parsed.as_str(), serde_json::to_value(parsed).unwrap()), (mode, mode.into()));
    }
    assert!(PaymentState::parse("Settled").is_none() && PaymentMode::parse("").is_none());
}

#[test]
fn every_no_is_read_as_it_was_written() {
    let now = Timestamp::UNIX_EPOCH;
    for no in [
        No::NotFound,
        No::Invalid { field: "email".to_owned(), rule: "an address".to_owned() },
        No::AccountExists,
        No::WrongCredentials,
        No::TooManyAttempts { retry_after_seconds: 3 },
        No::Busy { retry_after_seconds: 1 },
        No::Unsettled,
        No::HoldExpired { expired_at: Some(now) },
        No::HoldExpired { expired_at: None },
        No::AlreadyPaid,
        No::Released { reason: Reason::Refunded },
        No::InsufficientFunds { balance: euros(1), needed: euros(2) },
        No::OtherPayment,
        No::NotTheProvider,
    ] {
        survives(&Reply::<Person>::No(no));
    }
}

#[test]
fn a_reply_of_neither_side_is_none() {
    for text in
        ["{\"v\":1}", "{\"v\":1,\"reply\":\"maybe\",\"content\":[]}", "{\"v\":1,\"reply\":\"no\",\"content\":[]}"]
    {
        assert!(Reply::<Vec<Wallet>>::decode(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_password_is_never_printed() {
    let question = SignIn { email: "a@b.example".to_owned(), password: Password("hunter22".to_owned()), source: None };
    assert!(!format!("{question:?}").contains("hunter22"));
}
