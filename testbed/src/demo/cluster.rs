//! Installs the chart on a real node, shows how to use it, and tells what happens.

use testbed::image::Archive;
use testbed::installation::{self, Access, Release};
use testbed::{Bed, node};

use super::samples;
use super::state::State;
use super::up::{now, say, stopped, watch_and_tell};

/// The tag of images that were built here.
const TAG: &str = "built-here";

pub(crate) async fn run() -> anyhow::Result<()> {
    node::possible()?;
    say("starting a Kubernetes node in namespaces of its own; Ctrl-C ends it and leaves the machine as it was");
    // It enters the network of the node with a thread and a runtime of its own.
    tokio::task::spawn_blocking(|| node::run(Bed::builder().progress(say), async |bed| Box::pin(up(bed)).await)).await?
}

async fn up(bed: &Bed) -> anyhow::Result<()> {
    let mut interrupted = Box::pin(stopped());
    let told = tokio::select! {
        told = install_and_tell(bed) => told,
        () = &mut interrupted => Ok(()),
    };
    say("stopping");
    told
}

async fn install_and_tell(bed: &Bed) -> anyhow::Result<()> {
    let page = installation::built_page();
    let images = installation::images(TAG, page.as_deref())?;
    for image in &images {
        say(&size(image));
    }
    say("installing the chart");
    let release = Release::install(bed, &images).await?;
    for sample in samples::samples(now())? {
        say(release.access.apply(&sample).await?.trim());
    }
    let outside = release.outside(bed).await?;
    let written = State::write(&outside, None)?;
    show(&outside, page.is_some());
    let told = watch_and_tell(&release.access).await;
    drop(written);
    told
}

/// What an image weighs, packed as a registry would keep it.
fn size(image: &Archive) -> String {
    let tenths = |bytes: usize| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    format!("{}: {} to fetch, {} on the disk", image.name, tenths(image.packed), tenths(image.unpacked))
}

fn show(access: &Access, page: bool) {
    let kubectl = format!("kubectl --kubeconfig {}", access.kubeconfig.display());
    println!();
    for edge in &access.edges {
        if page {
            println!("  page         {edge}/");
        }
        println!("  API          {edge}/v1/sales");
    }
    println!("  kubeconfig   {}", access.kubeconfig.display());
    println!("  release      helm --kubeconfig {} -n sluice status sluice", access.kubeconfig.display());
    println!();
    println!("Three things to try in another terminal:");
    println!();
    println!("  1. {kubectl} -n sluice get pods");
    println!("  2. {kubectl} -n {} get flashsales -w", access.namespace);
    println!("  3. make crowd");
    println!();
}
