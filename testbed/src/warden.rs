//! Who cleans up when nobody is left to.
//!
//! A destructor does not run on `kill -9`, on Ctrl-C, or for a static. So the first thing a bed starts is a warden: a
//! small shell script in a process group of its own that reads its standard input and does nothing else. Only the owner
//! holds the other end of that pipe; when the owner ends, for whatever reason, the system closes it, and the warden ends
//! every process of the bed, those in the control groups of its name among them, and removes its folder. A bed that is dropped in order takes the same path.
//!
//! What must always hold:
//! - *The folder is never unwatched*: the warden makes it, so there is no moment at which the folder exists and the
//!   warden does not.
//! - *No process is ever unregistered*: a child writes its own id below `pids/` before it becomes the server
//!   ([`register`]). The warden renames `pids/` first: whoever has not registered by then cannot any more and dies
//!   before it was a server.
//! - A process id is taken out of `pids/` by the owner as soon as it is reaped, so that a stranger who gets the same id
//!   later is not killed.
//!
//! What it costs: one sleeping shell per bed.
//!
//! Deliberately absent: `PR_SET_PDEATHSIG` (it needs unsafe code, follows the thread and not the process, and is lost
//! with a change of user, which Postgres needs).

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, ensure};

const SCRIPT: &str = include_str!("warden/warden.sh");

/// Registers the shell itself, then becomes the program: `$1` is the folder of ids, `$2` the signal that ends it.
const REGISTER: &str = r#"echo "$2" >"$1/$$" && shift 2 && exec "$@""#;

/// The owner's end of the warden, and the folder of the bed.
#[derive(Debug)]
pub(crate) struct Warden {
    process: Child,
    /// Dropped first: that is the sign to clean up.
    owner: Option<ChildStdin>,
    folder: PathBuf,
}

impl Warden {
    /// Starts the warden of a new bed below `base`.
    pub(crate) fn start(base: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sluice-warden"])
            .arg(base)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("the warden of the test bed does not start")?;
        let owner = process.stdin.take();
        let mut folder = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut folder)?;
        }
        ensure!(!folder.is_empty(), "no folder for the test bed can be made in {}", base.display());
        Ok(Self { process, owner, folder: PathBuf::from(folder.trim_end()) })
    }

    /// The bed's folder: everything below it goes with the bed.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        drop(self.owner.take());
        // The script bounds each of its waits.
        let _ = self.process.wait();
    }
}

/// A command that registers with the warden of the bed at `folder` before it becomes `program`.
///
/// `ending` is the signal by which the warden asks it to end; all but `KILL` give it up to five seconds.
pub(crate) fn register(folder: &Path, ending: &str, program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", REGISTER, "register"]).arg(folder.join("pids")).arg(ending).arg(program).process_group(0);
    command
}

/// Takes a process that was reaped off the warden's list.
pub(crate) fn unregister(folder: &Path, pid: u32) {
    // Absent when the warden is already at work.
    let _ = std::fs::remove_file(folder.join("pids").join(pid.to_string()));
}
