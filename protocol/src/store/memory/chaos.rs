//! Faults by dice: the same seed and the same calls give the same faults.

use super::Fault;

/// How often each fault happens, in so many of 1,000 calls, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// Where the dice begin.
    pub seed: u64,
    /// Commits whose answer is lost.
    pub ack_lost: u16,
    /// Commits that never arrive.
    pub lost: u16,
    /// Commits that arrive after their caller gave up.
    pub delayed: u16,
    /// Delayed commits arrive within so many calls of anybody, or, one in four, never.
    pub delay_calls_max: u32,
    /// Commits that are not taken for a passing reason.
    pub not_taken: u16,
    /// Commits that clash with a write in flight.
    pub clash: u16,
    /// Calls at which the leader goes away.
    pub leader_away: u16,
    /// The leader is back within so many calls of anybody.
    pub leader_away_calls_max: u32,
    /// Snapshots from a replica that is behind.
    pub stale_snapshot: u16,
    /// By at most so many positions.
    pub stale_positions_max: u32,
    /// Calls at which every feed breaks.
    pub feeds_break: u16,
    /// Each call lets others run at most so many times before and after the server acts.
    pub pause_polls_max: u32,
}

impl Chaos {
    /// No faults, only pauses: answers come in an order that the seed decides.
    #[must_use]
    pub fn pauses(seed: u64) -> Self {
        Self {
            seed,
            ack_lost: 0,
            lost: 0,
            delayed: 0,
            delay_calls_max: 0,
            not_taken: 0,
            clash: 0,
            leader_away: 0,
            leader_away_calls_max: 0,
            stale_snapshot: 0,
            stale_positions_max: 0,
            feeds_break: 0,
            pause_polls_max: 4,
        }
    }

    /// A bad day: about every fifth commit meets a fault.
    #[must_use]
    pub fn storm(seed: u64) -> Self {
        Self {
            ack_lost: 50,
            lost: 20,
            delayed: 50,
            delay_calls_max: 60,
            not_taken: 40,
            clash: 40,
            leader_away: 3,
            leader_away_calls_max: 20,
            stale_snapshot: 200,
            stale_positions_max: 40,
            feeds_break: 5,
            ..Self::pauses(seed)
        }
    }
}

/// The dice; without chaos they always say no.
#[derive(Debug, Default)]
pub(super) struct Dice {
    chaos: Option<Chaos>,
    state: u64,
}

impl Dice {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { chaos: Some(chaos), state: chaos.seed }
    }

    /// SplitMix64: 64 uniform bits per step, from any seed.
    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `max`.
    fn up_to(&mut self, max: u32) -> u64 {
        self.roll() % (u64::from(max) + 1)
    }

    fn happens(&mut self, of_1000: u16) -> bool {
        of_1000 > 0 && self.roll() % 1_000 < u64::from(of_1000)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.chaos.is_some() && self.roll().is_multiple_of(2)
    }

    pub(super) fn fault(&mut self) -> Option<Fault> {
        let chaos = self.chaos?;
        let odds = [
            (chaos.ack_lost, Fault::AckLost),
            (chaos.lost, Fault::Lost),
            (chaos.delayed, Fault::Delayed),
            (chaos.not_taken, Fault::NotTaken),
            (chaos.clash, Fault::Clash),
        ];
        odds.into_iter().find_map(|(of_1000, fault)| self.happens(of_1000).then_some(fault))
    }

    /// After how many calls a commit on the way lands; `None` for never.
    pub(super) fn lands_after(&mut self) -> Option<u64> {
        let chaos = self.chaos?;
        (!self.roll().is_multiple_of(4)).then(|| self.up_to(chaos.delay_calls_max))
    }

    pub(super) fn leader_goes_for(&mut self) -> Option<u64> {
        let chaos = self.chaos?;
        self.happens(chaos.leader_away).then(|| self.up_to(chaos.leader_away_calls_max))
    }

    pub(super) fn replica_lag(&mut self) -> u64 {
        let Some(chaos) = self.chaos else { return 0 };
        if self.happens(chaos.stale_snapshot) { self.up_to(chaos.stale_positions_max) } else { 0 }
    }

    pub(super) fn feeds_break(&mut self) -> bool {
        self.chaos.is_some_and(|chaos| self.happens(chaos.feeds_break))
    }

    pub(super) fn pause(&mut self) -> u32 {
        let Some(chaos) = self.chaos else { return 0 };
        u32::try_from(self.up_to(chaos.pause_polls_max)).unwrap_or(0)
    }
}
