//! People whom another issuer has identified (OpenID Connect).
//!
//! **What it is for.** A shop that has customers already lets them in by its own issuer. What the issuer says is looked at
//! once, exchanged for a session of ours, and never needed again.
//!
//! **What must always hold.** The algorithms are ours to choose, not the token's; keys come from the configured issuer and
//! from nowhere that a token names; issuer, audience, expiry and nonce are checked. A token that names an unknown key makes
//! us ask the issuer at most once in [`REFRESH_AFTER`]. An issuer that is away costs signing in by it, and nothing else.
//!
//! **What it costs.** One verification per sign-in; two requests to the issuer every [`FRESH_FOR`], when somebody signs in.
//!
//! **What is deliberately absent.** Access tokens, refresh tokens, the user-info endpoint, sign-out at the issuer: we want to
//! know who somebody is, once.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`token`] | which ID tokens are accepted; pure |
//! | [`keys`] | which of an issuer's keys are used; pure |
//! | [`provider`] | the requests to the issuer |

pub mod keys;
pub mod provider;
pub mod token;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use data_encoding::BASE64URL_NOPAD;
use runtime::clock::{Clock, Instant};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use keys::KeySet;
pub use provider::Settings;
use provider::{Endpoints, Provider};
use token::{Expected, Identity, Refused};

/// An issuer's keys may change under a token that names another one: then it is asked again, but not more often than this.
pub const REFRESH_AFTER: Duration = Duration::from_secs(10);
/// How soon an issuer that did not answer is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Longest that coming back from the issuer may take: less than a request, so that whoever comes back is told.
const FINISH_WITHIN: Duration = Duration::from_secs(6);
/// Most codes that are exchanged at a time.
const EXCHANGES_MAX: usize = 64;
/// How long an issuer's keys are used without looking again.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// Why nobody is signed in.
#[derive(Debug)]
pub enum Error {
    /// The token, or the code, is not one that we accept.
    Refused(Refused),
    /// The issuer does not answer.
    Away,
}

/// What a browser is sent away with, and must come back with; kept in a signed cookie meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// Comes back in the address.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Shows the issuer that whoever has the code is who began (PKCE).
    pub verifier: String,
    /// Where the browser goes then: a path of ours.
    pub back: String,
}

/// The way to an issuer, and what it told.
pub struct Oidc {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    /// Codes that are being exchanged: each is a request to the issuer in the shop's name, and anybody can begin one.
    exchanges: Semaphore,
}

struct Shared {
    provider: Provider,
    clock: Clock,
    known: ArcSwapOption<Known>,
    /// How it went the last time that it was asked; held while it is asked.
    asked: Mutex<Option<Asked>>,
}

struct Known {
    endpoints: Endpoints,
    keys: KeySet,
    since: Instant,
}

struct Asked {
    at: Instant,
    answered: bool,
}

