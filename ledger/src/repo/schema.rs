//! The schema: what this release needs, and whether it is there.

use sqlx::migrate::{MigrateError, Migrator};

use super::Repo;

/// The schema, from nothing to what this release needs.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The database is not ready for this release.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Nobody answered.
    #[error("{0}")]
    Unavailable(sqlx::Error),
    /// It lacks a migration.
    #[error("the database is at version {found}, this release needs {needed}: run `sluice-ledger migrate`")]
    Behind {
        /// Its newest migration.
        found: i64,
        /// Ours.
        needed: i64,
    },
    /// A migration failed or was changed after it was applied.
    #[error("the database cannot be migrated: {0}")]
    Migration(MigrateError),
}

impl Repo {
    /// Brings the schema to what this release needs. Postgres' own advisory lock lets one do it at a time.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        MIGRATIONS.run(&self.pool).await.map_err(|error| match error {
            MigrateError::Execute(error @ (sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut)) => {
                SchemaError::Unavailable(error)
            }
            other => SchemaError::Migration(other),
        })
    }

    /// Whether somebody has migrated it far enough. A newer schema is fine: a migration says which code it tolerates.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        // The table belongs to sqlx and is not in our migrations, so this one statement is not checked at compile time.
        let newest = sqlx::query_scalar::<_, Option<i64>>("SELECT max(version) FROM _sqlx_migrations WHERE success");
        let found = match newest.fetch_one(&self.pool).await {
            Ok(found) => found.unwrap_or_default(),
            // Undefined table: never migrated.
            Err(sqlx::Error::Database(refused)) if refused.code().as_deref() == Some("42P01") => 0,
            Err(error) => return Err(SchemaError::Unavailable(error)),
        };
        if found < needed { Err(SchemaError::Behind { found, needed }) } else { Ok(()) }
    }
}
