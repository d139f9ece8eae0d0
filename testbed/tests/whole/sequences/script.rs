//! What an operator of a shop does to one sale, drawn from a seed: pure.
//!
//! A script knows the resource as it will be after each step, so every change is sent as a whole and nothing has to be read
//! back to go on. The same seed gives the same script.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Units of an item at the start, and how far they move.
const UNITS: std::ops::RangeInclusive<u32> = 20..=300;
/// Steps of a script.
const STEPS: std::ops::RangeInclusive<usize> = 5..=8;
/// Items at the most.
const ITEMS_MAX: usize = 3;

/// One item as the resource has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) sku: String,
    pub(super) quantity: u32,
    pub(super) withheld: u32,
    pub(super) text: String,
}

/// What is done to an operator process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    KillLeader,
    KillFollower,
    RestartLeader,
    RestartFollower,
    /// It sleeps for less than its Lease.
    PauseLeader,
    PauseFollower,
    /// It sleeps until another one leads, and wakes up late.
    DeposeLeader,
}

/// A change that must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invalid {
    WithholdsMoreThanExists,
    EndsBeforeItStarts,
    BreaksASku,
    SplitsAnew,
    RemovesAnItem,
    ChangesALimit,
    /// Only of a closed sale.
    Reopens,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Quantities and withheld units are these.
    Items(Vec<Item>),
    /// As before, and one more.
    Add(Vec<Item>),
    /// The end is so many seconds from then on.
    End(i64),
    /// The end comes in a moment, and is waited for.
    EndSoon,
    /// Claims per customer and window, or none.
    Rate(Option<u32>),
    Name(String),
    Pause,
    Resume,
    /// The emergency stop.
    Stop,
    EndStop,
    Close,
    Invalid(Invalid),
    Operators(Trouble),
}

/// A step, and whether it is waited for until it is reported done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) step: Step,
    pub(super) awaited: bool,
}

/// All that is done to one sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) seed: u64,
    /// As it is applied first.
    pub(super) items: Vec<Item>,
    pub(super) buckets: u32,
    pub(super) acts: Vec<Act>,
    /// As it is in the end.
    pub(super) last: Last,
    /// Whether the sale is deleted afterwards.
    pub(super) deleted: bool,
}

/// How the script leaves the sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) items: Vec<Item>,
    pub(super) paused: bool,
    pub(super) stopped: bool,
    /// By the clock or by hand.
    pub(super) over: bool,
}

impl Script {
    /// The script of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let items: Vec<_> = (0..rng.random_range(1..=2)).map(|number| item(&mut rng, number)).collect();
        let mut last = Last { items: items.clone(), paused: false, stopped: false, over: false };
        let count = rng.random_range(STEPS);
        let acts = (0..count).map(|number| act(&mut rng, &mut last, number + 2 >= count));
        let acts = acts.collect();
        Self { seed, items, buckets: rng.random_range(2..=16), acts, last, deleted: rng.random_range(0..3) > 0 }
    }
}

fn item(rng: &mut StdRng, number: usize) -> Item {
    let sku = if number == 0 { "UNIT".to_owned() } else { format!("UNIT-{number}") };
    Item { sku, quantity: rng.random_range(UNITS), withheld: 0, text: String::new() }
}

/// One of the next steps that make sense; those that end the sale only near the end of the script.
fn act(rng: &mut StdRng, last: &mut Last, ending: bool) -> Act {
    let awaited = rng.random_range(0..3) > 0;
    let step = loop {
        if let Some(step) = step(rng, last, ending) {
            break step;
        }
    };
    Act { step, awaited }
}

