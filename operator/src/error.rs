//! Why a sale could not be brought on now.

use protocol::Generation;
use protocol::store::Unavailable;
use runtime::jetstream::OpenError;
use runtime::registry::{ReadError, WriteError};

use crate::metrics::Cause;

/// Why a reconcile ended early. All of them pass, or need somebody's hand; none of them loses anything.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The resource changed while it was worked on: read it again.
    #[error("the resource changed meanwhile")]
    Changed,
    /// Somebody with a newer resource was here: read it again.
    #[error("generation {0} is already in force: this operator read an older one")]
    Deposed(Generation),
    /// Too many others write the same buckets at this moment.
    #[error("the stock is too busy to be changed right now: {0}")]
    Busy(&'static str),
    /// NATS does not answer.
    #[error("NATS: {0}")]
    Nats(String),
    /// NATS will not do it, however often it is asked.
    #[error("NATS refuses: {0}")]
    NatsRefuses(String),
    /// Something stored cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The API server does not answer, or refuses.
    #[error("Kubernetes: {}", plain(.0))]
    Kubernetes(Box<kube::Error>),
    /// A look took longer than any should: something it asked does not answer.
    #[error("no answer within {0} s")]
    Overdue(u64),
    /// More rounds than any change takes.
    #[error("the sale does not settle: somebody else keeps changing it")]
    Restless,
}

impl Error {
    /// How it is counted.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Changed | Self::Deposed(_) => Cause::Changed,
            Self::Busy(_) | Self::Restless => Cause::Busy,
            Self::Nats(_) => Cause::Nats,
            Self::NatsRefuses(_) => Cause::NatsRefuses,
            Self::Unreadable(_) => Cause::Unreadable,
            Self::Kubernetes(_) => Cause::Kubernetes,
            Self::Overdue(_) => Cause::Overdue,
        }
    }

    /// Whether it is part of normal life: tried again at once and told to nobody.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Changed | Self::Deposed(_) | Self::Busy(_))
    }
}

/// What an error of the client comes to, in one line: what the server says, or why it could not be asked.
#[must_use]
pub fn plain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return format!("{} ({})", status.message, status.code);
    }
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        source = cause.source();
    }
    told
}

impl From<Unavailable> for Error {
    fn from(unavailable: Unavailable) -> Self {
        Self::Nats(unavailable.0)
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unavailable(unavailable) => unavailable.into(),
            OpenError::Missing(_) | OpenError::OtherLife { .. } => Self::Nats(error.to_string()),
            OpenError::NotAtomic(_) => Self::NatsRefuses(error.to_string()),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(unavailable) => unavailable.into(),
            ReadError::Unreadable(..) => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unavailable(unavailable) => unavailable.into(),
            WriteError::Conflict => Self::Changed,
        }
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(ref status) if matches!(status.code, 404 | 409) => Self::Changed,
            error => Self::Kubernetes(Box::new(error)),
        }
    }
}
