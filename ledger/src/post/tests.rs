use proptest::prelude::*;
use protocol::order::Reason;
use protocol::{Generation, IdempotencyKey};

use super::*;

const UID: &str = "1f3c9a2b-0000-4000-8000-000000000000";

fn identity() -> Identity {
    Identity { uid: UID.to_owned(), epoch: Epoch(1) }
}

fn shoe() -> Sku {
    Sku::parse("shoe").unwrap()
}

fn customer(number: usize) -> CustomerId {
    CustomerId::derive(b"key of these tests", "tests", &number.to_string())
}

fn order(key: &str, quantity: u32, state: State) -> Order {
    let key = IdempotencyKey::parse(key).unwrap();
    Order { key, sku: shoe(), quantity: Units(quantity), state, reason: None, expires_at: None, payment: None }
}

fn message(revision: u64, content: Content) -> Message {
    Message { revision: Revision(revision), at: Timestamp::UNIX_EPOCH, content }
}

/// What may happen to a sale of one item in two buckets; every batch is what the protocol would write.
#[derive(Debug, Clone)]
enum Happening {
    Supply { bucket: u16, delta: i64 },
    Claim { bucket: u16, quantity: u32, held: bool },
    Confirm { order: usize },
    Release { order: usize, bucket: u16 },
    Burn { bucket: u16 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0..2u16, -4..9i64).prop_map(|(bucket, delta)| Happening::Supply { bucket, delta }),
        (0..2u16, 1..4u32, any::<bool>()).prop_map(|(bucket, quantity, held)| Happening::Claim {
            bucket,
            quantity,
            held
        }),
        (0..30usize).prop_map(|order| Happening::Confirm { order }),
        (0..30usize, 0..2u16).prop_map(|(order, bucket)| Happening::Release { order, bucket }),
        (0..2u16).prop_map(|bucket| Happening::Burn { bucket }),
    ]
}

/// A stream under way: what it holds, and every message that it ever stored.
#[derive(Default)]
struct Stream {
    free: [u32; 2],
    orders: Vec<Order>,
    records: u32,
    total: i64,
    log: Vec<Message>,
    /// How long the log was after each batch.
    batches: Vec<usize>,
}

impl Stream {
    fn of(happenings: &[Happening]) -> Self {
        let mut stream = Self::default();
        for happening in happenings {
            stream.happen(happening);
            stream.batches.push(stream.log.len());
        }
        stream
    }

    fn say(&mut self, content: Content) {
        self.log.push(message(self.log.len() as u64 + 1, content));
    }

    fn bucket(&mut self, index: u16, free: u32) {
        self.free[usize::from(index)] = free;
        let bucket = Bucket { free: Units(free), ..Bucket::seeded(Generation(1)) };
        self.say(Content::Bucket(shoe(), BucketIndex(index), bucket));
    }

    fn order(&mut self, index: usize, order: Order) {
        self.say(Content::Order(customer(index), OrderNumber(0), order));
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Supply { bucket, delta } => {
                let before = self.free[usize::from(bucket)];
                let delta = delta.max(-i64::from(before));
                self.records += 1;
                self.total += delta;
                self.bucket(bucket, u32::try_from(i64::from(before) + delta).unwrap());
                let total = Units(u32::try_from(self.total).unwrap());
                let record = Supply {
                    generation: Generation(1),
                    quantity: total,
                    withheld: Units(0),
                    delta,
                    bucket: BucketIndex(bucket),
                    total,
                };
                self.say(Content::Supply(shoe(), self.records, record));
            }
            Happening::Claim { bucket, quantity, held } => {
                let Some(left) = self.free[usize::from(bucket)].checked_sub(quantity) else { return };
                self.bucket(bucket, left);
                let made = order("k", quantity, if held { State::Held } else { State::Confirmed });
                self.orders.push(made.clone());
                self.order(self.orders.len() - 1, made);
            }
            Happening::Confirm { order } => {
                let Some(next) = self.orders.get(order).and_then(|order| order.confirmed(None).ok()) else { return };
                self.orders[order] = next.clone();
                self.order(order, next);
            }
            Happening::Release { order, bucket } => {
                let Some(next) = self.orders.get(order).and_then(|order| order.released(Reason::Refunded).ok()) else {
                    return;
                };
                self.orders[order] = next.clone();
                self.bucket(bucket, self.free[usize::from(bucket)] + next.quantity.0);
                self.order(order, next);
            }
            Happening::Burn { bucket } => self.bucket(bucket, self.free[usize::from(bucket)]),
        }
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums { supply: self.total, ..Sums::default() };
        self.orders.iter().for_each(|order| sums.add_order(order));
        self.free.iter().for_each(|free| sums.add_bucket(Units(*free)));
        sums
    }
}

