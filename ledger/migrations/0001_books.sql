-- What the ledger keeps: sales, the rows that follow their streams, and the double-entry book of units.
--
-- Tolerates: no running code before it (the first migration). Code of this release needs all of it.
--
-- Texts that are keys compare by bytes: the same order everywhere, and a third cheaper to index.
-- Foreign keys stand where rows are few. Orders and entries arrive by the thousand, and checking a reference per row
-- would halve the rate; what holds them together is said at each.

CREATE TABLE sales (
    sale         text COLLATE "C" PRIMARY KEY,
    uid          text NOT NULL,
    namespace    text NOT NULL,
    name         text NOT NULL,
    display_name text NOT NULL,
    epoch        integer NOT NULL,
    generation   bigint NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE items (
    sale         text COLLATE "C" NOT NULL REFERENCES sales,
    sku          text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    quantity     bigint NOT NULL CHECK (quantity >= 0),
    withheld     bigint NOT NULL CHECK (withheld BETWEEN 0 AND quantity),
    price_minor  bigint CHECK (price_minor >= 0),
    currency     text,
    PRIMARY KEY (sale, sku),
    CHECK ((price_minor IS NULL) = (currency IS NULL))
);

-- How far each shard's stream is in these tables. A transaction moves seq from the value that its follower read, so of
-- two followers one finds no row and changes nothing.
CREATE TABLE cursors (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sale    text COLLATE "C" NOT NULL REFERENCES sales,
    epoch   integer NOT NULL CHECK (epoch > 0),
    shard   integer NOT NULL CHECK (shard >= 0),
    -- Creation time of the stream, as the definition spells it: a cursor is never used with another stream.
    created text NOT NULL,
    seq     bigint NOT NULL CHECK (seq >= 0),
    UNIQUE (sale, epoch, shard)
);

CREATE TABLE orders (
    sale            text COLLATE "C" NOT NULL,
    customer        text COLLATE "C" NOT NULL,
    n               smallint NOT NULL CHECK (n >= 0),
    -- Made from sale, customer and idempotency key: unique means that a key was used once.
    id              uuid NOT NULL,
    idempotency_key text NOT NULL,
    sku             text COLLATE "C" NOT NULL,
    quantity        bigint NOT NULL CHECK (quantity > 0),
    state           text COLLATE "C" NOT NULL CHECK (state IN ('held', 'confirmed', 'released')),
    reason          text CHECK (reason IN ('cancelled', 'expired', 'refunded')),
    expires_at      timestamptz,
    payment         uuid,
    epoch           integer NOT NULL,
    shard           integer NOT NULL,
    revision        bigint NOT NULL,
    -- Times of the first and of the newest message that was seen of it.
    seen_at         timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (sale, customer, n),
    CONSTRAINT orders_id_unique UNIQUE (id),
    CHECK ((state = 'released') = (reason IS NOT NULL)),
    CHECK (expires_at IS NULL OR state = 'held')
);

CREATE TABLE buckets (
    cursor_id  integer NOT NULL REFERENCES cursors,
    sku        text COLLATE "C" NOT NULL,
    bucket     integer NOT NULL,
    free       bigint NOT NULL CHECK (free >= 0),
    state      text NOT NULL CHECK (state IN ('open', 'closed')),
    stopped    boolean NOT NULL,
    generation bigint NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (cursor_id, sku, bucket)
);

CREATE TABLE supplies (
    cursor_id  integer NOT NULL REFERENCES cursors,
    sku        text COLLATE "C" NOT NULL,
    n          bigint NOT NULL CHECK (n > 0),
    generation bigint NOT NULL,
    quantity   bigint NOT NULL CHECK (quantity >= 0),
    withheld   bigint NOT NULL CHECK (withheld >= 0),
    delta      bigint NOT NULL,
    bucket     integer NOT NULL,
    total      bigint NOT NULL CHECK (total >= 0),
    revision   bigint NOT NULL,
    PRIMARY KEY (cursor_id, sku, n)
);

-- Where units can be, per shard and item. Units come out of `supply` and lie in `free`, `held` or `sold`. `in-flight`
-- takes what one row has given and the other has not yet received, because a cut may fall between the two messages of
-- a batch; it is 0 whenever everything was followed.
CREATE TABLE accounts (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cursor_id integer NOT NULL REFERENCES cursors,
    sku       text COLLATE "C" NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('supply', 'in-flight', 'free', 'held', 'sold')),
    UNIQUE (cursor_id, sku, kind)
);

CREATE TABLE balances (
    account_id integer PRIMARY KEY REFERENCES accounts,
    -- What came in less what went out; over the accounts of an item always 0.
    units      bigint NOT NULL DEFAULT 0,
    -- Supply and in-flight may go below zero, nothing else can.
    overdraft  boolean NOT NULL,
    CHECK (overdraft OR units >= 0)
) WITH (fillfactor = 50);

-- One row is both sides of a posting: an amount leaves one account and reaches another, so what does not balance cannot
-- be written down. The key is the position of the message that caused it: no message is ever posted twice.
CREATE TABLE entries (
    cursor_id integer NOT NULL,
    revision  bigint NOT NULL,
    credit    integer NOT NULL,
    debit     integer NOT NULL,
    units     bigint NOT NULL CHECK (units > 0),
    order_id  uuid,
    at        timestamptz NOT NULL,
    PRIMARY KEY (cursor_id, revision),
    CHECK (credit <> debit)
);

CREATE TABLE audits (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cursor_id integer NOT NULL REFERENCES cursors,
    at        timestamptz NOT NULL,
    position  bigint NOT NULL,
    breaches  text[] NOT NULL
);
CREATE INDEX audits_by_shard ON audits (cursor_id, at);

CREATE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries are only appended: a correction is a new entry' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION entries_stay();

CREATE FUNCTION cursors_advance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq < OLD.seq THEN
        RAISE EXCEPTION 'a cursor never goes back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cursors_advance BEFORE UPDATE ON cursors FOR EACH ROW EXECUTE FUNCTION cursors_advance();
