//! What shoppers were told and when, and what of it may not be so.
//!
//! **What must always hold.** A change that shuts a sale is in force everywhere once it is reported done: a claim that begins
//! later and is answered before anybody asked for the sale to go on is refused, for the reason there is (I8, I9). A yes is an
//! order that is stored, once; a stored order is somebody's yes, or of somebody who does not know yet (I2, I3).
//!
//! The checks are pure; the tests below feed them with histories that are broken in every way.

use std::collections::BTreeSet;

use anyhow::ensure;
use jiff::Timestamp;

/// What a claim was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This order.
    Yes(String),
    /// Nobody knows yet; the order would have this id.
    Settling(String),
    /// A named no.
    No(String),
    /// Nothing that can be understood.
    Lost(String),
}

/// One claim, sent once.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// At which edge.
    pub(crate) edge: usize,
    pub(crate) begun: Timestamp,
    pub(crate) answered: Timestamp,
    pub(crate) answer: Answer,
}

/// A time in which nobody buys.
#[derive(Debug, Clone)]
pub(crate) struct Shut {
    /// Why, for people.
    pub(crate) why: &'static str,
    /// When it was reported to be in force.
    pub(crate) reported: Timestamp,
    /// When somebody asked for the sale to go on.
    pub(crate) lifted: Option<Timestamp>,
    /// What a claim may be told meanwhile.
    pub(crate) refusals: &'static [&'static str],
}

impl Claim {
    /// Whether all of it happened while the sale was shut.
    fn is_within(&self, shut: &Shut) -> bool {
        self.begun >= shut.reported && shut.lifted.is_none_or(|lifted| self.answered < lifted)
    }
}

/// Nobody bought while the sale was shut, and everybody was told why.
pub(crate) fn honoured(claims: &[Claim], shuts: &[Shut]) -> anyhow::Result<()> {
    for claim in claims {
        let holding: Vec<_> = shuts.iter().filter(|shut| claim.is_within(shut)).collect();
        let fits = match &claim.answer {
            _ if holding.is_empty() => true,
            Answer::No(name) => holding.iter().any(|shut| shut.refusals.contains(&name.as_str())),
            Answer::Yes(_) | Answer::Settling(_) | Answer::Lost(_) => false,
        };
        let why: Vec<_> = holding.iter().map(|shut| format!("{} since {}", shut.why, shut.reported)).collect();
        ensure!(fits, "the sale was {}, and this was told: {claim:?}", why.join(" and "));
    }
    Ok(())
}

/// Nobody was told anything but a yes, "not known yet", or one of these.
pub(crate) fn told_only(claims: &[Claim], refusals: &[&str]) -> anyhow::Result<()> {
    for claim in claims {
        let fits = match &claim.answer {
            Answer::Yes(_) | Answer::Settling(_) => true,
            Answer::No(name) => refusals.contains(&name.as_str()),
            Answer::Lost(_) => false,
        };
        ensure!(fits, "this is no answer to give: {claim:?}");
    }
    Ok(())
}

/// Every yes is an order that is stored, no two are the same one, and nobody has an order who was refused.
pub(crate) fn accounted(claims: &[Claim], stored: &BTreeSet<String>) -> anyhow::Result<()> {
    let mut told = BTreeSet::new();
    let mut open = BTreeSet::new();
    for claim in claims {
        match &claim.answer {
            Answer::Yes(id) => ensure!(told.insert(id.clone()), "two shoppers were told of order {id}"),
            Answer::Settling(id) => drop(open.insert(id.clone())),
            Answer::No(_) | Answer::Lost(_) => {}
        }
    }
    if let Some(id) = told.difference(stored).next() {
        anyhow::bail!("order {id} was promised and is not stored");
    }
    if let Some(id) = stored.iter().find(|id| !told.contains(*id) && !open.contains(*id)) {
        anyhow::bail!("order {id} is stored and nobody was told of it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn claim(begun: i64, answered: i64, answer: Answer) -> Claim {
        Claim { edge: 0, begun: at(begun), answered: at(answered), answer }
    }

    fn yes(id: &str) -> Answer {
        Answer::Yes(id.to_owned())
    }

    fn no(name: &str) -> Answer {
        Answer::No(name.to_owned())
    }

    fn paused(reported: i64, lifted: Option<i64>) -> Shut {
        Shut { why: "paused", reported: at(reported), lifted: lifted.map(at), refusals: &["sale-paused", "busy"] }
    }

    #[test]
    fn a_yes_may_overlap_the_report_of_a_pause_and_the_wish_to_go_on() {
        let claims = [
            claim(1, 2, yes("before")),
            claim(9, 12, yes("begun before it was reported")),
            claim(13, 14, no("sale-paused")),
            claim(15, 16, no("busy")),
            claim(19, 21, yes("answered after the resume was asked for")),
            claim(22, 23, yes("after")),
        ];
        honoured(&claims, &[paused(10, Some(20))]).unwrap();
    }

    #[test]
    fn a_yes_within_a_pause_is_found() {
        for shut in [paused(10, Some(20)), paused(10, None)] {
            let broken = honoured(&[claim(10, 19, yes("a"))], &[shut]).unwrap_err().to_string();
            assert!(broken.contains("paused since"), "{broken}");
        }
    }

    #[test]
    fn a_yes_is_found_when_only_one_of_two_reasons_has_ended() {
        let stopped = Shut { why: "stopped", ..paused(5, Some(30)) };
        let claims = [claim(21, 22, yes("a"))];
        honoured(&claims, &[paused(10, Some(20))]).unwrap();
        assert!(honoured(&claims, &[paused(10, Some(20)), stopped]).is_err());
    }

    #[test]
    fn whatever_else_is_said_within_a_pause_is_found() {
        let shut = || [paused(10, None)];
        for answer in [no("sold-out"), no("internal"), Answer::Settling("a".to_owned()), Answer::Lost("RST".to_owned())]
        {
            assert!(honoured(&[claim(11, 12, answer.clone())], &shut()).is_err(), "{answer:?}");
            honoured(&[claim(8, 12, answer)], &shut()).unwrap();
        }
    }

    #[test]
    fn an_answer_that_nobody_may_give_is_found() {
        told_only(&[claim(0, 1, yes("a")), claim(0, 1, no("busy"))], &["busy"]).unwrap();
        assert!(told_only(&[claim(0, 1, no("internal"))], &["busy"]).is_err());
        assert!(told_only(&[claim(0, 1, Answer::Lost("RST".to_owned()))], &["busy"]).is_err());
    }

    #[test]
    fn orders_that_are_missing_doubled_or_from_nowhere_are_found() {
        let stored = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let claims = [claim(0, 1, yes("a")), claim(0, 1, Answer::Settling("b".to_owned())), claim(0, 1, no("busy"))];
        accounted(&claims, &stored(&["a"])).unwrap();
        accounted(&claims, &stored(&["a", "b"])).unwrap();
        assert!(accounted(&claims, &stored(&["b"])).unwrap_err().to_string().contains("not stored"));
        assert!(accounted(&claims, &stored(&["a", "c"])).unwrap_err().to_string().contains("nobody was told"));
        let twice = [claim(0, 1, yes("a")), claim(0, 1, yes("a"))];
        assert!(accounted(&twice, &stored(&["a"])).unwrap_err().to_string().contains("two shoppers"));
    }
}
