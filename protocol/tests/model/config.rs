//! How large a world is, which mistake is planted in it, and which events it must reach.

/// Something a customer wants; sent so often to each edge.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) customer: u8,
    pub(crate) key: &'static str,
    pub(crate) quantity: u32,
    pub(crate) sends: Vec<u8>,
}

/// What a definition wants of the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Open,
    Paused,
    Closed,
}

/// One version of the resource; the first has generation 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) quantity: u32,
    pub(crate) withheld: u32,
    pub(crate) wanted: Wanted,
}

/// A mistake that the protocol must not make; each makes some property fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    BucketRevisionIgnored,
    TimeoutIsNo,
    SettledWithoutBurning,
    GroupSettledByItsFirstKey,
    NextNumberWhileUndecided,
    ClaimedWithoutHistory,
    SupplySplitAgainOnRerun,
    ReopenedByOlderGeneration,
    OrderWithoutExpectation,
    ReleaseWithoutOrderRevision,
    ReleaseWithoutReturn,
    LimitFromStaleRead,
    StaleSnapshotBelieved,
    ReportedBeforeStamped,
}

/// A bounded configuration.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) wishes: Vec<Wish>,
    pub(crate) buckets: u8,
    pub(crate) edges: u8,
    pub(crate) operators: u8,
    pub(crate) releasers: u8,
    pub(crate) group_max: usize,
    pub(crate) limit: Option<u32>,
    pub(crate) specs: Vec<Spec>,
    /// Whether generation 1 is provisioned already.
    pub(crate) provisioned: bool,
    /// Lost answers and delayed commits.
    pub(crate) faults: u8,
    /// Crashes of edges and operators.
    pub(crate) crashes: u8,
    /// How often a replica may stop where it is.
    pub(crate) lags: u8,
    /// Orders are held until confirmed.
    pub(crate) holds: bool,
    /// The window ends at some moment.
    pub(crate) ends: bool,
    pub(crate) bug: Option<Bug>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            wishes: Vec::new(),
            buckets: 2,
            edges: 2,
            operators: 0,
            releasers: 0,
            group_max: 1,
            limit: None,
            specs: vec![Spec { quantity: 2, withheld: 0, wanted: Wanted::Open }],
            provisioned: true,
            faults: 0,
            crashes: 0,
            lags: 0,
            holds: false,
            ends: false,
            bug: None,
        }
    }
}

/// What a run must have reached, or it has not looked where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Event {
    Yes,
    LostAckSettledYes,
    DelayedClaimSettledYes,
    SettledYesByDuplicate,
    DelayedClaimRefused,
    BurnWon,
    SealedByAnother,
    BurnAnswerLost,
    SnapshotTooOld,
    SettledFromReplica,
    SettledNotTaken,
    SettledNumberTaken,
    GroupSettledApart,
    Replayed,
    KeyReused,
    LimitReached,
    BucketConflict,
    GroupSplit,
    SoldOut,
    CrashWithBatchInFlight,
    OrphanLanded,
    Released,
    UnitSoldAgain,
    ReleaseLostBucket,
    SecondReleaseRefused,
    ConfirmBeatRelease,
    EdgeFenced,
    OldClaimRefusedAfterStamp,
    ClosedByEdge,
    DeposedStamp,
    DeposedPlan,
    DeposedRecordRefused,
    Rerun,
    SupplyLostBucket,
    Shortfall,
    ShortfallTaken,
    Resumed,
    Done,
}
