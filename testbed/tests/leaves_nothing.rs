//! However the owner of a bed ends, neither a process nor a file nor a memory segment of the bed is left.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use testbed::{Bed, eventually};

/// The end of everything: Postgres may take five of these seconds to end in order.
const BOUND: Duration = Duration::from_secs(20);

/// A process that owns a bed below a folder of its own.
struct Owner {
    process: Child,
    below: TempDir,
}

impl Owner {
    /// The program `bed` with these servers.
    fn of(servers: &[&str]) -> anyhow::Result<Self> {
        let below = tempfile::tempdir()?;
        open_to_postgres(below.path())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_bed"));
        command.args(servers).arg("--below").arg(below.path());
        Self::spawn(command, below)
    }

    /// This test program, running one of the tests below that do not end well.
    fn running(test: &str) -> anyhow::Result<Self> {
        let below = tempfile::tempdir()?;
        open_to_postgres(below.path())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--exact", test, "--ignored", "--nocapture"]).env("TMPDIR", below.path());
        Self::spawn(command, below)
    }

    fn spawn(mut command: Command, below: TempDir) -> anyhow::Result<Self> {
        let process = command.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn()?;
        Ok(Self { process, below })
    }

    /// Waits for a line that holds `text`.
    fn says(&mut self, text: &str) -> anyhow::Result<()> {
        let said = self.process.stdout.take().context("its output was read before")?;
        for line in BufReader::new(said).lines() {
            if line?.contains(text) {
                return Ok(());
            }
        }
        anyhow::bail!("it ended without a word about {text:?}")
    }

    fn ends_by(&mut self, signal: Signal) -> anyhow::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.process), signal)?;
        Ok(self.process.wait()?)
    }

    async fn left_nothing(&self) -> anyhow::Result<()> {
        eventually(BOUND, "nothing to be left of the bed", async || {
            let files: Vec<_> = std::fs::read_dir(self.below.path())?.flatten().map(|file| file.file_name()).collect();
            ensure!(files.is_empty(), "files {files:?}");
            let processes = processes_of(self.below.path())?;
            ensure!(processes.is_empty(), "processes {processes:?}");
            Ok(())
        })
        .await
    }
}

fn open_to_postgres(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?)
}

/// Every live process that works in the folder or was started with its name. A zombie has neither.
fn processes_of(folder: &Path) -> anyhow::Result<Vec<String>> {
    let name = folder.to_string_lossy();
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let works_in = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        if command.contains(&*name) || works_in.starts_with(folder) {
            found.push(format!("{} {command}", process.display()));
        }
    }
    Ok(found)
}

/// The System V segment of the bed's Postgres, as the system knows it.
fn segment_of(below: &Path) -> anyhow::Result<String> {
    let bed = std::fs::read_dir(below)?.flatten().next().context("no bed")?.path();
    let lock = std::fs::read_to_string(bed.join("postgres/data/postmaster.pid"))?;
    let line = lock.lines().nth(6).context("no segment")?;
    Ok(line.split_whitespace().nth(1).context("no id of a segment")?.to_owned())
}

fn segments() -> anyhow::Result<Vec<String>> {
    let table = std::fs::read_to_string("/proc/sysvipc/shm")?;
    Ok(table.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
}

#[tokio::test]
async fn an_owner_that_is_killed_leaves_nothing_even_of_servers_that_are_paused() -> anyhow::Result<()> {
    let mut owner = Owner::of(&["nats", "nats-cluster", "postgres", "redis", "kubernetes"])?;
    owner.says("everything is below")?;
    let bed = std::fs::read_dir(owner.below.path())?.flatten().next().context("no bed")?.path();
    let servers: Vec<i32> = std::fs::read_dir(bed.join("pids"))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    assert_eq!(servers.len(), 8, "four nats-servers, postgres, redis, etcd, kube-apiserver");
    let segment = segment_of(owner.below.path())?;
    assert!(segments()?.contains(&segment));
    for server in servers {
        kill_process_group(Pid::from_raw(server).context("no process")?, Signal::STOP)?;
    }
    assert_eq!(owner.ends_by(Signal::KILL)?.signal(), Some(9));
    owner.left_nothing().await?;
    assert!(!segments()?.contains(&segment));
    Ok(())
}

#[tokio::test]
async fn an_owner_that_is_killed_while_it_starts_leaves_nothing() -> anyhow::Result<()> {
    // The moment is what varies: from before the warden exists to after everything runs.
    for moment in (0..12).map(|step| Duration::from_millis(step * step * 12)) {
        let mut owner = Owner::of(&["nats", "postgres", "redis"])?;
        tokio::time::sleep(moment).await;
        owner.ends_by(Signal::KILL)?;
        owner.left_nothing().await.with_context(|| format!("killed after {moment:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn ctrl_c_and_terminate_end_a_bed_in_order() -> anyhow::Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let mut owner = Owner::of(&["nats", "postgres", "redis"])?;
        owner.says("everything is below")?;
        let segment = segment_of(owner.below.path())?;
        assert!(owner.ends_by(signal)?.success());
        owner.left_nothing().await?;
        assert!(!segments()?.contains(&segment));
    }
    Ok(())
}

#[tokio::test]
async fn ctrl_c_in_a_test_leaves_nothing_of_the_shared_bed() -> anyhow::Result<()> {
    let mut owner = Owner::running("owner_that_waits_for_ever")?;
    owner.says("the bed is up")?;
    assert_eq!(owner.ends_by(Signal::INT)?.signal(), Some(2));
    owner.left_nothing().await
}

#[tokio::test]
async fn a_test_that_panics_leaves_nothing_of_the_shared_bed() -> anyhow::Result<()> {
    let mut owner = Owner::running("owner_that_panics")?;
    owner.says("the bed is up")?;
    owner.process.wait()?;
    owner.left_nothing().await
}

#[tokio::test]
async fn a_bed_that_is_dropped_has_gone_when_drop_returns() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().postgres().start().await?;
    let folder = bed.folder().to_owned();
    assert!(!processes_of(&folder)?.is_empty());
    drop(bed);
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
#[ignore = "an owner for ctrl_c_in_a_test_leaves_nothing_of_the_shared_bed"]
async fn owner_that_waits_for_ever() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    tokio::try_join!(bed.nats(), bed.postgres())?;
    println!("the bed is up");
    std::future::pending().await
}

#[tokio::test]
#[ignore = "an owner for a_test_that_panics_leaves_nothing_of_the_shared_bed"]
#[should_panic(expected = "as it should")]
async fn owner_that_panics() {
    let bed = Bed::shared().await.unwrap();
    tokio::try_join!(bed.nats(), bed.postgres()).unwrap();
    println!("the bed is up");
    panic!("as it should");
}
