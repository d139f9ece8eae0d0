use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{Image, digest, is_static};

/// Path, mode, owner and contents of everything in a tar.
fn unpacked(tar: &[u8]) -> Vec<(String, u32, u64, Vec<u8>)> {
    let mut archive = tar::Archive::new(tar);
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let (mode, owner) = (entry.header().mode().unwrap(), entry.header().uid().unwrap());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (path, mode, owner, bytes)
    });
    files.collect()
}

fn sample() -> Image {
    Image::new("localhost/sample:1", "/sample")
        .file("/page/assets/a.js", 0o644, b"a".to_vec())
        .file("/sample", 0o755, b"program".to_vec())
        .file("/page/index.html", 0o644, b"page".to_vec())
}

#[test]
fn an_image_says_who_runs_what_and_every_digest_is_that_of_its_bytes() {
    let archive = sample().archive().unwrap();
    let blobs: BTreeMap<_, _> = unpacked(&archive.bytes).into_iter().map(|(path, _, _, bytes)| (path, bytes)).collect();
    let read = |path: &str| -> Value { serde_json::from_slice(&blobs[path]).unwrap() };
    let blob = |digest: &Value| format!("blobs/{}", digest.as_str().unwrap().replace(':', "/"));
    assert_eq!(read("oci-layout")["imageLayoutVersion"], "1.0.0");
    for (path, bytes) in blobs.iter().filter(|(path, _)| path.starts_with("blobs/")) {
        assert_eq!(path, &blob(&digest(bytes).into()));
    }

    let entry = &read("index.json")["manifests"][0];
    assert_eq!(entry["annotations"]["io.containerd.image.name"], "localhost/sample:1");
    assert_eq!(entry["digest"], archive.digest.as_str());
    let manifest = read(&blob(&entry["digest"]));
    let configuration = read(&blob(&manifest["config"]["digest"]));
    assert_eq!(configuration["config"]["User"], "65532:65532");
    assert_eq!(configuration["config"]["Entrypoint"][0], "/sample");
    let labels = &configuration["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.title"], "sample");
    assert_eq!(labels["org.opencontainers.image.version"], "1");

    let layer = &blobs[&blob(&manifest["layers"][0]["digest"])];
    assert_eq!(manifest["layers"][0]["size"], layer.len());
    let mut contents = Vec::new();
    GzDecoder::new(layer.as_slice()).read_to_end(&mut contents).unwrap();
    assert_eq!(configuration["rootfs"]["diff_ids"][0], digest(&contents));
    assert_eq!(archive.unpacked, "a".len() + "program".len() + "page".len());
}

#[test]
fn folders_come_before_what_is_in_them_and_everything_belongs_to_root() {
    let contents = unpacked(&sample().contents().unwrap());
    let seen: Vec<_> = contents.iter().map(|(path, mode, owner, _)| (path.as_str(), *mode, *owner)).collect();
    let expected = [
        ("page/", 0o755, 0),
        ("page/assets/", 0o755, 0),
        ("page/assets/a.js", 0o644, 0),
        ("page/index.html", 0o644, 0),
        ("sample", 0o755, 0),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_order_in_which_files_are_put_changes_nothing_and_a_byte_of_one_changes_the_digest() {
    let turned = Image::new("localhost/sample:1", "/sample")
        .file("/sample", 0o755, b"program".to_vec())
        .file("/page/index.html", 0o644, b"page".to_vec())
        .file("/page/assets/a.js", 0o644, b"a".to_vec());
    assert_eq!(sample().archive().unwrap().bytes, turned.archive().unwrap().bytes);
    let other = sample().file("/more", 0o644, Vec::new()).archive().unwrap();
    assert_ne!(sample().archive().unwrap().digest, other.digest);
    let next = Image { name: "localhost/sample:2".to_owned(), ..sample() };
    assert_ne!(sample().archive().unwrap().digest, next.archive().unwrap().digest);
}

#[test]
fn two_files_of_one_path_are_refused() {
    let twice = sample().file("/sample", 0o755, Vec::new()).archive().unwrap_err().to_string();
    assert_eq!(twice, "the image localhost/sample:1 has two files of one path");
}

#[test]
fn a_program_with_an_interpreter_is_not_static() {
    // A header of 64 bytes, then a table with one line of 56 bytes that begins with the kind of the segment.
    let program = |kind: u8| {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (bytes[32], bytes[54], bytes[56], bytes[64]) = (64, 56, 1, kind);
        bytes
    };
    assert!(is_static(&program(1)));
    assert!(!is_static(&program(3)));
    assert!(!is_static(b"#!/bin/sh"));
}
