//! `guest`: what tests of a node run in their pods. `guest serve PORT` tells whoever asks how it runs, `guest ask NAME:PORT`
//! asks such a one and prints the answer, and `guest grow` takes memory until somebody ends it.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// A step of growing.
const STEP_MIB: usize = 4;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (command, target) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    match (command.as_str(), target.parse()) {
        ("serve", Ok(port)) => serve(port),
        ("ask", _) => ask(&target),
        ("grow", _) => grow(),
        _ => Err(std::io::Error::other("usage: guest serve PORT | guest ask NAME:PORT | guest grow")),
    }
}

fn serve(port: u16) -> std::io::Result<()> {
    for connection in TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?.incoming() {
        // Who hangs up in the middle is not our concern.
        drop(answer(&connection?));
    }
    Ok(())
}

fn answer(mut connection: &TcpStream) -> std::io::Result<()> {
    let request =
        BufReader::new(connection).lines().take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
    request.for_each(drop);
    let user = rustix::process::geteuid().as_raw();
    let written = OpenOptions::new().create(true).append(true).open("/written");
    let system = if written.is_ok() { "writable" } else { "read-only" };
    let body = format!("user {user}, {system}\n");
    write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn ask(target: &str) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(target)?;
    write!(connection, "GET / HTTP/1.1\r\nHost: {target}\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    write!(std::io::stdout(), "{body}")
}

fn grow() -> std::io::Result<()> {
    let mut held = Vec::new();
    loop {
        // Not zero, or the system would not have to find memory for it.
        held.push(vec![1_u8; STEP_MIB << 20]);
        writeln!(std::io::stdout(), "{} MiB", held.len() * STEP_MIB)?;
    }
}
