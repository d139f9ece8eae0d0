//! A run over time: what was answered when, how long it took, and when orders came.
//!
//! What must always hold: every attempt is in exactly one interval, that of its answer, so the intervals add up to the
//! [`Report`](super::Report). Nothing is noted for this while a crowd runs: its history has it all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{End, History};

/// Lengths of an interval, the finest first. A person looks at the picture, so the intervals are counted in hundreds.
const INTERVALS_MS: [u64; 6] = [100, 250, 1_000, 5_000, 15_000, 60_000];
/// Most intervals, unless even the longest ones are more.
const INTERVALS_MAX: u128 = 300;

/// A run, cut into intervals of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// How long each is; the first begins with the run.
    pub interval: Duration,
    /// How many answers of each kind came in each.
    pub answers: BTreeMap<String, Vec<u64>>,
    /// How long the attempts had taken that were answered in each; nothing where none was.
    pub latency: Vec<Option<Latency>>,
    /// How many orders shoppers were told of for the first time in each.
    pub orders: Vec<u64>,
    /// When the first of each kind was answered.
    pub first: BTreeMap<String, Duration>,
}

/// How long some attempts took, from when they were meant to be sent; each figure is that of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: Duration,
    /// Of a hundred, one took longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

impl History {
    /// Cuts it into intervals.
    #[must_use]
    pub fn course(&self) -> Course {
        let interval = fitting(self.took);
        let index = |at: Duration| usize::try_from(at.as_nanos() / interval.as_nanos()).unwrap_or(usize::MAX);
        let attempts = || self.stories.iter().flat_map(|story| &story.attempts);
        let last = attempts().map(|attempt| attempt.answered).max();
        let count = last.map_or(0, |last| index(last) + 1);
        let mut course = Course {
            interval,
            answers: BTreeMap::new(),
            latency: Vec::with_capacity(count),
            orders: vec![0; count],
            first: BTreeMap::new(),
        };
        let mut taken = vec![Vec::new(); count];
        for attempt in attempts() {
            let of_kind = course.answers.entry(attempt.answer.clone()).or_insert_with(|| vec![0; count]);
            add(of_kind, index(attempt.answered));
            if let Some(taken) = taken.get_mut(index(attempt.answered)) {
                taken.push(attempt.answered.saturating_sub(attempt.due));
            }
            let first = course.first.entry(attempt.answer.clone()).or_insert(attempt.answered);
            *first = attempt.answered.min(*first);
        }
        course.latency.extend(taken.into_iter().map(Latency::of));
        for at in self.told_at() {
            add(&mut course.orders, index(at));
        }
        course
    }

    /// When each order was told of first: a shopper who sends a request twice is told twice.
    fn told_at(&self) -> impl Iterator<Item = Duration> {
        let told = self.stories.iter().filter_map(|story| match &story.end {
            End::Order(id) => Some((story.attempts.last()?.answered, id)),
            _ => None,
        });
        let mut told: Vec<_> = told.collect();
        told.sort_unstable();
        let mut known = BTreeSet::new();
        told.into_iter().filter(move |(_, id)| known.insert(*id)).map(|(at, _)| at)
    }
}

impl Course {
    /// When an interval begins.
    #[must_use]
    pub fn begins(&self, index: usize) -> Duration {
        self.interval.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

impl Latency {
    fn of(mut taken: Vec<Duration>) -> Option<Self> {
        taken.sort_unstable();
        // The smallest that so many of a hundred do not exceed.
        let percent = |percent: usize| taken.get((taken.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50: percent(50)?, p99: percent(99)?, max: percent(100)? })
    }
}

fn add(counts: &mut [u64], index: usize) {
    if let Some(count) = counts.get_mut(index) {
        *count += 1;
    }
}

fn fitting(took: Duration) -> Duration {
    let few = |ms: &u64| took.as_millis() / u128::from(*ms) < INTERVALS_MAX;
    let longest = INTERVALS_MS.last().copied().unwrap_or(1);
    Duration::from_millis(INTERVALS_MS.into_iter().find(few).unwrap_or(longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::{Attempt, Story};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A shopper's request whose attempts were due, answered, and answered so.
    fn story(end: End, attempts: &[(u64, u64, &str)]) -> Story {
        let attempt = |(due, answered, answer): &(u64, u64, &str)| Attempt {
            due: ms(*due),
            answered: ms(*answered),
            answer: (*answer).to_owned(),
        };
        Story { shopper: 0, key: String::new(), attempts: attempts.iter().map(attempt).collect(), end }
    }

    #[test]
    fn every_attempt_is_counted_once_where_it_was_answered() {
        let order = || End::Order("one".to_owned());
        let stories = vec![
            story(order(), &[(0, 90, "busy"), (120, 230, "201")]),
            story(order(), &[(0, 100, "201")]),
            story(End::Refused("sold-out".to_owned()), &[(0, 299, "sold-out")]),
        ];
        let course = History { stories, took: ms(300) }.course();
        assert_eq!(course.interval, ms(100));
        let answers = [("201", vec![0, 1, 1]), ("busy", vec![1, 0, 0]), ("sold-out", vec![0, 0, 1])];
        assert_eq!(course.answers, answers.map(|(kind, counts)| (kind.to_owned(), counts)).into());
        assert_eq!(course.orders, [0, 1, 0], "one order, though two were told of it");
        assert_eq!(course.first["201"], ms(100));
    }

    #[test]
    fn percentiles_are_those_of_the_interval_and_an_empty_one_has_none() {
        let slow = |index: u64| story(End::GaveUp, &[(300, 301 + index, "busy")]);
        let mut stories: Vec<Story> = (0..99).map(slow).collect();
        stories.push(story(End::GaveUp, &[(0, 399, "busy")]));
        stories.push(story(End::GaveUp, &[(95, 98, "busy")]));
        let course = History { stories, took: ms(400) }.course();
        let alone = Latency { p50: ms(3), p99: ms(3), max: ms(3) };
        let many = Latency { p50: ms(50), p99: ms(99), max: ms(399) };
        assert_eq!(course.latency, [Some(alone), None, None, Some(many)]);
    }

    #[test]
    fn the_intervals_add_up_to_the_report() {
        let answer = |index: u64| ["201", "busy", "sold-out"][usize::try_from(index % 3).unwrap()];
        let stories = (0..1_000).map(|index| story(End::GaveUp, &[(index, index * 7 % 1_300, answer(index))]));
        let history = History { stories: stories.collect(), took: ms(1_300) };
        let sums = history.course().answers.into_iter().map(|(kind, counts)| (kind, counts.iter().sum::<u64>()));
        let report = history.report().answers.into_iter().map(|(kind, count)| (kind, u64::try_from(count).unwrap()));
        assert_eq!(sums.collect::<Vec<_>>(), report.collect::<Vec<_>>());
    }

    #[test]
    fn a_long_run_has_longer_intervals_and_an_empty_one_has_none() {
        let intervals = [0, 5_000, 29_999, 30_000, 74_999, 3_600_000, 86_400_000].map(|took| fitting(ms(took)));
        assert_eq!(intervals, [100, 100, 100, 250, 250, 15_000, 60_000].map(ms));
        let nothing = History { stories: Vec::new(), took: ms(0) }.course();
        assert!(nothing.latency.is_empty() && nothing.answers.is_empty(), "{nothing:?}");
    }
}
