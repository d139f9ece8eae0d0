//! One nats-server process and its configuration file.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::bed::Bed;
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::{http, tool};

#[derive(Debug)]
pub(crate) struct Node {
    name: String,
    process: Process,
    host: Ipv4Addr,
    client_port: u16,
    monitor_port: u16,
}

impl Node {
    /// Starts a node; `further` is a part of its configuration, as what names the others, or nothing.
    pub(crate) fn start(bed: &Bed, name: &str, further: &str) -> anyhow::Result<Self> {
        let program = tool::path("nats-server")?;
        let (client_port, monitor_port) = (free_port()?, free_port()?);
        let host = bed.host();
        let folder = bed.folder().join(name);
        std::fs::create_dir_all(&folder)?;
        let sync = if bed.settings().syncs_every_write() { "sync_interval: always" } else { "" };
        let settings = folder.join("nats.conf");
        // Batches in flight: the defaults (50 a stream, 1,000 in all) are what a few busy edges reach by themselves.
        std::fs::write(
            &settings,
            format!(
                r#"server_name: "{name}"
listen: "{host}:{client_port}"
http: "{host}:{monitor_port}"
jetstream {{
  store_dir: "{store}"
  max_memory_store: 2GB
  max_file_store: 20GB
  {sync}
  limits {{ batch {{ max_inflight_per_stream: 500, max_inflight_total: 5000 }} }}
}}
{further}
"#,
                store = folder.join("store").display()
            ),
        )?;
        let arguments = ["--config".to_owned(), settings.to_string_lossy().into_owned()];
        let process = Process::start(bed.folder(), Program::new(name, program, arguments))?;
        Ok(Self { name: name.to_owned(), process, host, client_port, monitor_port })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.client_port)
    }

    pub(crate) fn monitor_url(&self) -> String {
        format!("http://{}:{}", self.host, self.monitor_port)
    }

    /// What the monitoring endpoint says at `path`.
    pub(crate) async fn monitor(&self, path: &str) -> anyhow::Result<Value> {
        let answer = http::text(http::client(None)?.get(format!("{}{path}", self.monitor_url()))).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Waits until the node says that it is healthy, its JetStream included.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        self.process.ready(async || self.monitor("/healthz").await.map(drop)).await
    }
}