fn step(rng: &mut StdRng, last: &mut Last, ending: bool) -> Option<Step> {
    Some(match rng.random_range(0..100) {
        0..26 => Step::Items(edited(rng, last)),
        26..31 if last.items.len() < ITEMS_MAX && !last.over => {
            let added = item(rng, last.items.len());
            last.items.push(added);
            Step::Add(last.items.clone())
        }
        31..37 if !last.over => Step::End(rng.random_range(3_600..200_000)),
        37..41 => Step::Rate(Some(rng.random_range(500..1_000)).filter(|requests| requests % 3 > 0)),
        41..45 => Step::Name(format!("Sale {}", rng.random_range(0..1_000))),
        45..59 if !last.over && !last.paused => {
            last.paused = true;
            Step::Pause
        }
        45..59 if !last.over => {
            last.paused = false;
            Step::Resume
        }
        59..66 if !last.over && !last.stopped => {
            last.stopped = true;
            Step::Stop
        }
        59..66 if !last.over => {
            last.stopped = false;
            Step::EndStop
        }
        66..74 if ending && !last.over => {
            last.over = true;
            Step::Close
        }
        74..82 if ending && !last.over => {
            last.over = true;
            Step::EndSoon
        }
        82..91 => Step::Invalid(match rng.random_range(0..7) {
            0 => Invalid::WithholdsMoreThanExists,
            1 => Invalid::EndsBeforeItStarts,
            2 => Invalid::BreaksASku,
            3 => Invalid::SplitsAnew,
            4 => Invalid::RemovesAnItem,
            5 => Invalid::ChangesALimit,
            _ => Invalid::Reopens,
        }),
        91..99 => Step::Operators(match rng.random_range(0..16) {
            0 => Trouble::KillLeader,
            1 => Trouble::DeposeLeader,
            2..5 => Trouble::KillFollower,
            5..9 => Trouble::RestartLeader,
            9..11 => Trouble::RestartFollower,
            11..14 => Trouble::PauseLeader,
            _ => Trouble::PauseFollower,
        }),
        _ => return None,
    })
}

/// Another quantity, or other withheld units, of one item; now and then fewer than are sold.
fn edited(rng: &mut StdRng, last: &mut Last) -> Vec<Item> {
    let chosen = rng.random_range(0..last.items.len());
    let item = &mut last.items[chosen];
    if rng.random_range(0..3) == 0 {
        item.withheld = rng.random_range(0..=item.quantity);
    } else {
        item.quantity = rng.random_range(UNITS);
        item.withheld = item.withheld.min(item.quantity);
    }
    if rng.random_range(0..4) == 0 {
        item.text = format!("Item {}", rng.random_range(0..1_000));
    }
    last.items.clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sequences::{SEED, SEQUENCES};

    fn acts() -> Vec<Act> {
        (0..SEQUENCES).flat_map(|number| Script::of(SEED + number).acts).collect()
    }

    #[test]
    fn a_seed_gives_the_same_script_every_time_and_another_one_another() {
        assert_eq!(Script::of(7), Script::of(7));
        assert_ne!(Script::of(7), Script::of(8));
    }

    #[test]
    fn the_scripts_that_are_played_do_everything_there_is_to_do() {
        let (mut kinds, mut troubles, mut invalid) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for Act { step, awaited } in acts() {
            match step {
                Step::Operators(trouble) => drop(troubles.insert(trouble)),
                Step::Invalid(change) => drop(invalid.insert(change)),
                step => drop(kinds.insert((format!("{step:?}").split(['(', ' ']).next().unwrap().to_owned(), awaited))),
            }
        }
        assert_eq!(troubles.len(), 7, "{troubles:?}");
        assert_eq!(invalid.len(), 7, "{invalid:?}");
        assert_eq!(kinds.len(), 2 * 11, "{kinds:?}");
    }

    #[test]
    fn a_script_that_is_over_neither_pauses_nor_resumes() {
        for number in 0..1_000 {
            let script = Script::of(number);
            let ended = script.acts.iter().position(|act| matches!(act.step, Step::Close | Step::EndSoon));
            let after = script.acts.iter().skip(ended.map_or(usize::MAX, |at| at + 1));
            let moved = after.filter(|act| matches!(act.step, Step::Pause | Step::Resume | Step::Stop | Step::End(_)));
            assert_eq!(moved.count(), 0, "{script:?}");
            assert_eq!(ended.is_some(), script.last.over);
        }
    }
}
