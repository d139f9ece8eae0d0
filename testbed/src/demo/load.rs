//! One of the loads of `k6/`, against the running demo or against any edges.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use testbed::load::{self, Load, Outcome, Stage};

use super::state::State;
use super::up::say;

pub(crate) async fn run(wish: super::Load) -> anyhow::Result<()> {
    let Some(scenario) = wish.scenario.clone() else { return list() };
    ensure!(wish.scale > 0.0 && wish.scale.is_finite(), "a load's scale is a number above 0");
    ensure!(wish.slowness >= 1.0 && wish.slowness.is_finite(), "a machine's slowness is a number of at least 1");
    ensure!(wish.duration.is_none() || scenario == "soak", "only the soak takes as long as it is told to");
    let folder = wish.into.join(&scenario);
    let (scale, slowness, duration) = (wish.scale, wish.slowness, wish.duration);
    let load = Load { scenario, scale, slowness, duration, folder: folder.clone(), shown: true };
    let outcome = match &wish.sale {
        Some(sale) => load.at(&stage(&wish, &load, sale).await?).await?,
        None => load.on(State::read()?.installation(), say).await?,
    };
    tell(&outcome, &folder)
}

fn list() -> anyhow::Result<()> {
    println!("Loads, each run by make load SCENARIO=name; what they need is the running demo, or --url and --sale:\n");
    for scenario in load::scenarios()? {
        println!("  {:<10} {}", scenario.name, scenario.about);
    }
    println!(
        "\nmake load ARGS=--help tells what can be varied; k6/README.md what each promises and what was measured."
    );
    Ok(())
}

/// A sale that is there: of the edges that are named, or of the demo.
async fn stage(wish: &super::Load, load: &Load, sale: &str) -> anyhow::Result<Stage> {
    let needs = load.needs().await?;
    ensure!(!needs.restocks(), "{} restocks its sale: it needs one of its own, in the demo", load.scenario);
    let sku = wish.sku.clone();
    let demo = if wish.url.is_empty() { Some(State::read()?) } else { None };
    let edges = match &demo {
        Some(demo) => demo.installation().edges.clone(),
        None => wish.url.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
    };
    let merchant = match (&wish.merchant_session, &demo) {
        (Some(file), _) => lines(file)?.into_iter().next().context("the file with the merchant's session is empty")?,
        (None, Some(demo)) => demo.installation().merchant().await?,
        (None, None) => bail!("the books are read with a merchant's session: --merchant-session names a file with one"),
    };
    let sessions = match (&wish.sessions, &demo) {
        (Some(file), _) => lines(file)?,
        (None, _) if needs.wallets => {
            bail!("{} pays from wallets: --sessions names people who have one", load.scenario)
        }
        (None, Some(demo)) => {
            let customers = format!("customer-{}", uuid::Uuid::new_v4().simple());
            demo.installation().sessions(&customers, needs.shoppers).await?
        }
        (None, None) => {
            say(&format!("asking for {} guests", needs.shoppers));
            load::guests(&edges, sale, needs.shoppers).await?
        }
    };
    ensure!(!sessions.is_empty(), "there is no session for anybody to buy with");
    Ok(Stage { edges, sale: sale.to_owned(), sku, units: wish.units, merchant, sessions })
}

/// A file with one session a line, as `sluice-edge session` prints them.
fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.split_whitespace().map(ToOwned::to_owned).collect())
}

/// Says where the reports are; fails when a promise was not kept.
fn tell(outcome: &Outcome, folder: &Path) -> anyhow::Result<()> {
    for name in ["report.html", "series.html", "summary.json"] {
        let file = folder.join(name);
        if file.exists() {
            println!("  {}", file.display());
        }
    }
    let broken: Vec<_> = outcome.broken().map(|promise| promise.says.as_str()).collect();
    ensure!(
        broken.is_empty(),
        "{} of {} promises were not kept: {}",
        broken.len(),
        outcome.promises.len(),
        broken.join(" ")
    );
    println!("all {} promises were kept", outcome.promises.len());
    Ok(())
}