impl Oidc {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// In one sentence, which setting is wrong.
    pub fn new(settings: Settings, clock: Clock, tasks: TaskTracker) -> anyhow::Result<Self> {
        let provider = Provider::new(settings)?;
        let shared = Shared { provider, clock, known: ArcSwapOption::empty(), asked: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), tasks, exchanges: Semaphore::new(EXCHANGES_MAX) })
    }

    /// Who is meant by an ID token that somebody got from the issuer.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub async fn identify(&self, token: &str, nonce: Option<&str>) -> Result<Identity, Error> {
        let parsed = token::parse(token).map_err(Error::Refused)?;
        let mut known = self.known().await?;
        if known.keys.find(&parsed.header).is_none() {
            known = self.refreshed(Some(known)).await?;
        }
        let key = known.keys.find(&parsed.header).ok_or(Error::Refused(Refused::UnknownKey))?;
        let settings = self.shared.provider.settings();
        let expected = Expected { issuer: &settings.issuer, audience: &settings.client_id, nonce };
        parsed.verify(key, &expected, self.shared.clock.now()).map_err(Error::Refused)
    }

    /// Where to send a browser, and what it has to come back with.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub async fn begin(&self, back: &str) -> Result<(String, Journey), Error> {
        let known = self.known().await?;
        let random = || BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>());
        let journey = Journey { state: random(), nonce: random(), verifier: random(), back: back.to_owned() };
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(journey.verifier.as_bytes()));
        let mut url = known.endpoints.authorization.clone();
        let settings = self.shared.provider.settings();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", settings.redirect_url.as_str())
            .append_pair("scope", "openid email profile")
            .append_pair("state", &journey.state)
            .append_pair("nonce", &journey.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((url.into(), journey))
    }

    /// Who came back with this code.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub async fn finish(&self, code: &str, journey: &Journey) -> Result<Identity, Error> {
        let Ok(_place) = self.exchanges.try_acquire() else { return Err(Error::Away) };
        let finishing = async {
            let known = self.known().await?;
            let token = self.shared.provider.exchange(&known.endpoints, code, &journey.verifier).await?;
            self.identify(&token, Some(&journey.nonce)).await
        };
        tokio::time::timeout(FINISH_WITHIN, finishing).await.unwrap_or(Err(Error::Away))
    }

    /// Whether an answer that names its issuer names ours (RFC 9207).
    #[must_use]
    pub fn is_issuer(&self, issuer: &str) -> bool {
        issuer == self.shared.provider.settings().issuer
    }

    /// What the issuer told; while that is old, it is asked again and the old answer used, so that an issuer which hangs
    /// holds nobody up.
    async fn known(&self) -> Result<Arc<Known>, Error> {
        let Some(known) = self.shared.known.load_full() else { return self.refreshed(None).await };
        if self.shared.clock.monotonic().duration_since(known.since) >= FRESH_FOR
            && self.shared.asked.try_lock().is_ok()
        {
            let (shared, seen) = (Arc::clone(&self.shared), Arc::clone(&known));
            self.tasks.spawn(async move { drop(shared.refreshed(Some(seen)).await) });
        }
        Ok(known)
    }

    /// What the issuer tells now. It is asked by a task of its own: a shopper who hangs up must not make us forget that we
    /// asked, or each of them would ask anew.
    async fn refreshed(&self, seen: Option<Arc<Known>>) -> Result<Arc<Known>, Error> {
        let shared = Arc::clone(&self.shared);
        let asking = self.tasks.spawn(async move { shared.refreshed(seen).await });
        asking.await.unwrap_or(Err(Error::Away))
    }
}

impl Shared {
    /// What the issuer tells now, unless somebody asked a moment ago. `seen` is what did not suffice.
    async fn refreshed(&self, seen: Option<Arc<Known>>) -> Result<Arc<Known>, Error> {
        // Whoever waits here for somebody else's question takes its answer.
        let mut asked = self.asked.lock().await;
        let now = self.clock.monotonic();
        let present = self.known.load_full();
        let is_news = match (&present, &seen) {
            (Some(present), Some(seen)) => !Arc::ptr_eq(present, seen),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if let (true, Some(present)) = (is_news, &present) {
            return Ok(Arc::clone(present));
        }
        if let Some(last) = asked.as_ref() {
            let pause = if last.answered { REFRESH_AFTER } else { RETRY_AFTER };
            if now.duration_since(last.at) < pause {
                // An issuer that answered knows no more than it told; of one that did not we cannot say so.
                return present.filter(|_| last.answered).ok_or(Error::Away);
            }
        }
        let told = self.provider.tell().await;
        // From when it ended: an issuer that hangs is left alone as long as one that refuses.
        let now = self.clock.monotonic();
        *asked = Some(Asked { at: now, answered: told.is_ok() });
        let (endpoints, keys) = told?;
        let known = Arc::new(Known { endpoints, keys, since: now });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }
}
