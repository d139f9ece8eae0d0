//! Sessions verified per second on one core: what every request of a customer costs before anything else.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

use std::time::Duration;

use edge::auth::session::{Keyring, Session};
use protocol::CustomerId;
use protocol::key::Installation;
use runtime::clock::Clock;
use testbed::Stopwatch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Different sessions, so that no cache of a branch predictor knows them all.
const SESSIONS: usize = 20_000;
/// How long one run verifies.
const RUN: Duration = Duration::from_secs(2);
const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let keys = [
        "a session key of the benchmark, long enough".to_owned().into(),
        "another one, also long enough for that".to_owned().into(),
    ];
    let ring = Keyring::new(&Installation::default(), &keys)?;
    let now = Clock::system().now();
    let expires = now + Duration::from_secs(3_600);
    let made = (0..SESSIONS).map(|number| {
        let customer = CustomerId::derive(b"the customer key of the benchmark", "sluice", &number.to_string());
        ring.sign(&Session { customer, guest: false, roles: Vec::new() }, now, expires)
    });
    let sessions = made.collect::<Result<Vec<_>, _>>()?;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let (stopwatch, mut verified) = (Stopwatch::start(), 0_u32);
        while stopwatch.elapsed() < RUN {
            for session in &sessions {
                let session = ring.verify(session, now)?;
                verified += u32::from(!session.guest);
            }
        }
        rates.push(f64::from(verified) / stopwatch.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let median = rates.get(RUNS / 2).copied().unwrap_or_default();
    println!(
        "sessions verified per second on one core, median of {RUNS} runs: {median:.0} ({:.2} µs each)",
        1e6 / median
    );
    Ok(())
}
