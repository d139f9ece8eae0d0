//! The folder that the page's build wrote, as it is read once.
//!
//! **What must always hold.** A folder that is not the whole page, or more than a page, ends the start with one sentence: an
//! edge that serves half of a page would look well to everybody but shoppers. Links are followed, as a volume of Kubernetes
//! is made of them; what is hidden (a dot before its name) is not part of the page, and that is where such a volume keeps
//! what its links lead to.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::is_api;

/// Most files and folders of a page, encodings included.
pub const FILES_MAX: usize = 2_000;
/// Most bytes of all of them together.
pub const BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// How deep folders may lie in one another: a link can lead back to where it is.
const DEPTH_MAX: usize = 8;

/// The folder is not what the page's build writes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no page in it.
    #[error("--page-dir {0} holds no index.html: name the folder that the build of the page wrote")]
    NoIndex(PathBuf),
    /// Something in it, or it, cannot be read.
    #[error("--page-dir: {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// Too many files and folders.
    #[error("--page-dir {0} holds more than {FILES_MAX} files: is it the folder of the page?")]
    TooMany(PathBuf),
    /// Too many bytes.
    #[error("--page-dir {0} holds more than {BYTES_MAX} bytes: is it the folder of the page?")]
    TooLarge(PathBuf),
    /// Folders in folders.
    #[error("--page-dir: {0} lies deeper than {DEPTH_MAX} folders: does a link lead back to where it is?")]
    TooDeep(PathBuf),
    /// A socket, a pipe, a device.
    #[error("--page-dir: {0} is neither a file nor a folder")]
    NoFile(PathBuf),
    /// Its name is not UTF-8.
    #[error("--page-dir: the name of {0} is no text, so it has no address")]
    NoName(PathBuf),
    /// Nobody could ask for it.
    #[error("--page-dir: {0} would lie at an address of the API")]
    Reserved(PathBuf),
}

/// Everything in the folder, by address.
pub(super) fn read(folder: &Path) -> Result<HashMap<String, Bytes>, Error> {
    let mut found = HashMap::new();
    let (mut seen, mut left) = (0, BYTES_MAX);
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((inner, prefix, depth)) = folders.pop() {
        if depth > DEPTH_MAX {
            return Err(Error::TooDeep(inner));
        }
        for entry in std::fs::read_dir(&inner).map_err(|error| Error::Unreadable(inner.clone(), error))? {
            let path = entry.map_err(|error| Error::Unreadable(inner.clone(), error))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| Error::NoName(path.clone()))?;
            if name.starts_with('.') {
                continue;
            }
            let address = format!("{prefix}/{name}");
            if is_api(&address) {
                return Err(Error::Reserved(path));
            }
            seen += 1;
            if seen > FILES_MAX {
                return Err(Error::TooMany(folder.to_owned()));
            }
            // Not the entry's own: that would be the link's.
            let kind = std::fs::metadata(&path).map_err(|error| Error::Unreadable(path.clone(), error))?;
            if kind.is_dir() {
                folders.push((path, address, depth + 1));
                continue;
            }
            if !kind.is_file() {
                return Err(Error::NoFile(path));
            }
            let bytes = read_file(&path, left).map_err(|error| Error::Unreadable(path, error))?;
            left = left.checked_sub(bytes.len()).ok_or_else(|| Error::TooLarge(folder.to_owned()))?;
            found.insert(address, bytes);
        }
    }
    Ok(found)
}

/// A file, or one byte more of it than is left.
fn read_file(path: &Path, left: usize) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    let most = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
