//! Migrations are compiled in; a new one must be noticed although no line of Rust changed.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
