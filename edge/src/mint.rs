//! `sluice-edge session`: sessions for tests and demonstrations, made with the installation's own key.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::SignedDuration;
use runtime::clock::Clock;

use crate::args::SessionArgs;
use crate::auth::keys::Keys;
use crate::auth::session::Session;

/// Whoever has a session is that person.
const PRIVATE: u32 = 0o600;
/// Where a name of many has its number.
const NUMBER: &str = "{}";

/// Prints them.
#[must_use]
pub fn run(args: &SessionArgs) -> ExitCode {
    match print(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice-edge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print(args: &SessionArgs) -> anyhow::Result<()> {
    let keys = Keys::read(&args.keys, &args.installation, args.dev)?;
    let now = Clock::system().now();
    let expires = now + SignedDuration::from_hours(i64::from(args.hours));
    let out: Box<dyn Write> = match &args.output {
        None => Box::new(std::io::stdout().lock()),
        Some(file) => Box::new(private(file).with_context(|| format!("cannot write {}", file.display()))?),
    };
    let mut out = std::io::BufWriter::new(out);
    let names = match args.count {
        None => vec![args.customer.clone()],
        Some(count) => (0..count).map(|number| numbered(&args.customer, number)).collect(),
    };
    for name in names {
        let session = Session { customer: keys.customer(&name), guest: args.guest, roles: args.role.clone() };
        writeln!(out, "{}", keys.ring().sign(&session, now, expires)?)?;
    }
    Ok(out.flush()?)
}

/// A file that nobody else may read, also where it was there already: a container that starts again meets what it wrote.
fn private(file: &Path) -> std::io::Result<std::fs::File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(file)?;
    // Only a file that is made gets the mode. What is no file, such as a pipe or a device, is everybody's as it was.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

/// The name of one of many: with the number in the place that is kept for it, or behind it.
fn numbered(name: &str, number: u32) -> String {
    if name.contains(NUMBER) { name.replace(NUMBER, &number.to_string()) } else { format!("{name}-{number}") }
}
