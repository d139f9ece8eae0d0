//! Accounts from a file, by the thousand.
//!
//! **What must always hold.** All or nothing: a line that is wrong, or a wallet that was given something else under the
//! same name before, and nothing is written. Loading the same file again changes nothing. An account that is there stays
//! as it is, its password above all: whoever can write a file must not thereby own accounts.
//!
//! **What it costs.** Two statements for any number of accounts, and some 16 ms of a core for each password that has to be
//! hashed; those of accounts that are there already are not. A column `password_hash` spares it.

mod file;

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::sale::Money;
use runtime::clock::Clock;

use self::file::{Complaint, Line, Secret};
use super::{command, password};
use crate::args::account::LoadArgs;
use crate::repo::Repo;
use crate::repo::funding::Gift;
use crate::repo::people::{Identity, Loaded};

/// Most complaints that are printed; whoever has more has one mistake in every line.
const COMPLAINTS_MAX: usize = 20;

/// Loads a file; says what was done.
///
/// # Errors
/// In one sentence, or one per wrong line.
pub async fn load(args: &LoadArgs, repo: &Repo, clock: &Clock) -> anyhow::Result<String> {
    let key = command::key(&args.key)?;
    let began = clock.monotonic();
    let lines = read(&args.file)?;
    let people: Vec<(Identity, &Line)> =
        lines.iter().map(|line| (key.own(&line.email, line.name.clone()), line)).collect();
    let customers: Vec<_> = people.iter().map(|(identity, _)| identity.customer).collect();
    let there = repo.known(&customers).await?;
    let absent: Vec<&(Identity, &Line)> =
        people.iter().filter(|(identity, _)| !there.contains(&identity.customer)).collect();
    if !args.self_made {
        refuse_self_made(repo, &people).await?;
    }
    let hashes = hashes(&absent.iter().map(|(_, line)| &line.secret).collect::<Vec<_>>())?;
    let hashed = clock.monotonic();

    let mut named = HashMap::new();
    let mut gifts = Vec::new();
    for (Identity { customer, .. }, line) in &people {
        for money in line.balances.iter().filter(|money| money.amount_minor > 0) {
            let reference = format!("{}/{customer}/{}", args.reference, money.currency);
            named.insert(reference.clone(), (line, money));
            gifts.push(Gift { customer: *customer, money: money.clone(), reference });
        }
    }
    let new: Vec<(&Identity, &str)> =
        absent.iter().zip(&hashes).map(|((identity, _), hash)| (identity, hash.as_str())).collect();
    match repo.load(&new, &gifts).await? {
        Loaded::Done { made, funded } => Ok(format!(
            "{} accounts in the file: {made} made, {} were there before\n\
             {} balances in the file: {funded} funded, {} were funded before\n\
             {:.1} s, of which {:.1} s to hash passwords\n",
            people.len(),
            people.len() as u64 - made,
            gifts.len(),
            gifts.len() as u64 - funded,
            (clock.monotonic() - began).as_secs_f64(),
            (hashed - began).as_secs_f64(),
        )),
        Loaded::Reused { reference } => {
            let (line, Money { currency, .. }) = named.get(&reference).context("an unknown reference was reused")?;
            bail!(
                "line {}: {} was given another amount of {currency} under the name {:?} before; nothing was written \
                 (to give more, give another --reference)",
                line.number,
                line.email,
                args.reference
            )
        }
    }
}

/// Money for an address goes to whoever was first to say that it is theirs, unless somebody has looked.
async fn refuse_self_made(repo: &Repo, people: &[(Identity, &Line)]) -> anyhow::Result<()> {
    let funded = people.iter().filter(|(_, line)| line.balances.iter().any(|money| money.amount_minor > 0));
    let funded: Vec<_> = funded.collect();
    let customers: Vec<_> = funded.iter().map(|(identity, _)| identity.customer).collect();
    let self_made = repo.self_made(&customers).await?;
    let Some((_, line)) = funded.iter().find(|(identity, _)| self_made.contains(&identity.customer)) else {
        return Ok(());
    };
    bail!(
        "line {}: {} and {} more accounts were made by whoever says that the address is theirs, and nobody has checked it; \
         nothing was written (if you have, add --self-made)",
        line.number,
        line.email,
        self_made.len() - 1
    )
}

fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let opened = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    file::read(std::io::BufReader::new(opened)).map_err(|complaints| {
        let mut text = format!("{} is not loaded, nothing was written:", path.display());
        for Complaint { line, why } in complaints.iter().take(COMPLAINTS_MAX) {
            text.push_str(&format!("\n  line {line}: {why}"));
        }
        if let Some(more) = complaints.len().checked_sub(COMPLAINTS_MAX).filter(|more| *more > 0) {
            text.push_str(&format!("\n  and {more} more"));
        }
        anyhow::Error::msg(text)
    })
}

/// What to store for each, on every core, with a bar where somebody watches.
fn hashes(secrets: &[&Secret]) -> anyhow::Result<Vec<String>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let style = ProgressStyle::with_template("hashing passwords {bar:40} {pos}/{len}, {eta} left")?;
    let bar = ProgressBar::new(secrets.len() as u64).with_style(style);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(secret) = secrets.get(index) else { return Ok(done) };
            done.push((
                index,
                match secret {
                    Secret::Hash(hash) => hash.clone(),
                    Secret::Password(password) => password::hash(password.0.as_bytes())?,
                },
            ));
            bar.inc(1);
        }
    };
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    let mut all = Vec::with_capacity(secrets.len());
    for part in parts {
        let part: Result<Vec<(usize, String)>, argon2::password_hash::Error> =
            part.map_err(|_| anyhow::anyhow!("a thread that hashes passwords has died"))?;
        all.extend(part.map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))?);
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, hash)| hash).collect())
}
