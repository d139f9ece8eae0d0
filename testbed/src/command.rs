//! Programs that are run to their end for what they print.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::service::binary;

/// How long one command may take; `kubectl wait` bounds itself below that.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(150);

/// Runs one of our binaries to its end; what it wrote to its standard output.
pub(crate) async fn binary_output(name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    output(tokio::process::Command::new(binary(name)?).args(arguments), name, None).await
}

/// Runs one of our binaries to its end; what it printed, whether or not it failed, and what it complained of.
pub(crate) async fn binary_said(name: &str, arguments: &[&str]) -> anyhow::Result<(String, String)> {
    let ended = ended(tokio::process::Command::new(binary(name)?).args(arguments), name, None).await?;
    Ok((String::from_utf8_lossy(&ended.stdout).into_owned(), String::from_utf8_lossy(&ended.stderr).into_owned()))
}

pub(crate) async fn kubectl(kubeconfig: &Path, arguments: &[&str], input: Option<&str>) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments);
    output(&mut command, "kubectl", input).await
}

pub(crate) async fn output(
    command: &mut tokio::process::Command,
    name: &str,
    input: Option<&str>,
) -> anyhow::Result<String> {
    let ended = ended(command, name, input).await?;
    let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    ensure!(ended.status.success(), "{name}: {} {}", complained.trim(), told.trim());
    Ok(told.into_owned())
}

async fn ended(
    command: &mut tokio::process::Command,
    name: &str,
    input: Option<&str>,
) -> anyhow::Result<std::process::Output> {
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes()).await?;
    }
    let ended = tokio::time::timeout(COMMAND_TIMEOUT, child.wait_with_output());
    Ok(ended.await.with_context(|| format!("{name} took longer than {COMMAND_TIMEOUT:?}"))??)
}
