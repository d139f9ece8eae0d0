//! Addresses on the loopback of the machine for what is inside.
//!
//! A socket belongs to the network in which it was made. So a thread that stayed outside makes the listening ones, and
//! everything else happens inside.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use anyhow::Context as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A wish for a listening socket on a free port of loopback.
pub(super) type Wish = mpsc::Sender<std::io::Result<TcpListener>>;

/// Grants wishes until nobody is left to have one. For a thread that is outside.
pub(super) fn grant(wishes: &mpsc::Receiver<Wish>) {
    for wish in wishes {
        // Whoever asked may be gone.
        drop(wish.send(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))));
    }
}

/// The way out, for who is inside.
#[derive(Debug, Clone)]
pub(super) struct Outside {
    wishes: mpsc::Sender<Wish>,
    /// Every address that is forwarded; the last clone ends them.
    forwards: Arc<Mutex<JoinSet<()>>>,
}

impl Outside {
    pub(super) fn new(wishes: mpsc::Sender<Wish>) -> Self {
        Self { wishes, forwards: Arc::default() }
    }

    /// Forwards a new address outside to `target` inside, until this is dropped.
    pub(super) fn forward(&self, target: SocketAddr) -> anyhow::Result<SocketAddr> {
        let (wish, granted) = mpsc::channel();
        self.wishes.send(wish).context("nobody is outside any more")?;
        let listener = granted.recv().context("nobody is outside any more")?.context("no free port outside")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        self.forwards.lock().unwrap_or_else(PoisonError::into_inner).spawn(accept(listener, target));
        Ok(address)
    }
}

async fn accept(listener: tokio::net::TcpListener, target: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of files, for a moment: whoever waits asks again.
                let Ok((outer, _)) = accepted else { continue };
                connections.spawn(carry(outer, target));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries bytes both ways. Either end may vanish at any time, which the other one sees.
async fn carry(mut outer: TcpStream, target: SocketAddr) {
    if let Ok(mut inner) = TcpStream::connect(target).await {
        drop(tokio::io::copy_bidirectional(&mut outer, &mut inner).await);
    }
}
