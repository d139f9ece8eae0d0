//! `flags`: prints `docs/flags.md`.

#![expect(clippy::print_stdout, reason = "its output is the page")]

fn main() -> anyhow::Result<()> {
    print!("{}", testbed::reference::page()?);
    Ok(())
}
