//! The peer that most people would write: a conditional UPDATE of a stock row and an INSERT of the order, in one
//! transaction, behind the same HTTP shell and with the same sessions.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use edge::args::KeyArgs;
use edge::auth::keys::Keys;
use edge::metrics::Metrics;
use edge::serve::patience::Patience;
use edge::serve::{self, Bounds, Gauges};
use edge::shell::Shell;
use protocol::key::Installation;
use runtime::Process;
use runtime::args::ProcessArgs;
use runtime::clock::Clock;
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// A conditional UPDATE and an INSERT behind Sluice's own HTTP shell.
#[derive(Debug, Parser)]
#[command(name = "postgres-row", version = runtime::release::stamp())]
struct Arguments {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// The installation that the sessions are for
    #[arg(long, default_value = "", value_parser = Installation::parse)]
    installation: Installation,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// An empty database
    #[arg(long)]
    postgres_url: String,
    /// Units to sell
    #[arg(long)]
    units: i64,
}

struct Shop {
    pool: PgPool,
    keys: Keys,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    sku: String,
    quantity: i32,
}

async fn buy(State(shop): State<Arc<Shop>>, headers: HeaderMap, Json(wish): Json<Wish>) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = text("authorization").trim_start_matches("Bearer ");
    let Ok(session) = shop.keys.ring().verify(token, shop.clock.now()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match order(&shop.pool, &session.customer.to_string(), text("idempotency-key"), &wish).await {
        Ok(Some(id)) => (StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response(),
        Ok(None) => {
            let body = serde_json::json!({ "type": "/problems/sold-out", "retry": "later" });
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn order(pool: &PgPool, customer: &str, key: &str, wish: &Wish) -> sqlx::Result<Option<uuid::Uuid>> {
    let mut transaction = pool.begin().await?;
    let taken = sqlx::query("UPDATE stock SET free = free - $1 WHERE sku = $2 AND free >= $1")
        .bind(wish.quantity)
        .bind(&wish.sku)
        .execute(&mut *transaction)
        .await?;
    if taken.rows_affected() == 0 {
        return Ok(None);
    }
    let id = uuid::Uuid::new_v4();
    sqlx::query("INSERT INTO orders (id, customer, key, sku, quantity) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(customer)
        .bind(key)
        .bind(&wish.sku)
        .bind(wish.quantity)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(id))
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let process = arguments.process.clone();
    runtime::process::main("postgres-row", runtime::release::VERSION, &process, async |process| {
        start(arguments, process).await
    })
}

async fn start(arguments: Arguments, process: Process) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(16).connect(&arguments.postgres_url).await?;
    sqlx::raw_sql(
        "CREATE TABLE stock (sku text PRIMARY KEY, free bigint NOT NULL CHECK (free >= 0));
         CREATE TABLE orders (id uuid PRIMARY KEY, customer text NOT NULL, key text NOT NULL, sku text NOT NULL,
                              quantity int NOT NULL, at timestamptz NOT NULL DEFAULT now(), UNIQUE (customer, key));",
    )
    .execute(&pool)
    .await?;
    sqlx::query("INSERT INTO stock VALUES ('UNIT', $1)").bind(arguments.units).execute(&pool).await?;
    let keys = Keys::read(&arguments.keys, &arguments.installation, false)?;
    let shop = Arc::new(Shop { pool, keys, clock: process.clock.clone() });
    let router = Router::new().route("/v1/sales/{sale}/orders", post(buy)).with_state(shop);
    let metrics = Arc::new(Metrics::new(&process.metrics)?);
    let gauges = Gauges { open: metrics.connections.clone(), refused: metrics.connections_refused.clone() };
    let shell = Arc::new(Shell::new(router, process.clock.clone(), metrics));
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    let long = Duration::from_secs(60);
    let bounds = Bounds {
        connections_max: 40_000,
        per_source_max: 40_000,
        proxies: Vec::new(),
        patience: Patience { head: long, idle: long, write: long },
    };
    let stopping = process.drain.stopping();
    process.drain.spawn("http", async move {
        serve::serve(listener, shell, bounds, gauges, stopping, Duration::from_secs(5)).await;
        Ok(())
    });
    Ok(())
}
