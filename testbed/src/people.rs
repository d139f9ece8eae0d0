//! People with accounts and wallets, many at a time: for the demo, and for tests that need a crowd with money.

use std::fmt::Write as _;

/// The password of all of them.
pub const PASSWORD: &str = "sluice-demo";
/// What it hashes to (Argon2id, 19 MiB, 2 passes), so that thousands of accounts are made without hashing.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cqwOpudDSDQuonOkSsdeCQ$GZO2uK8Da0T0Z8GCA0LfpWDdAGwBCAuRrkq2Zs1t6Gk";

/// The address of one of them; with `{}` for the number, of all.
#[must_use]
pub fn email(number: &str) -> String {
    format!("user-{number}@example.com")
}

/// The first `count` of them as `sluice-ledger account load` takes them, each with this much in euros.
#[must_use]
pub fn csv(count: usize, balance_minor: i64) -> String {
    let mut out = "email,password_hash,name,currency,balance_minor\n".to_owned();
    for number in 0..count {
        let address = email(&number.to_string());
        // Writing to a string cannot fail. The hash has commas.
        let _ = writeln!(out, "{address},\"{PASSWORD_HASH}\",User {number},EUR,{balance_minor}");
    }
    out
}
