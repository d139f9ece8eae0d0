//! Ports that stay yours between asking for one and binding it.
//!
//! Asking the system for port 0 and closing it again hands the same port to whoever asks next. So a process reserves
//! blocks of ports instead, by listening on the first of each block for as long as it lives; it hands out the others
//! once each. Blocks lie below the range from which outgoing connections take theirs (32768 on Linux), and the
//! reservation ends with the process by itself, however it ends.
//!
//! A stranger who binds a port without asking can still win; servers are therefore started again on another port when
//! theirs turns out to be taken.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

const FIRST: u16 = 15_000;
const BLOCK: u16 = 50;
/// Blocks end at 30,000, where the node ports of Kubernetes begin.
const BLOCKS: u16 = 300;

static POOL: Mutex<Pool> = Mutex::new(Pool { reserved: Vec::new(), next: 0, end: 0 });

struct Pool {
    /// One listener per block; never accepted from, only held.
    reserved: Vec<TcpListener>,
    next: u16,
    end: u16,
}

/// A port of loopback that nobody listens on and that this process hands out only once.
///
/// # Errors
/// When every block is taken and the system has no port either.
pub fn free_port() -> io::Result<u16> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while pool.next < pool.end {
            let port = pool.next;
            pool.next += 1;
            // On all addresses: that fails if anybody listens on any of them.
            if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
                return Ok(port);
            }
        }
        let Some((guard, first)) = reserve() else {
            return Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
        };
        pool.reserved.push(guard);
        (pool.next, pool.end) = (first + 1, first + BLOCK);
    }
}

/// Takes a block nobody holds. Processes begin to look at different places, so that they rarely try the same one.
fn reserve() -> Option<(TcpListener, u16)> {
    let start = u16::try_from(std::process::id().wrapping_mul(7919) % u32::from(BLOCKS)).unwrap_or(0);
    (0..BLOCKS).find_map(|step| {
        let first = FIRST + (start + step) % BLOCKS * BLOCK;
        TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok().map(|guard| (guard, first))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, TcpListener};

    use super::{BLOCK, free_port};

    #[test]
    fn no_port_is_handed_out_twice_even_past_the_end_of_a_block() {
        let ports: HashSet<u16> = (0..BLOCK * 2).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), usize::from(BLOCK * 2));
        for port in ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
