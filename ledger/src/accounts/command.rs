//! What `sluice-ledger account …` does.
//!
//! **What must always hold.** A command says what it has done, and only when it is committed. What is done already is
//! told as such and is no failure: commands stand in scripts that are run again.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail, ensure};
use protocol::CustomerId;
use protocol::ask::No;
use protocol::ask::people::{OWN_ISSUER, PASSWORD_CHARACTERS_MAX, Password};
use protocol::sale::Money;
use runtime::args::SecretFile;
use runtime::clock::Clock;
use secrecy::ExposeSecret as _;

use super::password::{Passwords, Verdict};
use super::{CustomerKey, load, rules};
use crate::args::account::{AccountCommand, CreateArgs, CustomerKeyArgs, FundArgs, RoleArgs, ShowArgs};
use crate::repo::Repo;
use crate::repo::funding::Funded;
use crate::repo::people::Known;

/// Why somebody who registered gets no rights and no money by their address alone.
const SELF_MADE: &str = "whoever has this account made it and says that the address is theirs: nobody has checked it. If \
                         you have, add --self-made";

/// Does it; what it says for the standard output.
///
/// # Errors
/// In one sentence.
pub async fn run(command: AccountCommand, repo: &Repo, clock: &Clock) -> anyhow::Result<String> {
    match command {
        AccountCommand::Create(args) => create(args, repo).await,
        AccountCommand::Role(args) => role(args, repo).await,
        AccountCommand::Fund(args) => fund(args, repo).await,
        AccountCommand::Load(args) => load::load(&args, repo, clock).await,
        AccountCommand::Show(args) => show(args, repo).await,
    }
}

/// The key of these arguments.
///
/// # Errors
/// When the file is no help.
pub fn key(args: &CustomerKeyArgs) -> anyhow::Result<CustomerKey> {
    Ok(CustomerKey::new(args.customer_key_file.read_key(args.dev)?))
}

async fn create(args: CreateArgs, repo: &Repo) -> anyhow::Result<String> {
    let email = rules::email(&args.email).map_err(rule)?;
    let identity = key(&args.key)?.own(&email, rules::name(args.name.as_deref()).map_err(rule)?);
    let password = password(args.password_file.as_ref())?;
    rules::new_password(&password).map_err(rule)?;
    let customer = identity.customer;
    let passwords = Passwords::new()?;
    let hash = passwords.turn().await.map_err(rule)?.hash(password.clone()).await.map_err(rule)?;
    let made = repo.register(&identity, &hash, false).await?.is_some();
    if !made {
        let known = repo.person(&customer).await?.context("the account was there and is gone")?;
        let turn = passwords.turn().await.map_err(rule)?;
        let verdict = turn.compare(password, known.password).await.map_err(rule)?;
        ensure!(verdict != Verdict::Wrong, "{email} has an account with another password");
    }
    if args.merchant {
        repo.set_merchant(&customer, true).await?;
    }
    let what = if made { "made" } else { "there already" };
    let merchant = if args.merchant { ", a merchant" } else { "" };
    Ok(format!("{email} is {what}{merchant}: customer {customer}\n"))
}

async fn role(args: RoleArgs, repo: &Repo) -> anyhow::Result<String> {
    let (email, known) = find(repo, &args.email).await?;
    ensure!(!(args.merchant && known.self_made) || args.self_made, SELF_MADE);
    repo.set_merchant(&known.person.customer, args.merchant).await?;
    let what = if args.merchant { "is a merchant" } else { "is no merchant" };
    Ok(format!("{email} {what}, from the next sign-in on\n"))
}

async fn fund(args: FundArgs, repo: &Repo) -> anyhow::Result<String> {
    let (whose, customer): (String, CustomerId) = match (&args.whose.email, args.whose.customer) {
        (Some(email), _) => {
            let (email, known) = find(repo, email).await?;
            ensure!(!known.self_made || args.self_made, SELF_MADE);
            (email, known.person.customer)
        }
        (None, Some(customer)) => (customer.to_string(), customer),
        (None, None) => bail!("whose wallet? give --email or --customer"),
    };
    let money = Money { amount_minor: args.amount_minor, currency: args.currency };
    let Money { amount_minor, currency } = &money;
    match repo.fund(&customer, &money, args.reference.as_deref()).await? {
        Funded::Done { balance } => Ok(format!("{whose} got {amount_minor} {currency} and has {balance} now\n")),
        Funded::Before { balance } => {
            Ok(format!("{whose} got {amount_minor} {currency} under this reference before and has {balance} now\n"))
        }
        Funded::Reused => bail!("the reference stands for another wallet or amount: nothing was funded"),
    }
}

async fn show(args: ShowArgs, repo: &Repo) -> anyhow::Result<String> {
    let (email, Known { person, .. }) = find(repo, &args.email).await?;
    let mut text = format!("email     {email}\ncustomer  {}\n", person.customer);
    writeln!(text, "name      {}", person.name.as_deref().unwrap_or("-"))?;
    writeln!(text, "merchant  {}", if person.merchant { "yes" } else { "no" })?;
    for wallet in repo.wallets(&person.customer).await? {
        let Money { amount_minor, currency } = wallet.balance;
        writeln!(text, "wallet    {amount_minor} {currency}, {} more pending", wallet.pending.amount_minor)?;
    }
    Ok(text)
}

/// An account of ours by its address; needs no key.
async fn find(repo: &Repo, email: &str) -> anyhow::Result<(String, Known)> {
    let email = rules::email(email).map_err(rule)?;
    let known = repo.person_called(OWN_ISSUER, &email).await?;
    let known = known.with_context(|| format!("nobody has registered as {email}"))?;
    Ok((email, known))
}

/// From the file, from whoever sits at the terminal, or from the first line of what is piped in.
fn password(file: Option<&SecretFile>) -> anyhow::Result<Password> {
    if let Some(file) = file {
        return Ok(Password(file.read()?.expose_secret().to_owned()));
    }
    if std::io::stdin().is_terminal() {
        let (first, second) = (rpassword::prompt_password("Password: ")?, rpassword::prompt_password("Again: ")?);
        ensure!(first == second, "the two passwords differ");
        return Ok(Password(first));
    }
    let mut line = String::new();
    // Bounded like a question: whatever is piped in by mistake may have no end.
    let most = u64::try_from(PASSWORD_CHARACTERS_MAX * 4 + 2)?;
    std::io::Read::take(std::io::stdin().lock(), most).read_line(&mut line)?;
    Ok(Password(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A rule that was broken, as a sentence for a terminal.
pub(super) fn rule(no: No) -> anyhow::Error {
    match no {
        No::Invalid { field, rule } => anyhow::anyhow!("{field}: {rule}"),
        other => anyhow::anyhow!("{other:?}"),
    }
}
