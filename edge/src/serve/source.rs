//! Where a request comes from, as far as that can be believed.
//!
//! **What must always hold.** `X-Forwarded-For` is looked at only when the peer is a trusted proxy, and from the right: the
//! first hop that is no trusted proxy is the source. What stands left of it was written by whoever wants to be somebody
//! else.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue};

use super::network::Network;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Most hops that are looked at; nobody has that many proxies of their own.
const HOPS_MAX: usize = 16;

/// Whose connection it is; in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Where a request comes from; in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// The source of a request that came over this connection.
#[must_use]
pub fn source(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Source {
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    let lines: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    // By bytes: what somebody wrote to the left must not make unreadable what a proxy of ours wrote to the right.
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).take(HOPS_MAX);
    while trusted(nearest) {
        // What cannot be read was not written by a proxy of ours: the last one that we know has to do.
        let Some(hop) = hops.next().and_then(parse) else { break };
        nearest = hop;
    }
    Source(nearest)
}

/// An address, with or without a port.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;
