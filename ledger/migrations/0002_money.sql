-- People, their wallets, payments, and what has to be told to whoever fulfils orders.
--
-- Tolerates: code of the release before it, which reads and writes none of this.

-- Who somebody is. Written once, when their identity is exchanged for a session, so that orders can be fulfilled.
CREATE TABLE users (
    customer   text COLLATE "C" PRIMARY KEY,
    -- Our own accounts have the issuer 'sluice' and their address in small letters as subject.
    issuer     text COLLATE "C" NOT NULL,
    subject    text COLLATE "C" NOT NULL,
    email      text,
    name       text,
    -- A PHC string (Argon2id); nothing for people whom another issuer identifies.
    password   text,
    merchant   boolean NOT NULL DEFAULT false,
    -- Made by whoever said that the address is theirs; nobody has checked it.
    self_made  boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject)
);

-- How much of a limit on attempts to sign in is used up: when all of it would be there again (GCRA). Rows whose time has
-- passed mean nothing and are swept. Losing some in a crash costs nothing, so they are not logged.
CREATE UNLOGGED TABLE attempts (
    -- `source`, `account` or `pair`, and of what.
    key     text COLLATE "C" PRIMARY KEY,
    full_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Where money can be. It comes out of `funding` (a merchant's gift, a provider's capture), lies in a `wallet`, is
-- `pending` while a payment is under way, and then `revenue` of a sale. `refunds` is what a sale owes: 0 where money went
-- back into wallets, and what has to be sent back by hand where it came through a provider.
CREATE TABLE purses (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('funding', 'wallet', 'pending', 'revenue', 'refunds')),
    -- The customer of a wallet, the sale of pending, revenue and refunds, '' for funding.
    owner    text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- What came in less what went out, in minor units; over all purses of a currency always 0.
    balance  bigint NOT NULL DEFAULT 0,
    CHECK (kind = 'funding' OR balance >= 0),
    CHECK ((kind = 'funding') = (owner = '')),
    UNIQUE (kind, owner, currency)
) WITH (fillfactor = 50);

CREATE TABLE payments (
    id           uuid PRIMARY KEY,
    sale         text COLLATE "C" NOT NULL,
    -- No foreign keys: the follower may not have the order yet.
    order_id     uuid NOT NULL,
    customer     text COLLATE "C" NOT NULL,
    n            smallint NOT NULL CHECK (n >= 0),
    mode         text COLLATE "C" NOT NULL CHECK (mode IN ('wallet', 'external')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency     text COLLATE "C" NOT NULL,
    -- pending: taken, the order may or may not be confirmed with it. settled: the order is. returned: it went back before
    -- it was settled. refunded: it went back afterwards. refund-due: a provider has it and has to send it back.
    -- failed: a provider says that nothing was taken.
    state        text COLLATE "C" NOT NULL
        CHECK (state IN ('pending', 'settled', 'returned', 'refunded', 'refund-due', 'failed')),
    -- What a provider calls it.
    reference    text COLLATE "C",
    created_at   timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    -- When somebody last tried to bring it to its end.
    tried_at     timestamptz NOT NULL DEFAULT now(),
    CHECK ((mode = 'external') = (reference IS NOT NULL)),
    CHECK (mode = 'external' OR state NOT IN ('refund-due', 'failed'))
);
-- At most one payment of an order is under way or done.
CREATE UNIQUE INDEX payments_one_per_order ON payments (order_id) WHERE state IN ('pending', 'settled');
CREATE UNIQUE INDEX payments_reference ON payments (reference) WHERE reference IS NOT NULL;
CREATE INDEX payments_unsettled ON payments (tried_at) WHERE state = 'pending';
-- What a wallet shows as pending.
CREATE INDEX payments_pending_of_customer ON payments (customer) WHERE state = 'pending';
CREATE INDEX payments_by_sale ON payments (sale, state);
CREATE INDEX payments_by_order ON payments (order_id);

-- One row is both sides: an amount leaves one purse and reaches another of the same currency.
CREATE TABLE transfers (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credit       bigint NOT NULL REFERENCES purses,
    debit        bigint NOT NULL REFERENCES purses,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    cause        text COLLATE "C" NOT NULL CHECK (cause IN ('fund', 'pay', 'settle', 'return', 'refund')),
    payment      uuid REFERENCES payments,
    -- What a funding is called by whoever made it, so that the same file loaded twice funds once.
    reference    text COLLATE "C",
    at           timestamptz NOT NULL DEFAULT now(),
    CHECK (credit <> debit),
    CHECK ((cause = 'fund') = (payment IS NULL))
);
-- No step of a payment is ever taken twice. A refund into a wallet has two legs.
CREATE UNIQUE INDEX transfers_once ON transfers (payment, cause, credit) WHERE payment IS NOT NULL;
CREATE UNIQUE INDEX transfers_reference ON transfers (reference) WHERE reference IS NOT NULL;
CREATE INDEX transfers_out ON transfers (credit, id);
CREATE INDEX transfers_in ON transfers (debit, id);

CREATE FUNCTION transfers_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transfers are only appended: a correction is a new transfer' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER transfers_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION transfers_stay();

-- Held orders by deadline: what the job that releases them looks for.
CREATE INDEX orders_held ON orders (sale, epoch, shard, expires_at) WHERE state = 'held';
-- Paid orders that were taken back: what the job that returns money looks for.
CREATE INDEX orders_taken_back ON orders (changed_at) WHERE state = 'released' AND payment IS NOT NULL;
