use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn addresses(folder: &Path) -> Vec<String> {
    let mut addresses: Vec<String> = read(folder).unwrap().into_keys().collect();
    addresses.sort();
    addresses
}

#[test]
fn every_file_has_the_address_of_its_place_and_what_is_hidden_has_none() {
    let folder = folder(&[
        ("index.html", "<!doctype html>"),
        ("assets/index-1234.js", "1"),
        ("assets/fonts/a.woff2", "2"),
        (".vite/manifest.json", "{}"),
        (".env", "SECRET=1"),
        ("assets/.DS_Store", "?"),
    ]);
    assert_eq!(addresses(folder.path()), ["/assets/fonts/a.woff2", "/assets/index-1234.js", "/index.html"]);
    assert_eq!(read(folder.path()).unwrap()["/index.html"], "<!doctype html>");
}

#[test]
fn a_volume_of_kubernetes_is_read_through_its_links_and_each_file_once() {
    let folder = folder(&[("..2026_11_21/index.html", "x"), ("..2026_11_21/favicon.svg", "y")]);
    symlink("..2026_11_21", folder.path().join("..data")).unwrap();
    for name in ["index.html", "favicon.svg"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    assert_eq!(addresses(folder.path()), ["/favicon.svg", "/index.html"]);
}

#[test]
fn what_is_no_page_is_refused_in_one_sentence_that_names_the_place() {
    let loops = folder(&[("index.html", "x")]);
    symlink(".", loops.path().join("again")).unwrap();
    let dangling = folder(&[]);
    symlink("nowhere", dangling.path().join("index.html")).unwrap();
    let socket = folder(&[("index.html", "x")]);
    let _listener = UnixListener::bind(socket.path().join("socket")).unwrap();
    let many = folder(&[]);
    (0..=FILES_MAX).for_each(|number| std::fs::write(many.path().join(number.to_string()), "").unwrap());
    let large = folder(&[("index.html", "x")]);
    // Sparse: it takes no room on the disk.
    std::fs::File::create(large.path().join("film.mp4")).unwrap().set_len(u64::try_from(BYTES_MAX).unwrap()).unwrap();
    let api = folder(&[("index.html", "x"), ("v1/sales", "x")]);
    let docs = folder(&[("index.html", "x"), ("openapi.json", "x")]);
    let none = folder(&[]);
    for (folder, place, why) in [
        (loops.path().to_owned(), "again", "deeper than 8 folders"),
        (dangling.path().to_owned(), "index.html", "cannot be read"),
        (socket.path().to_owned(), "socket", "neither a file nor a folder"),
        (many.path().to_owned(), "", "more than 2000 files"),
        (large.path().to_owned(), "", "more than 67108864 bytes"),
        (api.path().to_owned(), "v1", "an address of the API"),
        (docs.path().to_owned(), "openapi.json", "an address of the API"),
        (none.path().join("missing"), "", "cannot be read"),
    ] {
        let told = read(&folder).unwrap_err().to_string();
        assert!(told.starts_with("--page-dir") && told.contains(why) && !told.contains('\n'), "{told}");
        assert!(told.contains(folder.join(place).to_str().unwrap().trim_end_matches('/')), "{told}");
    }
    let told = super::super::Page::read(none.path()).err().unwrap().to_string();
    assert!(told.contains("holds no index.html") && told.contains(none.path().to_str().unwrap()), "{told}");
}

#[test]
fn as_many_bytes_as_are_allowed_are_read() {
    let folder = folder(&[("index.html", "x")]);
    let rest = u64::try_from(BYTES_MAX - 1).unwrap();
    std::fs::File::create(folder.path().join("film.mp4")).unwrap().set_len(rest).unwrap();
    assert_eq!(read(folder.path()).unwrap().values().map(Bytes::len).sum::<usize>(), BYTES_MAX);
}
