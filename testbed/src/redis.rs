//! Redis: rate limits and caches, never stock. It holds nothing over a restart here, as it may not matter.

use std::fmt;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bed::{Bed, on_free_ports};
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

/// One redis-server without persistence.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    password: String,
}

impl Redis {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        on_free_ports(async || {
            let port = free_port()?;
            // A password, because an open Redis lets every user of the machine write files as the one who runs it.
            let password = uuid::Uuid::new_v4().simple().to_string();
            let folder = bed.folder().join("redis");
            std::fs::create_dir_all(&folder)?;
            let settings = folder.join("redis.conf");
            std::fs::write(
                &settings,
                format!(
                    "bind 127.0.0.1\nport {port}\ndir {}\nsave \"\"\nappendonly no\nrequirepass {password}\n",
                    folder.display()
                ),
            )?;
            let program =
                Program::new("redis-server", tool::path("redis-server")?, [settings.to_string_lossy().into_owned()]);
            let redis = Self { process: Process::start(bed.folder(), program)?, port, password };
            redis.ready().await?;
            Ok(redis)
        })
        .await
    }

    /// `redis://…`, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://:{}@{}", self.password, self.address())
    }

    /// Host and port, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it; everything it held is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.process.kill9().await
    }

    /// Starts it again on the same port, empty, and waits until it answers.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    /// Stops it in the middle of whatever it does, with its connections open.
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

    async fn ready(&self) -> anyhow::Result<()> {
        self.process
            .ready(async || {
                let mut connection = TcpStream::connect(self.address()).await?;
                connection.write_all(format!("AUTH {}\r\nPING\r\n", self.password).as_bytes()).await?;
                let mut answer = [0; 12];
                connection.read_exact(&mut answer).await?;
                ensure!(&answer == b"+OK\r\n+PONG\r\n", "{}", String::from_utf8_lossy(&answer));
                Ok(())
            })
            .await
    }
}

impl fmt::Display for Redis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url())
    }
}
