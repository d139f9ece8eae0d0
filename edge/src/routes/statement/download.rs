//! The lists of a statement, to keep.
//!
//! **What must always hold.** What arrives is exactly what the ledger's own command prints: the ledger writes every line,
//! and here they are put one behind the other. A list that cannot be finished is never one that looks finished: its body
//! ends with an error, which HTTP shows as a connection that closes within a chunk, or a stream that is reset.
//!
//! **What it costs.** A page of the list in memory per download, of which there are [`DOWNLOADS_MAX`] at a time, and a
//! question to the ledger per page. The next page is asked for when the one before has been taken, so whoever reads
//! slowly holds a seat and no more, until the [end](WITHIN).
//!
//! **What is deliberately absent.** A part of a list, or one that is taken up again where it broke off: rows change
//! meanwhile, and the two halves would be of different times.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Uri, Version};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use protocol::SaleId;
use protocol::ask::No;
use protocol::ask::statement::{Sheet, SheetOf, SheetPage};
use runtime::backoff::Backoff;
use runtime::clock::Instant;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::IntoParams;

use super::{id, unanswered};
use crate::app::Edge;
use crate::auth::Merchant;
use crate::ledger::Unanswered;
use crate::openapi::parameters::OfSale;
use crate::problem::{self, How, Problem};
use crate::routes::query;

/// Most downloads of an edge at a time: merchants are few, and each has a page in memory.
const DOWNLOADS_MAX: usize = 8;
/// Longest that a download may take: ten million orders on a fast line.
const WITHIN: Duration = Duration::from_secs(1_800);
/// So often a page is asked for; what only reads can be asked for again.
const TRIES: u32 = 6;
/// Between those; together they outlast a ledger that is replaced.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(8));

/// Who may download at the same time.
#[derive(Debug, Clone)]
pub struct Downloads(Arc<Semaphore>);

impl Default for Downloads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DOWNLOADS_MAX)))
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Which list.
    #[param(value_type = SheetOf, required = true)]
    #[serde(default)]
    of: String,
}

/// Downloads a list of a sale: its totals, all its orders or all its payments, as comma-separated values.
///
/// Exactly what the ledger prints: SHA-256 of the orders is `ordersSha256` of the statement while nothing changes. A cell that a
/// spreadsheet would take for a formula begins with an apostrophe. A download that breaks off ends with an error of the
/// connection, never like one that is complete.
///
/// # Errors
/// When there is no such sale, or the ledger is away or has too much to do.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/statement/download",
    operation_id = "downloadStatement",
    tag = "Merchants",
    params(OfSale, Which),
    responses((
        status = OK, content_type = "text/csv", body = String, description = "The list, with a header line",
        headers(("Content-Disposition" = String, description = "That it is a file, and what it is called")),
    )),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn download(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    _: Merchant,
    version: Version,
    uri: Uri,
) -> Result<Response, Problem> {
    let sale = id(&sale)?;
    if version < Version::HTTP_11 {
        // There a body ends with the connection, whether it is complete or not.
        const RULE: &str = "a list is sent over HTTP/1.1 or newer; a proxy in front has to speak it too";
        return Err(Problem::invalid(How::Content, "version", RULE));
    }
    let Which { of } = query::read(&uri, "only of is taken, once")?;
    let of = SheetOf::ALL.into_iter().find(|known| known.as_str() == of);
    let of = of.ok_or_else(|| Problem::invalid(How::Content, "of", "it must be totals, orders or payments"))?;
    let seat = Arc::clone(&edge.downloads.0).try_acquire_owned();
    let seat = seat.map_err(|_| Problem::Refused(crate::claim::BUSY))?;
    let question = Sheet { sale: sale.clone(), of, cursor: None };
    // Before the head is sent, a no is still a whole answer.
    let first = edge.ledger.ask(&question).await.map_err(|no| unanswered(&edge, &sale, no))?;
    let began = edge.clock.monotonic();
    let name = format!("{sale}-{}.csv", of.as_str());
    let rest = Rest { edge, question, next: Next::Here(first), began, _seat: seat };
    Ok(problem::attached(Body::from_stream(stream::try_unfold(rest, Rest::page)), &name))
}

/// What of a list is not sent yet.
struct Rest {
    edge: Arc<Edge>,
    question: Sheet,
    next: Next,
    began: Instant,
    _seat: OwnedSemaphorePermit,
}

enum Next {
    /// A page that is here already.
    Here(SheetPage),
    /// One that has to be asked for.
    Behind(String),
    /// Nothing more.
    End,
}

impl Rest {
    /// The next page, and what is left after it.
    async fn page(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let page = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::Here(page) => page,
            Next::Behind(cursor) => {
                self.question.cursor = Some(cursor);
                match self.asked().await {
                    Ok(page) => page,
                    Err(why) => return Err(self.broken(&why)),
                }
            }
        };
        if let Some(cursor) = page.cursor {
            self.next = Next::Behind(cursor);
        }
        Ok(Some((page.text.into(), self)))
    }

    /// A page from the ledger, which may be away for a while.
    async fn asked(&self) -> Result<SheetPage, String> {
        for failures in 1..=TRIES {
            if self.edge.clock.monotonic().duration_since(self.began) > WITHIN {
                return Err(format!("it was not taken within {WITHIN:?}"));
            }
            match self.edge.ledger.ask(&self.question).await {
                Ok(page) => return Ok(page),
                Err(Unanswered::No(no)) if !matches!(no, No::Busy { .. }) => {
                    return Err(format!("the ledger says {no:?}"));
                }
                Err(_) if failures == TRIES => {}
                Err(_) => tokio::time::sleep(PAUSE.random_pause(failures)).await,
            }
        }
        Err(format!("the ledger did not answer {TRIES} times"))
    }

    fn broken(&self, why: &str) -> io::Error {
        let (sale, of): (&SaleId, _) = (&self.question.sale, self.question.of.as_str());
        self.edge.metrics.downloads_broken.inc();
        tracing::warn!(sale.id = %sale, download.of = of, "a download broke off: {why}");
        io::Error::other("the list cannot be finished")
    }
}
