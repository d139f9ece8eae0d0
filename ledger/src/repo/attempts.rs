//! How much of the limits on attempts is used up.

use std::collections::HashMap;
use std::time::Duration;

use super::{Error, Repo};
use crate::accounts::limit::Quota;

/// Most rows that one sweep removes, so that it stays a short statement.
pub const SWEEP_MAX: u64 = 10_000;

impl Repo {
    /// How far in the future each of these is whole again; one that is whole is left out.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn attempts(&self, keys: &[&str]) -> Result<HashMap<String, Duration>, Error> {
        let rows = sqlx::query!(
            r#"SELECT key, (extract(epoch FROM full_at - now()) * 1000000)::bigint AS "used!" FROM attempts
               WHERE key = ANY($1) AND full_at > now()"#,
            keys as &[&str]
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows.map(|row| (row.key, Duration::from_micros(row.used.unsigned_abs()))).collect())
    }

    /// Counts an attempt, if the quota has room for it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn count_attempt(&self, key: &str, quota: Quota) -> Result<bool, Error> {
        let counted = sqlx::query!(
            "INSERT INTO attempts AS old (key, full_at) VALUES ($1, now() + $2::bigint * interval '1 microsecond')
             ON CONFLICT (key) DO UPDATE
             SET full_at = greatest(old.full_at, now()) + $2::bigint * interval '1 microsecond'
             WHERE greatest(old.full_at, now()) + $2::bigint * interval '1 microsecond'
                 <= now() + $3::bigint * interval '1 microsecond'",
            key,
            micros(quota.interval),
            micros(quota.window())
        );
        Ok(counted.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Forgets one attempt.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn give_attempt_back(&self, key: &str, quota: Quota) -> Result<(), Error> {
        let given = sqlx::query!(
            "UPDATE attempts SET full_at = full_at - $2::bigint * interval '1 microsecond' WHERE key = $1",
            key,
            micros(quota.interval)
        );
        given.execute(&self.pool).await?;
        Ok(())
    }

    /// Removes rows that mean nothing any more; how many.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sweep_attempts(&self) -> Result<u64, Error> {
        let swept = sqlx::query!(
            "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE full_at < now() LIMIT $1)
                 AND full_at < now()",
            i64::try_from(SWEEP_MAX).unwrap_or(i64::MAX)
        );
        Ok(swept.execute(&self.pool).await?.rows_affected())
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
