//! Container images without a container builder: the same contents as those of the Dockerfiles, from binaries that are
//! linked statically and hence need nothing beside them.
//!
//! **What it is for.** A node without a registry takes images as archives (OCI image layout in a tar). What is in an image,
//! as whom it runs and how large it is can then be tested on a machine that has no Docker.
//!
//! **What must always hold**: the same name and files make the same bytes, so a digest says whether anything changed.
//!
//! **What it costs**: a second for the binaries of a debug build, most of it compression.
//!
//! **Deliberately absent**: layers (there is one), other platforms than this machine's, and everything of a base image but
//! the certificates of public authorities; and the licences of what others wrote, which take longer to collect than the rest.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::service::binary;

/// Nobody: not root, and no user of any base image.
pub const USER: u32 = 65_532;
/// The authorities that machines trust, where Debian and its kin keep them and where our libraries look for them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Under which our programs may be passed on.
const LICENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../LICENSE");
/// What Linux calls this machine's processor, as registries do.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// What goes into an image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Under which pods ask for it, with a tag.
    name: String,
    entrypoint: Vec<String>,
    files: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// Without the first slash.
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

/// An image as one file, ready to be imported.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Under which pods ask for it.
    pub name: String,
    /// The tar.
    pub bytes: Vec<u8>,
    /// Of its manifest, `sha256:…`: what the image is.
    pub digest: String,
    /// Bytes that a registry would hold and a node would fetch.
    pub packed: usize,
    /// Bytes of its files.
    pub unpacked: usize,
}

impl Image {
    /// An empty image that runs the file at `entrypoint`.
    #[must_use]
    pub fn new(name: &str, entrypoint: &str) -> Self {
        Self { name: name.to_owned(), entrypoint: vec![entrypoint.to_owned()], files: Vec::new() }
    }

    /// An image of one of our binaries: `/<binary>` without what only a debugger reads, the certificates of public
    /// authorities, and the licence.
    ///
    /// # Errors
    /// When it is not built, or not linked statically.
    pub fn of_binary(name: &str, binary_name: &str) -> anyhow::Result<Self> {
        let entrypoint = format!("/{binary_name}");
        let program = stripped(&binary(binary_name)?)?;
        let mut image = Self::new(name, &entrypoint).file(&entrypoint, 0o755, program);
        // A machine without them makes images that trust no public authority, as it trusts none itself.
        if let Ok(authorities) = std::fs::read(AUTHORITIES) {
            image = image.file(AUTHORITIES, 0o644, authorities);
        }
        if let Ok(licence) = std::fs::read(LICENCE) {
            image = image.file("/LICENSE", 0o644, licence);
        }
        Ok(image)
    }

