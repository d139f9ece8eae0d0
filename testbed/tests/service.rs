//! One of our own programs as a process of the bed; here `bed` itself, which every build of this crate has.

use std::time::Duration;

use anyhow::ensure;
use testbed::{Bed, Service, binary, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const BOUND: Duration = Duration::from_secs(20);

fn spawn(bed: &Bed, name: &str) -> anyhow::Result<Service> {
    let below = bed.folder().to_string_lossy().into_owned();
    Service::spawn(bed, name, "bed", ["redis", "--below", &below], [("UNUSED", "1".to_owned())])
}

/// Waits until it has started for the `times`-th time.
async fn has_started(service: &Service, times: usize) -> anyhow::Result<()> {
    eventually(BOUND, "the program to say that it has started", async || {
        let log = service.log();
        ensure!(log.matches("everything is below").count() == times, "{log}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_service_stops_in_order_restarts_and_is_killed() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let service = spawn(bed, "stopped")?;
    has_started(&service, 1).await?;
    assert!(service.restart().is_err(), "it runs");
    assert!(service.stop().await?.success());

    service.restart()?;
    has_started(&service, 2).await?;
    service.pause()?;
    service.resume()?;
    service.kill9().await?;
    assert!(service.ended()?.is_some_and(|status| !status.success()));
    Ok(())
}

#[tokio::test]
async fn a_service_is_ready_when_its_admin_port_says_so() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let service = spawn(bed, "ready")?;
    let admin = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", admin.local_addr()?);
    let answers = async {
        for status in ["503 Service Unavailable", "503 Service Unavailable", "200 OK"] {
            let (mut stream, _) = admin.accept().await?;
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await?;
            ensure!(request[..length].starts_with(b"GET /readyz "), "another request");
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    };
    tokio::try_join!(answers, service.wait_ready(&url)).map(|((), ())| ())
}

#[tokio::test]
async fn a_service_that_ends_instead_of_getting_ready_says_why() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let service = Service::spawn(bed, "refused", "bed", ["no-such-server"], [])?;
    let failed = service.wait_ready("http://127.0.0.1:1").await.expect_err("it has ended").to_string();
    assert!(failed.contains("refused ended at its start") && failed.contains("invalid value"), "{failed}");
    Ok(())
}

#[test]
fn a_binary_that_is_not_built_is_one_sentence() {
    let failed = binary("sluice-nothing").expect_err("there is none").to_string();
    assert_eq!(failed, "sluice-nothing is not built: run cargo build --workspace --bins");
}
