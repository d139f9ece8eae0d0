use proptest::prelude::*;

use super::*;

fn sku() -> impl Strategy<Value = Sku> {
    "[A-Za-z0-9_-]{1,40}".prop_map(|text| Sku::parse(&text).unwrap())
}

fn customer() -> impl Strategy<Value = CustomerId> {
    any::<u64>().prop_map(|number| CustomerId::derive(b"key of these tests", "tests", &number.to_string()))
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        Just(Key::Meta),
        (sku(), any::<u16>()).prop_map(|(sku, index)| Key::Bucket(sku, BucketIndex(index))),
        (customer(), any::<u8>()).prop_map(|(customer, number)| Key::Order(customer, OrderNumber(number))),
        (sku(), any::<u32>()).prop_map(|(sku, number)| Key::Supply(sku, number)),
    ]
}

fn stream() -> impl Strategy<Value = Stream> {
    // Names that look like parts of a stream's name must not confuse whoever reads it.
    let name = prop_oneof!["[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", Just("a-e1-s0".to_owned())];
    (name, "[0-9a-f]{8}", any::<u32>(), any::<u16>()).prop_map(|(name, digits, epoch, shard)| Stream {
        sale: SaleId::parse(&format!("{name}-{digits}")).unwrap(),
        epoch: Epoch(epoch),
        shard: Shard(shard),
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(stream in stream(), key in key()) {
        prop_assert_eq!(Key::parse(&key.to_string()), Some(key.clone()));
        prop_assert_eq!(stream.key_of(&stream.subject(&key)), Some(key.clone()));
        prop_assert_eq!(Stream::parse_name(&stream.name()), Some(stream.clone()));
        prop_assert_eq!(parse_status_key(&status_key(&stream)), Some(stream));
    }

    #[test]
    fn a_foreign_stream_has_none_of_our_keys(one in stream(), other in stream(), key in key()) {
        prop_assume!(one != other);
        prop_assert_eq!(one.key_of(&other.subject(&key)), None);
    }

    #[test]
    fn a_set_has_exactly_the_keys_that_its_filter_matches(of in key(), key in key()) {
        let sets = [Keys::All, Keys::Buckets, Keys::Orders, Keys::One(of.clone())].into_iter().chain(match &of {
            Key::Meta => vec![],
            Key::Bucket(sku, _) => vec![Keys::BucketsOf(sku.clone())],
            Key::Order(customer, _) => vec![Keys::OrdersOf(*customer)],
            Key::Supply(sku, _) => vec![Keys::SuppliesOf(sku.clone())],
        });
        for set in sets {
            for key in [&key, &of] {
                prop_assert_eq!(set.contains(key), matches(&set.to_string(), &key.to_string()), "{} {}", set, key);
            }
        }
    }

    #[test]
    fn whatever_is_read_is_written_the_same(text in "(meta|bucket|order|supply|other)(\\.[A-Za-z0-9_+-]{0,6}){0,3}") {
        if let Some(key) = Key::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}

/// As the server matches subjects.
fn matches(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[test]
fn only_one_spelling_of_a_key_is_read() {
    let refused = [
        "",
        "Meta",
        "meta.",
        "bucket.shoe",
        "bucket.shoe.",
        "bucket.shoe.01",
        "bucket.shoe.+1",
        "bucket.shoe.-1",
        "bucket.shoe.65536",
        "bucket..0",
        "bucket.a b.0",
        "bucket.shoe.0.0",
        "order.short.0",
        "supply.shoe.4294967296",
        "coupon.shoe.1",
    ];
    for text in refused {
        assert_eq!(Key::parse(text), None, "{text:?}");
    }
}

#[test]
fn names_are_as_the_nats_tooling_expects_them() {
    let stream = Stream { sale: SaleId::parse("aurora-1f3c9a2b").unwrap(), epoch: Epoch(1), shard: Shard(0) };
    assert_eq!(stream.name(), "KV_aurora-1f3c9a2b_e1_s0");
    let bucket = Key::Bucket(Sku::parse("AUR-42").unwrap(), BucketIndex(7));
    assert_eq!(stream.subject(&bucket), "$KV.aurora-1f3c9a2b_e1_s0.bucket.AUR-42.7");
    assert_eq!(stream.filter(&Keys::Orders), "$KV.aurora-1f3c9a2b_e1_s0.order.>");
    for foreign in ["KV_sales", "KV_aurora_e1_s0", "KV_aurora-1f3c9a2b_e01_s0", "aurora-1f3c9a2b_e1_s0"] {
        assert_eq!(Stream::parse_name(foreign), None, "{foreign}");
    }
}

#[test]
fn installations_share_a_nats_without_sharing_a_name() {
    let (default, blue) = (Installation::default(), Installation::parse("blue").unwrap());
    assert_eq!((default.sales_bucket(), default.status_bucket()), ("sales".into(), "sale_status".into()));
    assert_eq!((blue.sales_bucket(), blue.status_bucket()), ("blue_sales".into(), "blue_sale_status".into()));
    for name in ["a_b", "a.b", "a b", "ä", &"x".repeat(33)] {
        assert!(Installation::parse(name).is_err(), "{name}");
    }
}
