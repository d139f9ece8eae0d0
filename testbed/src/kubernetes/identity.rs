//! Who is who in the cluster of a bed: its certificate authority, the server's certificate, the key that signs tokens of
//! service accounts, and a token for the administrator and for each part of the cluster. Made anew for each bed, gone with
//! it.

use std::fs::{OpenOptions, create_dir_all};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[derive(Clone)]
pub(crate) struct Identity {
    authority: String,
    issuer: Arc<Issuer<'static, KeyPair>>,
    /// One for each of [`Part::ALL`].
    tokens: Vec<(Part, String)>,
}

/// Somebody the API server knows by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Administrator,
    Scheduler,
    Kubelet,
    Proxy,
}

impl Part {
    const ALL: [Self; 4] = [Self::Administrator, Self::Scheduler, Self::Kubelet, Self::Proxy];

    /// Name and groups; Kubernetes binds the roles of its parts to these.
    pub(super) fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Administrator => ("admin", "system:masters"),
            Self::Scheduler => ("system:kube-scheduler", ""),
            Self::Kubelet => ("system:node:node0", "system:nodes"),
            Self::Proxy => ("system:kube-proxy", ""),
        }
    }
}

/// What a certificate says of its holder.
pub(crate) struct Holder<'holder> {
    pub(crate) name: &'holder str,
    /// Its group, for a client.
    pub(crate) group: Option<&'holder str>,
    /// Names and addresses by which it is reached, for a server.
    pub(crate) reached: Vec<String>,
}

impl Identity {
    /// The authority's certificate.
    pub(crate) const AUTHORITY: &str = "ca.crt";
    /// The server's certificate, for this machine.
    pub(crate) const SERVER_CERTIFICATE: &str = "server.crt";
    /// Its key.
    pub(crate) const SERVER_KEY: &str = "server.key";
    /// What signs the tokens of service accounts.
    pub(crate) const ACCOUNTS_KEY: &str = "accounts.key";
    /// What checks them.
    pub(crate) const ACCOUNTS_PUBLIC_KEY: &str = "accounts.pub";
    /// Everybody's tokens.
    pub(crate) const TOKENS: &str = "tokens.csv";

    /// Makes everything and writes it into `folder`, under the names above. The server is reached by loopback and `hosts`.
    pub(crate) fn generate(folder: &Path, hosts: &[Ipv4Addr]) -> anyhow::Result<Self> {
        create_dir_all(folder)?;
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "test bed");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_certificate = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let accounts_key = KeyPair::generate()?;
        let tokens = Part::ALL.map(|part| (part, uuid::Uuid::new_v4().simple().to_string())).to_vec();
        let known: String = tokens
            .iter()
            .map(|(part, token)| {
                let (name, groups) = part.name();
                format!("{token},{name},{name},\"{groups}\"\n")
            })
            .collect();
        for (name, content) in [
            (Self::AUTHORITY, authority_certificate.as_str()),
            (Self::ACCOUNTS_KEY, &accounts_key.serialize_pem()),
            (Self::ACCOUNTS_PUBLIC_KEY, &accounts_key.public_key_pem()),
            (Self::TOKENS, &known),
        ] {
            write_private(&folder.join(name), content)?;
        }
        let identity = Self { authority: authority_certificate, issuer: Arc::new(issuer), tokens };
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
        let reached = names.into_iter().chain(hosts.iter().map(ToString::to_string)).collect();
        let server = Holder { name: "kube-apiserver", group: None, reached };
        identity.certify(server, &folder.join(Self::SERVER_CERTIFICATE), &folder.join(Self::SERVER_KEY))?;
        Ok(identity)
    }

    /// Writes a certificate, and its key, for somebody who may be a server and a client.
    pub(crate) fn certify(&self, holder: Holder<'_>, certificate: &Path, key: &Path) -> anyhow::Result<()> {
        let key_pair = KeyPair::generate()?;
        let mut wanted = CertificateParams::new(holder.reached)?;
        wanted.distinguished_name.push(DnType::CommonName, holder.name);
        if let Some(group) = holder.group {
            wanted.distinguished_name.push(DnType::OrganizationName, group);
        }
        wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        write_private(certificate, &wanted.signed_by(&key_pair, &*self.issuer)?.pem())?;
        write_private(key, &key_pair.serialize_pem())
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn admin_token(&self) -> &str {
        self.token(Part::Administrator)
    }

    pub(crate) fn token(&self, part: Part) -> &str {
        self.tokens.iter().find(|(known, _)| *known == part).map_or("", |(_, token)| token.as_str())
    }

    /// Ends TLS as the API server does, with its own certificate.
    pub(crate) fn acceptor(folder: &Path) -> anyhow::Result<TlsAcceptor> {
        let certificate = CertificateDer::from_pem_slice(&std::fs::read(folder.join("server.crt"))?)?;
        let key = PrivateKeyDer::from_pem_slice(&std::fs::read(folder.join("server.key"))?)?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Writes a kubeconfig for whoever holds `token`. JSON is YAML too.
    pub(crate) fn write_kubeconfig(&self, path: &Path, url: &str, token: &str) -> anyhow::Result<()> {
        let authority = path.with_file_name(Self::AUTHORITY);
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "bed", "cluster": { "server": url, "certificate-authority": authority } }],
            "users": [{ "name": "bed", "user": { "token": token } }],
            "contexts": [{ "name": "bed", "context": { "cluster": "bed", "user": "bed" } }],
            "current-context": "bed",
        });
        write_private(path, &format!("{config:#}\n"))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, content: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(file.write_all(content.as_bytes())?)
}
