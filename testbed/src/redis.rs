//! Redis: rate limits and caches, never stock. It holds nothing over a restart here, as it may not matter.
//!
//! It listens twice: on one port as it is, on another over TLS, with a certificate that nobody but a test trusts.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use rcgen::{CertificateParams, KeyPair};
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
    host: Ipv4Addr,
    port: u16,
    tls_port: u16,
    authority: PathBuf,
    password: String,
}

impl Redis {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        on_free_ports(async || {
            let (host, port, tls_port) = (bed.host(), free_port()?, free_port()?);
            // A password, because an open Redis lets every user of the machine write files as the one who runs it.
            let password = uuid::Uuid::new_v4().simple().to_string();
            let folder = bed.folder().join("redis");
            std::fs::create_dir_all(&folder)?;
            let authority = certify(&folder, host)?;
            let settings = folder.join("redis.conf");
            let here = folder.display();
            std::fs::write(
                &settings,
                format!(
                    "bind {host}\nport {port}\ntls-port {tls_port}\ntls-auth-clients no\ntls-ca-cert-file {here}/server.crt\n\
                     tls-cert-file {here}/server.crt\ntls-key-file {here}/server.key\ndir {here}\nsave \"\"\n\
                     appendonly no\nrequirepass {password}\n"
                ),
            )?;
            let program =
                Program::new("redis-server", tool::path("redis-server")?, [settings.to_string_lossy().into_owned()]);
            let process = Process::start(bed.folder(), program)?;
            let redis = Self { process, host, port, tls_port, authority, password };
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

    /// `rediss://…`, with the password; for whoever trusts [`authority`](Self::authority).
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("rediss://:{}@{}:{}", self.password, self.host, self.tls_port)
    }

    /// The file with the certificate to trust, as PEM.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Host and port, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
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

/// Writes a certificate for the host and its key; where the certificate is.
fn certify(folder: &Path, host: Ipv4Addr) -> anyhow::Result<PathBuf> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([host.to_string(), "localhost".to_owned()])?.self_signed(&key)?;
    let path = folder.join("server.crt");
    std::fs::write(&path, certificate.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(path)
}

impl fmt::Display for Redis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url())
    }
}
