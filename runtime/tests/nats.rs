//! Connecting to a real nats-server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use jiff::Timestamp;
use runtime::Process;
use runtime::args::{NatsArgs, ProcessArgs};
use runtime::clock::Clock;
use runtime::nats;
use testbed::{Bed, free_port};

const BOUND: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    nats: NatsArgs,
}

fn args(arguments: &[&str]) -> anyhow::Result<NatsArgs> {
    Ok(Arguments::try_parse_from(std::iter::once(&"test").chain(arguments))?.nats)
}

fn process() -> anyhow::Result<Process> {
    Ok(Process::new("sluice-test", "1.2.3", Clock::manual(Timestamp::UNIX_EPOCH))?)
}

async fn until_ready(process: &Process, ready: bool) -> anyhow::Result<()> {
    let agrees = async || {
        let report = process.readiness.report();
        ensure!(report.ready == ready, "{report:?}");
        Ok(())
    };
    testbed::eventually(BOUND, "readiness to follow the connection", agrees).await
}

/// Whether the readiness of its only part says this.
fn told(process: &Process, what: &str) -> anyhow::Result<()> {
    let report = process.readiness.report();
    let detail = report.parts.first().and_then(|part| part.detail.as_deref()).unwrap_or_default();
    ensure!(detail.contains(what), "it says {detail:?}");
    Ok(())
}

/// A server that the bed does not have: with passwords, or without JetStream.
struct Server {
    child: Child,
    port: u16,
    settings: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Starts it with these lines of configuration.
    fn start(folder: &Path, lines: &str) -> anyhow::Result<Self> {
        let (port, settings) = (free_port()?, folder.join("nats.conf"));
        std::fs::write(&settings, lines)?;
        Ok(Self { child: spawn(port, &settings)?, port, settings })
    }

    /// Starts it again, with others.
    fn restart(&mut self, lines: &str) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        std::fs::write(&self.settings, lines)?;
        self.child = spawn(self.port, &self.settings)?;
        Ok(())
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

fn spawn(port: u16, settings: &Path) -> anyhow::Result<Child> {
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/install");
    let which = Command::new(install).args(["--which", "nats-server"]).output()?;
    ensure!(which.status.success(), "nats-server is not installed: run make tools");
    let program = String::from_utf8(which.stdout)?;
    let mut command = Command::new(program.trim());
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--config"]).arg(settings);
    Ok(command.stderr(Stdio::null()).spawn()?)
}

#[tokio::test]
async fn an_account_without_jetstream_is_refused_in_one_sentence() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store");
    for lines in [
        String::new(),
        format!(
            "jetstream {{ store_dir: {store:?} }}\naccounts {{ A {{ users: [{{ user: a, password: a }}] }} }}\nno_auth_user: a"
        ),
    ] {
        let server = Server::start(folder.path(), &lines)?;
        let args = args(&["--nats-url", &server.url()])?;
        let process = process()?;
        let connecting = tokio::time::timeout(BOUND, nats::connect(&args, &process, "claims"));
        let Err(refused) = connecting.await? else { bail!("it was not refused with {lines}") };
        let sentence = "has no JetStream for this account: enable it in the configuration of nats-server";
        assert_eq!(refused.to_string(), format!("nats at 127.0.0.1:{} {sentence}", server.port));
    }
    Ok(())
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_the_certificates_that_were_named() -> anyhow::Result<()> {
    // Also chooses the cryptography, as every process does first; another test may have done so.
    drop(runtime::telemetry::init(&Arguments::try_parse_from(["test"])?.process));
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(file("cert.pem"), made.cert.pem())?;
    std::fs::write(file("key.pem"), made.signing_key.serialize_pem())?;
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(file("other.pem"), other.cert.pem())?;
    let server = Server::start(
        folder.path(),
        &format!(
            "jetstream {{ store_dir: {:?} }}\ntls {{ cert_file: {:?}, key_file: {:?} }}",
            file("store"),
            file("cert.pem"),
            file("key.pem")
        ),
    )?;
    let trusting = |name: &str| {
        let file = file(name);
        args(&["--nats-url", &server.url().replace("nats:", "tls:"), "--nats-ca-file", &file.to_string_lossy()])
    };
    let process = process()?;
    let trusted = trusting("cert.pem")?;
    tokio::time::timeout(BOUND, nats::connect(&trusted, &process, "claims")).await??;
    let Err(refused) = nats::connect_once(&trusting("other.pem")?, "sluice-test", "close").await else {
        bail!("a stranger was trusted");
    };
    ensure!(refused.to_string().contains("certificate"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_password_that_is_replaced_is_used_without_a_restart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (store, password) = (folder.path().join("store"), folder.path().join("password"));
    let lines = |password: &str| {
        format!("jetstream {{ store_dir: {store:?} }}\nauthorization {{ user: edge, password: {password} }}")
    };
    let mut server = Server::start(folder.path(), &lines("old"))?;
    std::fs::write(&password, "old\n")?;
    let file = password.to_str().context("the folder is no text")?;
    let args = args(&["--nats-url", &server.url(), "--nats-user", "edge", "--nats-password-file", file])?;
    let process = process()?;
    let client = nats::connect(&args, &process, "claims").await?;
    until_ready(&process, true).await?;

    server.restart(&lines("new"))?;
    testbed::eventually(BOUND, "the old password to be refused", async || told(&process, "authorization")).await?;
    std::fs::write(&password, "new\n")?;
    until_ready(&process, true).await?;
    nats::require_atomic_publish(&client).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_is_ready_while_its_connection_lives() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().start().await?;
    let (server, process) = (bed.nats().await?, process()?);
    let client = nats::connect(&args(&["--nats-url", &server.url()])?, &process, "claims").await?;
    until_ready(&process, true).await?;
    server.kill9().await?;
    until_ready(&process, false).await?;
    server.restart().await?;
    until_ready(&process, true).await?;
    nats::require_atomic_publish(&client).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_that_is_there_before_its_server_connects_when_that_comes() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().start().await?;
    let (server, process) = (bed.nats().await?, process()?);
    server.kill9().await?;
    let args = args(&["--nats-url", &server.url()])?;
    let coming = async {
        testbed::eventually(BOUND, "the service to wait", async || told(&process, "trying again")).await?;
        server.restart().await
    };
    let (connected, came) = tokio::join!(nats::connect(&args, &process, "claims"), coming);
    came?;
    connected?;
    until_ready(&process, true).await
}

#[tokio::test]
async fn a_command_connects_to_a_server_that_is_there() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().start().await?;
    let url = bed.nats().await?.url();
    nats::connect_once(&args(&["--nats-url", &url])?, "sluice-test", "close").await?;
    Ok(())
}
