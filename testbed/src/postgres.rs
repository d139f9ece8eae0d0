//! Postgres, where the ledger keeps its books.
//!
//! It refuses to run as root, so root runs it as the user `postgres`. Nothing is synced to the disk: a killed process
//! loses nothing by that, only a power cut would, and every test would wait for the disk.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};

use crate::bed::{Bed, on_free_ports};
use crate::eventually::eventually;
use crate::port::free_port;
use crate::process::{Ending, Process, Program};
use crate::tool;

/// How long making the empty databases may take.
const INITIALISE_BOUND: Duration = Duration::from_secs(60);
/// How long a stop that lets transactions end may take.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// How long the backends of a killed server may take to notice; until then it cannot start again.
const BACKENDS_BOUND: Duration = Duration::from_secs(20);

/// One Postgres server.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    host: Ipv4Addr,
    port: u16,
    password: String,
    databases: AtomicU64,
}

impl Postgres {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let password = uuid::Uuid::new_v4().simple().to_string();
        initialise(bed.folder(), &password).await?;
        let data = bed.folder().join("postgres").join("data");
        let host = bed.host();
        if !host.is_loopback() {
            admit_neighbours(&data)?;
        }
        on_free_ports(async || {
            let port = free_port()?;
            let program = server(&data, host, port)?;
            let process = Process::start(bed.folder(), program)?;
            let postgres = Self { process, host, port, password: password.clone(), databases: AtomicU64::new(0) };
            postgres.ready().await?;
            Ok(postgres)
        })
        .await
    }

    /// Makes an empty database with a name of its own, `<prefix>_<count>`, and returns its URL.
    ///
    /// # Errors
    /// When Postgres does not answer, or `prefix` holds anything but lower-case letters, digits and `_`.
    pub async fn create_database(&self, prefix: &str) -> anyhow::Result<String> {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        ensure!(!prefix.is_empty() && prefix.chars().all(plain), "{prefix:?} is no plain name for a database");
        let name = format!("{prefix}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.url(&name))
    }

    /// The URL of a database, with the superuser's password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@{}/{database}?sslmode=disable", self.password, self.address())
    }

    /// The superuser's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Host and port, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Kills the server; its backends follow by themselves.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.process.kill9().await
    }

    /// Stops it: sessions are ended, what was committed stays.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.process.stop(Signal::INT, STOP_BOUND).await.map(drop)
    }

    /// Starts it again on the same port and data, and waits until it answers.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        eventually(BACKENDS_BOUND, "postgres to start again", async || {
            self.process.restart()?;
            self.ready().await
        })
        .await
    }

    /// Stops the server process in the middle of whatever it does: nobody can connect, open sessions go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.resume()
    }

    /// Everything it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn ready(&self) -> anyhow::Result<()> {
        self.process
            .ready(async || {
                let connection = PgConnection::connect(&self.url("postgres")).await?;
                connection.close().await.map_err(anyhow::Error::from)
            })
            .await
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url("postgres"))
    }
}

/// The arguments that make a command run as somebody else, when this process is root.
fn as_user() -> Vec<String> {
    if !rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"].map(str::to_owned).to_vec()
}

/// Makes an empty cluster of databases in the folder `postgres`/data of the bed.
async fn initialise(bed: &Path, password: &str) -> anyhow::Result<()> {
    let folder = bed.join("postgres");
    std::fs::create_dir_all(&folder)?;
    let password_file = folder.join("password");
    std::fs::write(&password_file, password)?;
    if rustix::process::geteuid().is_root() {
        run(bed, "chown", &["/bin/chown", "-R", "postgres:postgres", &folder.to_string_lossy()]).await?;
    }
    let user = as_user();
    let mut command: Vec<&str> = user.iter().map(String::as_str).collect();
    let initdb = tool::path("initdb")?.to_string_lossy().into_owned();
    let data = format!("--pgdata={}", folder.join("data").display());
    let password_file = format!("--pwfile={}", password_file.display());
    command
        .extend([&initdb, &data, &password_file, "--username=postgres", "--auth=password"].map(AsRef::<str>::as_ref));
    command.extend(["--encoding=UTF8", "--locale=C", "--no-sync"]);
    run(bed, "initdb", &command).await
}

/// Runs a command to its end, as a process of the bed.
async fn run(bed: &Path, name: &str, command: &[&str]) -> anyhow::Result<()> {
    let (path, arguments) = command.split_first().context("no command")?;
    let process = Process::start(bed, Program::new(name, PathBuf::from(path), arguments.iter().copied()))?;
    let status = process.wait(INITIALISE_BOUND).await?;
    ensure!(status.success(), "{name} failed ({status}): {}", process.log().trim());
    Ok(())
}

/// Lets everybody in who has the password and an address of the same network; what `initdb` wrote admits loopback alone.
fn admit_neighbours(data: &Path) -> anyhow::Result<()> {
    let mut rules = OpenOptions::new().append(true).open(data.join("pg_hba.conf"))?;
    Ok(rules.write_all(b"host all all samenet password\n")?)
}

fn server(data: &Path, host: Ipv4Addr, port: u16) -> anyhow::Result<Program> {
    let mut command = as_user();
    command.push(tool::path("postgres")?.to_string_lossy().into_owned());
    command.extend(["-D".to_owned(), data.to_string_lossy().into_owned(), "-p".to_owned(), port.to_string()]);
    let listen = format!("listen_addresses={host}");
    for setting in [
        listen.as_str(),
        "unix_socket_directories=",
        "fsync=off",
        "full_page_writes=off",
        // No segment of POSIX shared memory is left in /dev/shm by a server that is killed.
        "dynamic_shared_memory_type=mmap",
        "shared_buffers=64MB",
        "max_connections=300",
        "max_wal_size=1GB",
    ] {
        command.extend(["-c".to_owned(), setting.to_owned()]);
    }
    let path = PathBuf::from(command.remove(0));
    Ok(Program { ending: Ending::Quit, ..Program::new("postgres", path, command) })
}
