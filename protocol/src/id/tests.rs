use super::*;

#[test]
fn a_sale_id_is_the_name_and_the_first_digits_of_the_uid() {
    let id = SaleId::of_resource("aurora", "1F3C9A2B-0000-4000-8000-000000000000").unwrap();
    assert_eq!(id.as_str(), "aurora-1f3c9a2b");
    let longest = "a".repeat(SALE_NAME_LENGTH_MAX);
    assert!(SaleId::of_resource(&longest, "1f3c9a2b-0000").is_ok());
    let refused = [
        ("", "1f3c9a2b"),
        ("Aurora", "1f3c9a2b"),
        ("a.b", "1f3c9a2b"),
        ("-a", "1f3c9a2b"),
        ("a-", "1f3c9a2b"),
        ("aurora", "1f3c9a2"),
        ("a_b", "1f3c9a2b"),
    ];
    for (name, uid) in refused {
        assert!(SaleId::of_resource(name, uid).is_err(), "{name:?} {uid:?}");
    }
    assert!(SaleId::of_resource(&format!("{longest}a"), "1f3c9a2b").is_err());
}

#[test]
fn texts_that_go_into_keys_hold_only_what_is_legal_there() {
    for text in ["a", "AUR-42-BLK", "under_score", &"x".repeat(40)] {
        assert_eq!(Sku::parse(text).unwrap().as_str(), text);
    }
    for text in ["", "a.b", "a b", "a*", "a>", "ü", &"x".repeat(41)] {
        assert!(Sku::parse(text).is_err(), "{text:?}");
    }
    for text in ["6b0c4c2e-8f6e-4f1c-9a53-b0d8a6f6a001", "order:1.a_b", &"k".repeat(64)] {
        assert_eq!(IdempotencyKey::parse(text).unwrap().as_str(), text);
    }
    for text in ["", "a b", "a/b", "a\n", "é", &"k".repeat(65)] {
        assert!(IdempotencyKey::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_customer_is_the_same_for_ever_and_nobody_else() {
    // Stored in streams and in Postgres: another derivation would make everybody a stranger.
    let ann = CustomerId::derive(b"0123456789abcdef0123456789abcdef", "https://id.example", "ann");
    assert_eq!(ann.to_string(), "kud7rpn3hztdww3jqmhcs2td3czgqpql");
    assert_eq!(CustomerId::parse(&ann.to_string()), Ok(ann));
    let strangers = [
        CustomerId::derive(b"0123456789abcdef0123456789abcdeg", "https://id.example", "ann"),
        CustomerId::derive(b"0123456789abcdef0123456789abcdef", "https://id.exampl", "eann"),
        CustomerId::derive(b"0123456789abcdef0123456789abcdef", "https://id.example", "Ann"),
    ];
    assert!(strangers.iter().all(|stranger| *stranger != ann));
    let text = ann.to_string();
    for wrong in ["", &text[1..], &format!("{text}a"), &text.to_uppercase(), &text.replacen(|_| true, "1", 1)] {
        assert!(CustomerId::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn customers_spread_evenly_over_shards() {
    let customers = (0..4_000).map(|n| CustomerId::derive(b"key", "tests", &n.to_string()));
    let mut counts = [0u32; 4];
    for customer in customers {
        assert_eq!(customer.shard(1), Shard(0));
        assert_eq!(customer.shard(0), Shard(0));
        counts[usize::from(customer.shard(4).0)] += 1;
    }
    // 1,000 each on average, with a standard deviation of 27.
    assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
}

#[test]
fn an_orders_address_is_the_same_on_every_edge_for_ever() {
    let customer = CustomerId::derive(b"key", "tests", "ann");
    let key = |text| IdempotencyKey::parse(text).unwrap();
    let id = OrderId::derive("1f3c9a2b-0000-4000-8000-000000000000", &customer, &key("k"));
    assert_eq!(id.to_string(), "a8eead7a-9253-8d38-a39b-8b932bda4f1c");
    assert_eq!(id.0.get_version_num(), 8);
    assert_ne!(id, OrderId::derive("1f3c9a2b-0000-4000-8000-000000000001", &customer, &key("k")));
    assert_ne!(id, OrderId::derive("1f3c9a2b-0000-4000-8000-000000000000", &customer, &key("l")));
}

#[test]
fn units_are_counted_in_32_bits_and_say_when_they_do_not_fit() {
    assert_eq!(Units(u32::MAX).checked_add(Units(1)), None);
    assert_eq!(Units(1).checked_sub(Units(2)), None);
    assert_eq!(Units::try_from(4_294_967_295), Ok(Units(u32::MAX)));
    assert_eq!(Units::try_from(4_294_967_296).unwrap_err().to_string(), "4294967296 units do not fit into 32 bits");
}
