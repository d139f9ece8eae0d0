//! A service as a real process: signals, exit codes, the admin port.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use serde_json::Value;

/// Longer than anything here takes, shorter than a drain that must not be waited for.
const BOUND: Duration = Duration::from_secs(30);

/// `examples/service.rs`, running.
struct Service {
    child: Child,
    lines: BufReader<ChildStderr>,
    log: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Service {
    fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let tests = std::env::current_exe()?;
        let program = tests.ancestors().nth(2).context("no target folder")?.join("examples/service");
        let mut child = Command::new(program)
            .args(["--admin-addr", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments)
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .context("the example is not built: run cargo build -p runtime --examples")?;
        let lines = BufReader::new(child.stderr.take().context("no log")?);
        Ok(Self { child, lines, log: String::new() })
    }

    /// Starts it and waits until it is ready; the address of its admin port.
    fn ready(arguments: &[&str]) -> anyhow::Result<(Self, String)> {
        let mut service = Self::start(arguments)?;
        let line = service.line_with("admin.address")?;
        let address = line.get("admin.address").and_then(Value::as_str).context("no address")?.to_owned();
        service.line_with("start is well")?;
        Ok((service, address))
    }

    /// Reads log lines up to the first with `text` in it.
    fn line_with(&mut self, text: &str) -> anyhow::Result<Value> {
        loop {
            let mut line = String::new();
            ensure!(self.lines.read_line(&mut line)? > 0, "it ended without {text:?}:\n{}", self.log);
            self.log.push_str(&line);
            if line.contains(text) {
                return Ok(serde_json::from_str(&line)?);
            }
        }
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-s", name, &id]).status()?.success(), "not signalled");
        Ok(())
    }

    /// Waits for its end.
    fn exit_code(&mut self) -> anyhow::Result<Option<i32>> {
        self.lines.read_to_string(&mut self.log)?;
        Ok(self.child.wait()?.code())
    }
}

/// Status and body.
fn get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(BOUND))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

#[test]
fn a_service_that_is_asked_to_end_drains_and_exits_with_success() -> anyhow::Result<()> {
    let (mut service, address) = Service::ready(&[])?;
    let (status, body) = get(&address, "/readyz")?;
    assert_eq!(status, 200, "{body}");
    let (_, metrics) = get(&address, "/metrics")?;
    assert!(metrics.contains("component=\"sluice-example\",version="), "{metrics}");
    service.signal("TERM")?;
    assert_eq!(service.exit_code()?, Some(0), "{}", service.log);
    assert!(service.log.contains("stopping: SIGTERM"), "{}", service.log);
    Ok(())
}

#[test]
fn a_service_that_drains_says_so_and_a_second_signal_ends_it_at_once() -> anyhow::Result<()> {
    let begun = Clock::system().monotonic();
    let (mut service, address) = Service::ready(&["--task", "linger", "--drain-seconds", "600"])?;
    service.signal("INT")?;
    service.line_with("stopping: SIGINT")?;
    let (status, body) = get(&address, "/readyz")?;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"draining\":true"), "{body}");
    assert_eq!(get(&address, "/livez")?, (200, "ok".to_owned()));
    service.signal("TERM")?;
    assert_eq!(service.exit_code()?, Some(143), "{}", service.log);
    assert!(service.log.contains("exiting at once: SIGTERM again; still at work: example"), "{}", service.log);
    assert!(begun.elapsed() < BOUND);
    Ok(())
}

#[test]
fn a_service_that_does_not_finish_in_time_exits_with_an_error_that_names_who_is_late() -> anyhow::Result<()> {
    let (mut service, _) = Service::ready(&["--task", "linger", "--drain-seconds", "1"])?;
    service.signal("TERM")?;
    assert_eq!(service.exit_code()?, Some(1), "{}", service.log);
    assert!(service.log.contains("after 1 s of draining still at work: example"), "{}", service.log);
    Ok(())
}

#[test]
fn a_service_whose_task_panics_logs_where_and_exits_with_an_error() -> anyhow::Result<()> {
    let mut service = Service::start(&["--task", "panic"])?;
    let line = service.line_with("panicked: as it was told")?;
    let location = line.get("panic.location").and_then(Value::as_str).unwrap_or_default();
    assert!(location.contains("service.rs"), "{line}");
    assert_eq!(service.exit_code()?, Some(1), "{}", service.log);
    assert!(service.log.contains("ended with an error: task example panicked: as it was told"), "{}", service.log);
    Ok(())
}

#[test]
fn a_filter_that_cannot_be_read_is_told_in_one_line() -> anyhow::Result<()> {
    let mut service = Service::start(&["--log-filter", "edge=loud"])?;
    assert_eq!(service.exit_code()?, Some(1));
    assert!(service.log.starts_with("sluice-example: --log-filter \"edge=loud\" is not a filter"), "{}", service.log);
    assert_eq!(service.log.lines().count(), 1, "{}", service.log);
    Ok(())
}
