//! What the ledger's own command found when it compared both sides of a sale's books, for a person to read.

use std::fmt;

use serde_json::Value;

use crate::viewers::Stock;

/// What is counted on each side.
pub const COLUMNS: [&str; 5] = ["supply", "free", "held", "sold", "orders"];

/// Both sides of a sale's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Whether each is right by itself and they are equal.
    pub balanced: bool,
    /// Each side of each item of each shard, two that belong together after each other.
    pub sides: Vec<Side>,
    /// What is wrong, in sentences.
    pub wrong: Vec<String>,
}

/// One side of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Which item.
    pub sku: String,
    /// Whether it is what Postgres says, and not NATS.
    pub ledger: bool,
    /// What is counted, by [`COLUMNS`].
    pub counts: [i64; 5],
}

impl Side {
    /// Where its numbers are.
    #[must_use]
    pub fn place(&self) -> &'static str {
        if self.ledger { "in Postgres" } else { "in NATS" }
    }
}

impl Compared {
    /// From what the command printed.
    #[must_use]
    pub fn of(books: &Value) -> Self {
        let mut compared = Self { balanced: books["balanced"] == true, sides: Vec::new(), wrong: Vec::new() };
        let text = |of: &Value| of.as_str().map_or_else(|| of.to_string(), ToOwned::to_owned);
        for shard in list(books, "shards") {
            for item in list(shard, "items") {
                for (side, ledger) in [("stream", false), ("ledger", true)] {
                    let counts =
                        COLUMNS.map(|column| item[side].get(column).and_then(Value::as_i64).unwrap_or_default());
                    compared.sides.push(Side { sku: text(&item["sku"]), ledger, counts });
                }
            }
            compared.wrong.extend(shard["inexact"].as_str().map(|why| format!("not compared: {why}")));
            compared.wrong.extend(list(shard, "breaches").iter().map(text));
            let differs = |of: &Value| {
                format!("{}: in NATS {}, in Postgres {}", text(&of["key"]), text(&of["stream"]), text(&of["ledger"]))
            };
            compared.wrong.extend(list(shard, "differences").iter().map(differs));
        }
        compared
    }

    /// What one side counts of an item, over all shards, by [`COLUMNS`].
    #[must_use]
    pub fn sums(&self, sku: &str, ledger: bool) -> [i64; 5] {
        let of_item = self.sides.iter().filter(|side| side.sku == sku && side.ledger == ledger);
        of_item.fold([0; 5], |mut sums, side| {
            sums.iter_mut().zip(side.counts).for_each(|(sum, count)| *sum += count);
            sums
        })
    }

    /// The free units of every item, as Postgres has them.
    #[must_use]
    pub fn free(&self) -> Stock {
        let of = |sku: &String| {
            let [_, free, ..] = self.sums(sku, true);
            (sku.clone(), u64::try_from(free).unwrap_or_default())
        };
        self.sides.iter().map(|side| of(&side.sku)).collect()
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<34}", "units")?;
        for column in COLUMNS {
            write!(out, "{column:>10}")?;
        }
        for side in &self.sides {
            write!(out, "\n  {:<20}{:<12}", side.sku, side.place())?;
            for count in side.counts {
                write!(out, "{count:>10}")?;
            }
        }
        for sentence in &self.wrong {
            write!(out, "\n  {sentence}")?;
        }
        let verdict = if self.balanced { "balanced: equal on both sides" } else { "NOT balanced" };
        write!(out, "\n{verdict}, supply = free + held + sold")
    }
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shard(sku: &str, stream: [i64; 5], ledger: [i64; 5]) -> Value {
        let side = |counts: [i64; 5]| COLUMNS.into_iter().zip(counts).collect::<std::collections::BTreeMap<_, _>>();
        json!({ "items": [{ "sku": sku, "stream": side(stream), "ledger": side(ledger) }], "breaches": [], "differences": [] })
    }

    #[test]
    fn shards_add_up_and_a_person_reads_both_sides() {
        let [one, other] = [[10, 4, 1, 5, 6], [20, 0, 0, 20, 20]];
        let books = json!({ "balanced": true, "shards": [shard("A", one, one), shard("A", other, other)] });
        let compared = Compared::of(&books);
        assert_eq!(compared.sums("A", true), [30, 4, 1, 25, 26]);
        assert_eq!(compared.free(), Stock::from([("A".to_owned(), 4)]));
        let text = compared.to_string();
        assert!(text.ends_with("balanced: equal on both sides, supply = free + held + sold"), "{text}");
        assert_eq!((text.matches("in NATS").count(), text.matches("in Postgres").count()), (2, 2), "{text}");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut shard = shard("A", [10, 4, 1, 5, 6], [10, 3, 1, 5, 6]);
        shard["breaches"] = json!(["a unit of A is missing"]);
        shard["differences"] = json!([{ "key": "order.1", "stream": "held", "ledger": null }]);
        let compared = Compared::of(&json!({ "balanced": false, "shards": [shard] }));
        assert_eq!(compared.wrong, ["a unit of A is missing", "order.1: in NATS held, in Postgres null"]);
        let text = compared.to_string();
        assert!(text.contains("a unit of A is missing") && text.contains("NOT balanced"), "{text}");
    }

    #[test]
    fn what_is_no_comparison_is_not_balanced() {
        assert!(!Compared::of(&Value::Null).balanced);
    }
}