/// The tables, as far as posting needs them.
#[derive(Default)]
struct Tables {
    book: Book,
    orders: StoredOrders,
    postings: Vec<Posting>,
}

impl Tables {
    fn store(&mut self, messages: &[Message]) {
        let rows = rows(&identity(), messages);
        let postings = post(&mut self.book, &identity(), self.orders.clone(), messages).unwrap();
        self.postings.extend(postings);
        for row in rows.orders {
            let stored = StoredOrder::of(&identity(), row.revision, &row.customer, &row.order);
            self.orders.insert((row.customer, row.number), stored);
        }
    }

    fn sums(&self) -> Sums {
        self.book.sums.get(&shoe()).copied().unwrap_or_default()
    }

    fn in_flight(&self) -> i64 {
        let change = |posting: &Posting| match (posting.credit, posting.debit) {
            (Account::InFlight, _) => -posting.units,
            (_, Account::InFlight) => posting.units,
            _ => 0,
        };
        self.postings.iter().map(change).sum()
    }
}

proptest! {
    #[test]
    fn the_book_balances_after_every_batch_and_is_what_the_stream_holds(
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        let stream = Stream::of(&happenings);
        let mut tables = Tables::default();
        let mut from = 0;
        for to in stream.batches.iter().copied().filter(|to| *to > 0) {
            tables.store(&stream.log[from..to]);
            prop_assert_eq!(tables.sums().gap(), 0);
            prop_assert_eq!(tables.in_flight(), 0);
            from = to;
        }
        prop_assert_eq!(tables.sums(), stream.sums());
        let positions: std::collections::HashSet<_> = tables.postings.iter().map(|posting| posting.revision).collect();
        prop_assert_eq!(positions.len(), tables.postings.len(), "a position posted twice");
        prop_assert!(tables.postings.iter().all(|posting| posting.units > 0 && posting.credit != posting.debit));
    }

    #[test]
    fn wherever_the_log_is_cut_and_whatever_was_superseded_the_end_is_the_same(
        happenings in prop::collection::vec(happening(), 1..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        dropped in prop::collection::vec(any::<bool>(), 200),
    ) {
        let stream = Stream::of(&happenings);
        prop_assume!(!stream.log.is_empty());
        // A stream keeps one message per key, so a follower that is behind sees only some of those in between.
        let key = |message: &Message| match &message.content {
            Content::Bucket(_, index, _) => format!("bucket {}", index.0),
            Content::Order(customer, ..) => format!("order {customer}"),
            Content::Supply(_, number, _) => format!("supply {number}"),
            Content::Meta(_) | Content::Unknown => "other".to_owned(),
        };
        let newest: HashMap<String, Revision> = stream.log.iter().map(|m| (key(m), m.revision)).collect();
        let kept: Vec<Message> = stream.log.iter().enumerate()
            .filter(|(i, m)| newest[&key(m)] == m.revision || !dropped[i % dropped.len()])
            .map(|(_, m)| m.clone()).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(kept.len() + 1)).chain([kept.len()]).collect();
        ends.sort_unstable();
        let mut tables = Tables::default();
        let mut from = 0;
        for to in ends {
            tables.store(&kept[from..to]);
            from = to;
        }
        prop_assert_eq!(tables.sums(), stream.sums());
        prop_assert_eq!(tables.in_flight(), 0);
        prop_assert_eq!(tables.book.cursor, kept.last().unwrap().revision);
    }
}

