//! What the tests share.

use testbed::Bed;

use crate::provision;

#[tokio::test]
async fn a_provisioned_sale_has_its_units_in_its_buckets() {
    let bed = Bed::shared().await.unwrap();
    let client = async_nats::connect(bed.nats().await.unwrap().url()).await.unwrap();
    let name = bed.unique("prov");
    let installation = provision::installation(&name).unwrap();
    let definition = provision::provision(&client, &installation, provision::draft("aurora", 101), 2).await.unwrap();
    assert_eq!(definition.streams.len(), 2);
    assert_eq!(provision::free(&client, &definition, "shoe").await.unwrap(), 101);
}
