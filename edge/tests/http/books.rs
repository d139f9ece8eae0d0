//! A real ledger beside an edge.

use protocol::status::SaleStatus;
use runtime::registry::Table;
use testbed::{Bed, Service, free_port};

use crate::shop::Edge;

/// A ledger of an edge's installation, with a database of its own.
pub(crate) struct Books {
    pub(crate) service: Service,
    pub(crate) admin: String,
}

impl Books {
    /// Opens them and waits until they are ready.
    pub(crate) async fn open(edge: &Edge) -> Self {
        let bed = Bed::shared().await.unwrap();
        let nats = bed.nats().await.unwrap().url();
        let client = async_nats::connect(&nats).await.unwrap();
        Table::<SaleStatus>::new(client, edge.installation.status_bucket()).create(1).await.unwrap();
        let database = bed.postgres().await.unwrap().create_database("edge").await.unwrap();
        let admin = format!("127.0.0.1:{}", free_port().unwrap());
        let arguments = [
            "run".to_owned(),
            format!("--admin-addr={admin}"),
            format!("--nats-url={nats}"),
            format!("--installation={}", edge.installation.name()),
            format!("--postgres-url={database}"),
            format!("--customer-key-file={}", bed.folder().join("customer.key").display()),
        ];
        let name = bed.unique(&format!("{}-ledger", edge.installation.name()));
        let service = Service::spawn(bed, &name, "sluice-ledger", arguments, []).unwrap();
        let books = Self { service, admin: format!("http://{admin}") };
        books.ready().await;
        books
    }

    pub(crate) async fn ready(&self) {
        self.service.wait_ready(&self.admin).await.unwrap();
    }
}
