//! Who follows what: advisory locks of one session.
//!
//! **What it is for.** Two replicas that follow the same shard would do the same work and one of them would be turned
//! away at the cursor. A lock spares that, and shows a replica how many others share the work. **What must always
//! hold**: nothing depends on it; the cursor's compare-and-set decides. **What it costs**: one connection per replica. A
//! killed replica's socket closes and its locks are free at once; a machine that vanishes is noticed by keepalives that
//! the session asks the server for, within 4 s.

use protocol::key::Stream;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::Error;

/// Names our locks among those of others in the same database: `slui` in ASCII.
const CLASS: i32 = 0x736c_7569;

/// A session that can own shards; all of them are free once it ends.
#[derive(Debug)]
pub struct Ownership {
    connection: PgConnection,
    present: bool,
}

impl Ownership {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        let options = options.clone().application_name("sluice-ledger ownership").options([
            ("tcp_keepalives_idle", "1"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "4000"),
        ]);
        Ok(Self { connection: options.connect().await?, present: false })
    }

    /// Says whether this replica can follow shards, and learns how many can.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the session, and with it every lock, is lost.
    pub async fn replicas(&mut self, present: bool) -> Result<usize, Error> {
        if present != self.present {
            let asked = if present {
                sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock_shared($1, 0) AS "done!""#, CLASS)
                    .fetch_one(&mut self.connection)
                    .await?
            } else {
                sqlx::query_scalar!(r#"SELECT pg_advisory_unlock_shared($1, 0) AS "done!""#, CLASS)
                    .fetch_one(&mut self.connection)
                    .await?
            };
            if asked {
                self.present = present;
            }
        }
        let replicas = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM pg_locks
               WHERE locktype = 'advisory' AND objsubid = 2 AND classid = $1::bigint::oid AND objid = 0 AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"#,
            i64::from(CLASS)
        )
        .fetch_one(&mut self.connection)
        .await?;
        Ok(usize::try_from(replicas).unwrap_or(usize::MAX))
    }

    /// Tries to own a shard.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the session is lost.
    pub async fn take(&mut self, stream: &Stream) -> Result<bool, Error> {
        let name = stream.name();
        let taken = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS "taken!""#, name);
        Ok(taken.fetch_one(&mut self.connection).await?)
    }

    /// Gives a shard back.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the session is lost.
    pub async fn give_back(&mut self, stream: &Stream) -> Result<(), Error> {
        let name = stream.name();
        sqlx::query_scalar!(r#"SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS "given!""#, name)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Ends the session properly.
    pub async fn close(self) {
        // A session that cannot say goodbye is ended by the server when the socket closes.
        drop(self.connection.close().await);
    }
}