    /// Puts a file at an absolute path.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, bytes: Vec<u8>) -> Self {
        self.files.push(Entry { path: path.trim_start_matches('/').to_owned(), mode, bytes });
        self
    }

    /// Puts every file below a folder of this machine at an absolute path.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn folder(mut self, path: &str, folder: &Path) -> anyhow::Result<Self> {
        for entry in std::fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
            let found = entry?.path();
            let name = found.file_name().and_then(|name| name.to_str()).context("a file's name is no text")?;
            let inside = format!("{path}/{name}");
            self = if found.is_dir() {
                self.folder(&inside, &found)?
            } else {
                self.file(&inside, 0o644, std::fs::read(&found)?)
            };
        }
        Ok(self)
    }

    /// Packs it.
    ///
    /// # Errors
    /// When a path is too long for an archive.
    pub fn archive(&self) -> anyhow::Result<Archive> {
        let contents = self.contents()?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&contents)?;
        let layer = packer.finish()?;
        let (title, version) = self.name.rsplit_once(':').unwrap_or((&self.name, "latest"));
        // Another version is another image, whatever it is made of.
        let labels = json!({
            "org.opencontainers.image.title": title.rsplit('/').next(),
            "org.opencontainers.image.version": version,
        });
        let configuration = serde_json::to_vec(&json!({
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": { "User": format!("{USER}:{USER}"), "Entrypoint": self.entrypoint, "WorkingDir": "/", "Labels": labels },
            "rootfs": { "type": "layers", "diff_ids": [digest(&contents)] },
        }))?;
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described("application/vnd.oci.image.config.v1+json", &configuration),
            "layers": [described("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
        }))?;
        let manifest_digest = digest(&manifest);
        let index = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": manifest_digest,
                "size": manifest.len(),
                "annotations": { "io.containerd.image.name": self.name },
                "platform": { "architecture": ARCHITECTURE, "os": "linux" },
            }],
        }))?;

        let mut archive = Archiver::new();
        archive.file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        archive.file("index.json", 0o644, &index)?;
        let packed = manifest.len() + configuration.len() + layer.len();
        for blob in [manifest, configuration, layer] {
            archive.file(&format!("blobs/sha256/{}", hexadecimal(&blob)), 0o644, &blob)?;
        }
        let unpacked = self.files.iter().map(|file| file.bytes.len()).sum();
        Ok(Archive { name: self.name.clone(), bytes: archive.finish()?, digest: manifest_digest, packed, unpacked })
    }

    /// The file system, sorted by path, each folder before what is in it.
    fn contents(&self) -> anyhow::Result<Vec<u8>> {
        let mut files: Vec<&Entry> = self.files.iter().collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        ensure!(
            files.windows(2).all(|pair| matches!(pair, [one, other] if one.path != other.path)),
            "the image {} has two files of one path",
            self.name
        );
        let mut archive = Archiver::new();
        let mut folders = BTreeSet::new();
        for file in files {
            for (end, _) in file.path.match_indices('/') {
                let folder = file.path.get(..=end).unwrap_or_default();
                if folders.insert(folder) {
                    archive.folder(folder)?;
                }
            }
            archive.file(&file.path, file.mode, &file.bytes)?;
        }
        archive.finish()
    }
}

/// A tar whose bytes depend on nothing but what is put in: everything belongs to root, and is as old as time.
struct Archiver(tar::Builder<Vec<u8>>);

impl Archiver {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn folder(&mut self, path: &str) -> anyhow::Result<()> {
        self.put(path, 0o755, tar::EntryType::Directory, &[])
    }

    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        self.put(path, mode, tar::EntryType::Regular, bytes)
    }

    fn put(&mut self, path: &str, mode: u32, kind: tar::EntryType, bytes: &[u8]) -> anyhow::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(u64::try_from(bytes.len())?);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        self.0.append_data(&mut header, path, bytes).with_context(|| format!("{path} cannot be packed"))
    }

    fn finish(self) -> anyhow::Result<Vec<u8>> {
        Ok(self.0.into_inner()?)
    }
}

fn described(kind: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(blob), "size": blob.len() })
}

fn digest(blob: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(blob))
}

fn hexadecimal(blob: &[u8]) -> String {
    Sha256::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A binary without names and lines for a debugger, which are nine tenths of a debug build.
fn stripped(program: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(program).with_context(|| format!("no program {}", program.display()))?;
    ensure!(
        is_static(&bytes),
        "{} wants libraries, which no image has: build it with -C target-feature=+crt-static",
        program.display()
    );
    let folder = std::env::temp_dir().join(format!("sluice-strip-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder)?;
    let output = folder.join("program");
    let told = Command::new("strip").args(["--strip-all", "-o"]).arg(&output).arg(program).output();
    let read = told.context("no program strip: apt-get install binutils").and_then(|told| {
        ensure!(told.status.success(), "strip: {}", String::from_utf8_lossy(&told.stderr).trim());
        Ok(std::fs::read(&output)?)
    });
    std::fs::remove_dir_all(&folder)?;
    read
}

/// Whether an ELF file asks for no interpreter, which is who would load libraries: it has no segment of that kind.
fn is_static(program: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let little_endian = program.get(at..at + bytes)?.iter().rev();
        Some(little_endian.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    // The 64-bit header: where the table of segments is, how long a line of it is, and how many there are.
    let table = || Some((number(32, 8)?, number(54, 2)?, number(56, 2)?));
    let Some((start, line, count)) = table().filter(|_| program.starts_with(b"\x7fELF\x02\x01")) else { return false };
    (0..count).all(|index| number(start + index * line, 4).is_some_and(|kind| kind != INTERPRETER as usize))
}

#[cfg(test)]
mod tests;