/// A book that has one order in a state, at position 5.
fn book_with(state: State) -> StoredOrders {
    let stored = StoredOrder::of(&identity(), Revision(5), &customer(0), &order("k", 2, state));
    HashMap::from([((customer(0), OrderNumber(0)), stored)])
}

fn next(stored: StoredOrders, revision: u64, order: Order) -> Result<Vec<Posting>, Broken> {
    let content = Content::Order(customer(0), OrderNumber(0), order);
    post(&mut Book::default(), &identity(), stored, &[message(revision, content)])
}

#[test]
fn an_order_takes_every_transition_that_exists_and_no_other() {
    use Account::{Held, InFlight, Sold};
    let legal = [
        (State::Held, State::Held, None),
        (State::Held, State::Confirmed, Some((Held, Sold))),
        (State::Held, State::Released, Some((Held, InFlight))),
        (State::Confirmed, State::Confirmed, None),
        (State::Confirmed, State::Released, Some((Sold, InFlight))),
        (State::Released, State::Released, None),
    ];
    for (before, after, moved) in legal {
        let postings = next(book_with(before), 6, order("k", 2, after)).unwrap();
        let found: Vec<_> = postings.iter().map(|posting| ((posting.credit, posting.debit), posting.units)).collect();
        assert_eq!(found, moved.map(|ends| (ends, 2)).into_iter().collect::<Vec<_>>(), "{before:?} to {after:?}");
    }
    for (before, after) in
        [(State::Confirmed, State::Held), (State::Released, State::Held), (State::Released, State::Confirmed)]
    {
        let Broken(why) = next(book_with(before), 6, order("k", 2, after)).unwrap_err();
        assert!(why.contains(&format!("a {} order became {}", before.as_str(), after.as_str())), "{why}");
    }
}

#[test]
fn what_cannot_be_true_of_an_order_is_refused_with_its_key() {
    let cases = [
        ("another key", 6, order("other", 2, State::Confirmed), "was claimed as"),
        ("another quantity", 6, order("k", 3, State::Confirmed), "was claimed as"),
        ("an old position", 5, order("k", 2, State::Confirmed), "is of position 5"),
    ];
    for (what, revision, order, expected) in cases {
        let Broken(why) = next(book_with(State::Held), revision, order).unwrap_err();
        assert!(why.contains(expected), "{what}: {why}");
        assert!(why.contains(&Key::Order(customer(0), OrderNumber(0)).to_string()), "{what}: {why}");
    }
}

#[test]
fn a_stream_of_another_sale_or_life_is_refused() {
    for (uid, epoch) in [("another", 1), (UID, 2)] {
        let meta = Meta { uid: uid.to_owned(), epoch: Epoch(epoch), shards: 1, digest: String::new() };
        let refused = post(&mut Book::default(), &identity(), HashMap::new(), &[message(1, Content::Meta(meta))]);
        assert!(refused.unwrap_err().0.contains("the stream belongs to"), "{uid} {epoch}");
    }
}

#[test]
fn a_key_of_a_later_version_moves_the_cursor_and_nothing_else() {
    let mut book = Book::default();
    let postings = post(&mut book, &identity(), HashMap::new(), &[message(9, Content::Unknown)]).unwrap();
    assert_eq!((postings.len(), book.cursor, book.sums.len()), (0, Revision(9), 0));
}

#[test]
fn of_several_messages_about_a_key_the_row_is_the_newest_and_remembers_the_first_time() {
    let (first, second) = (Timestamp::UNIX_EPOCH, "2027-03-14T09:00:00Z".parse().unwrap());
    let about = |revision, at, state| Message {
        revision: Revision(revision),
        at,
        content: Content::Order(customer(0), OrderNumber(0), order("k", 1, state)),
    };
    let rows = rows(&identity(), &[about(1, first, State::Held), about(2, second, State::Confirmed)]);
    let [row] = rows.orders.as_slice() else { panic!("{:?}", rows.orders) };
    assert_eq!((row.revision, row.seen_at, row.changed_at), (Revision(2), first, second));
    assert_eq!(row.order.state, State::Confirmed);
}
