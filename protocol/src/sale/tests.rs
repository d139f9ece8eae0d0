use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn definition() -> Definition {
    Definition {
        sale: SaleId::parse("aurora-1f3c9a2b").unwrap(),
        namespace: "shop".to_owned(),
        name: "aurora".to_owned(),
        uid: "1f3c9a2b-0000-4000-8000-000000000000".to_owned(),
        generation: Generation(1),
        epoch: Epoch(1),
        streams: vec![StreamIdentity { shard: Shard(0), created: at("2027-03-14T08:00:00Z"), first_seq: 7 }],
        display_name: "Aurora".to_owned(),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start: at("2027-03-14T09:00:00Z"),
        end: at("2027-03-14T10:00:00Z"),
        per_customer: None,
        items: vec![Item {
            sku: Sku::parse("A").unwrap(),
            display_name: "A".to_owned(),
            image_url: None,
            quantity: Units(10),
            withheld: Units(3),
            price: None,
            per_order: Units(1),
            per_customer: None,
            buckets: 4,
        }],
        payment: Payment::None,
        hold_seconds: 300,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: Acknowledge::Stream,
    }
}

fn with(change: impl FnOnce(&mut Definition)) -> Definition {
    let mut definition = definition();
    change(&mut definition);
    definition
}

#[test]
fn clock_and_merchant_make_the_gate() {
    let (before, first, last, after) =
        ("2027-03-14T08:59:59.999Z", "2027-03-14T09:00:00Z", "2027-03-14T09:59:59.999Z", "2027-03-14T10:00:00Z");
    let paused = with(|d| d.desired_state = DesiredState::Paused);
    let stopped = with(|d| d.stopped = true);
    let closed = with(|d| d.desired_state = DesiredState::Closed);
    let withdrawn = with(|d| d.withdrawn = Some("its stream is gone".to_owned()));
    let cases = [
        ("as scheduled", definition(), [Gate::NotOpenYet, Gate::Open, Gate::Open, Gate::Closed]),
        ("paused", paused, [Gate::NotOpenYet, Gate::Paused, Gate::Paused, Gate::Closed]),
        ("stopped", stopped, [Gate::NotOpenYet, Gate::Paused, Gate::Paused, Gate::Closed]),
        ("closed", closed, [Gate::Closed; 4]),
        ("withdrawn", withdrawn, [Gate::Withdrawn; 4]),
    ];
    for (what, definition, expected) in cases {
        assert_eq!([before, first, last, after].map(|now| definition.gate(at(now))), expected, "{what}");
    }
}

#[test]
fn the_clock_turns_at_the_start_and_at_the_end_and_never_for_a_closed_or_withdrawn_sale() {
    let next = |now| definition().next_transition(at(now));
    assert_eq!(next("2027-03-14T08:00:00Z"), Some(definition().start));
    assert_eq!(next("2027-03-14T09:00:00Z"), Some(definition().end));
    assert_eq!(next("2027-03-14T10:00:00Z"), None);
    let closed = with(|d| d.desired_state = DesiredState::Closed);
    let withdrawn = with(|d| d.withdrawn = Some("its stream is gone".to_owned()));
    for never in [closed, withdrawn] {
        assert_eq!(never.next_transition(at("2027-03-14T08:00:00Z")), None);
    }
}

#[test]
fn a_definition_is_read_back_whole() {
    let full = with(|d| {
        d.per_customer = Some(Units(4));
        d.payment = Payment::External { checkout_url: "https://pay.example/{order}".to_owned() };
        d.rate_limit = Some(RateLimit { requests: 10, window_seconds: 60 });
        d.items[0].price = Some(Money { amount_minor: 12_900, currency: "EUR".to_owned() });
        d.withdrawn = Some("why".to_owned());
    });
    for definition in [definition(), full] {
        assert_eq!(Definition::parse(&definition.encode()).unwrap(), definition);
    }
    assert!(!definition().holds());
    assert_eq!((definition().items[0].target(), definition().shards()), (Units(7), 1));
}

#[test]
fn a_definition_that_contradicts_itself_is_refused_with_the_reason() {
    type Mistake = (&'static str, fn(&mut Definition));
    let mistakes: [Mistake; 6] = [
        ("it names no streams", |d| d.streams.clear()),
        ("it ends before it starts", |d| d.end = d.start),
        ("no bucket", |d| d.items[0].buckets = 0),
        ("withholds more than exists", |d| d.items[0].withheld = Units(11)),
        ("two items have one sku", |d| d.items.push(d.items[0].clone())),
        ("its streams are not in order", |d| d.streams[0].shard = Shard(1)),
    ];
    for (why, mistake) in mistakes {
        let refused = Definition::parse(&with(mistake).encode()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
        assert!(refused.starts_with("not a valid sale definition"), "{refused}");
    }
}
