-- What whoever fulfils orders has been told, and what they have to be told yet.
--
-- Tolerates: code of the release before it, which reads and writes none of this. Orders that it stores meanwhile are found
-- by the next follower that has a webhook, in the rows of the orders themselves.

-- Since when there is a webhook: written once. Sales that were over by then are nobody's business any more.
CREATE TABLE webhooks (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    since timestamptz NOT NULL DEFAULT now()
);

-- Levels: a row per order, made where it is first confirmed. What has to be said is always the newest state, so an order
-- that changed three times while nobody listened is told of once.
CREATE TABLE outbox (
    -- No foreign key: rows are made by the thousand, in the transaction that stores the order.
    order_id      uuid PRIMARY KEY,
    -- Position of the state that has to be told.
    epoch         integer NOT NULL,
    revision      bigint NOT NULL,
    -- Position of the newest state that was taken.
    told_epoch    integer,
    told_revision bigint,
    told_at       timestamptz,
    -- Since when something has to be told; means nothing once it was.
    wanted_at     timestamptz NOT NULL DEFAULT now(),
    -- When it is tried next; nothing when there is nothing to tell. While somebody tries, when they count as dead.
    due_at        timestamptz DEFAULT now(),
    -- Who tries: a delivery ends only under the lease that it began with.
    lease         uuid,
    -- Tries since something was last taken.
    attempts      integer NOT NULL DEFAULT 0,
    -- The receiver wants to hear nothing more of this order.
    gone          boolean NOT NULL DEFAULT false,
    CHECK ((told_epoch IS NULL) = (told_revision IS NULL)),
    CHECK (NOT gone OR due_at IS NULL),
    CHECK (lease IS NULL OR due_at IS NOT NULL),
    -- Nothing is forgotten: what has no next try was told in its newest state, or nobody wants it.
    CHECK (due_at IS NOT NULL OR gone OR (told_epoch, told_revision) IS NOT DISTINCT FROM (epoch, revision))
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
