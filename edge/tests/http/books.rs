//! A real ledger beside an edge.

use protocol::CustomerId;
use protocol::status::SaleStatus;
use runtime::registry::Table;
use testbed::{Bed, Service, eventually, free_port};

use crate::shop::{Edge, SOON, answered, place};

/// A ledger of an edge's installation, with a database of its own.
pub(crate) struct Books {
    pub(crate) service: Service,
    pub(crate) admin: String,
    database: String,
}

/// What the payment provider signs with.
pub(crate) const PAYMENT_KEY: &str = "a payment key of the tests, long enough to be one";

impl Books {
    /// Opens them and waits until they answer: what is asked first waits for a connection to Postgres too.
    pub(crate) async fn open(edge: &Edge) -> Self {
        let bed = Bed::shared().await.unwrap();
        let nats = bed.nats().await.unwrap().url();
        let client = async_nats::connect(&nats).await.unwrap();
        let table = Table::<SaleStatus>::new(client, edge.installation.status_bucket());
        eventually(SOON, "the table of states", async || Ok(table.create(1).await?)).await.unwrap();
        let database = bed.postgres().await.unwrap().create_database("edge").await.unwrap();
        let admin = format!("127.0.0.1:{}", free_port().unwrap());
        let payment_key = place(bed, "payment.key", PAYMENT_KEY).unwrap();
        let customer_key = format!("--customer-key-file={}", bed.folder().join("customer.key").display());
        let arguments = [
            "run".to_owned(),
            format!("--admin-addr={admin}"),
            format!("--nats-url={nats}"),
            format!("--installation={}", edge.installation.name()),
            format!("--postgres-url={database}"),
            format!("--payment-key-file={}", payment_key.display()),
            customer_key,
        ];
        let name = bed.unique(&format!("{}-ledger", edge.installation.name()));
        let service = Service::spawn(bed, &name, "sluice-ledger", arguments, []).unwrap();
        let books = Self { service, admin: format!("http://{admin}"), database };
        books.ready().await;
        let wallets = reqwest::Client::new().get(edge.url("/v1/me/wallets"));
        assert_eq!(answered(wallets.bearer_auth(edge.session("the first"))).await.status(), 200);
        books
    }

    /// Puts money into a customer's wallet.
    pub(crate) async fn fund(&self, customer: CustomerId, amount_minor: i64) {
        let (customer, amount) = (format!("--customer={customer}"), format!("--amount-minor={amount_minor}"));
        self.account(&["fund", "--currency=EUR", &customer, &amount]).await;
    }

    /// Does what the ledger's own command for accounts does.
    pub(crate) async fn account(&self, arguments: &[&str]) {
        let mut command = tokio::process::Command::new(testbed::binary("sluice-ledger").unwrap());
        command.arg("account").args(arguments).arg(format!("--postgres-url={}", self.database));
        let ended = command.output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// What the ledger's own command prints of a sale.
    pub(crate) async fn statement(&self, sale: &str, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(testbed::binary("sluice-ledger").unwrap());
        command.args(["statement", "--sale", sale]).args(arguments).arg(format!("--postgres-url={}", self.database));
        let ended = command.output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    /// The database, for rows that no sale of a test could make in its time.
    pub(crate) async fn postgres(&self) -> sqlx::PgPool {
        sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&self.database).await.unwrap()
    }

    pub(crate) async fn ready(&self) {
        self.service.wait_ready(&self.admin).await.unwrap();
    }
}
