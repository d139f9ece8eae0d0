//! What is in a customer's wallets, and what moved in them.

use protocol::ask::money::{EntriesPage, Wallet, WalletEntry};
use protocol::sale::Money;
use protocol::{CustomerId, OrderId};

use super::{Error, Repo, time};

impl Repo {
    /// A customer's wallets, by currency.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn wallets(&self, customer: &CustomerId) -> Result<Vec<Wallet>, Error> {
        let rows = sqlx::query!(
            r#"SELECT currency, balance,
                      coalesce((SELECT sum(amount_minor)::bigint FROM payments
                                WHERE payments.customer = $1 AND payments.currency = purses.currency
                                    AND state = 'pending' AND mode = 'wallet'), 0) AS "pending!"
               FROM purses WHERE kind = 'wallet' AND owner = $1 ORDER BY currency"#,
            customer.to_string()
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter().map(|row| Wallet {
            pending: Money { amount_minor: row.pending, currency: row.currency.clone() },
            balance: Money { amount_minor: row.balance, currency: row.currency },
        });
        Ok(rows.collect())
    }

    /// What moved in a wallet, the newest first; nothing when there is no such wallet. A page costs two short walks along
    /// an index, however long the wallet's history is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn entries(
        &self,
        customer: &CustomerId,
        currency: &str,
        before: Option<i64>,
        limit: u16,
    ) -> Result<Option<EntriesPage>, Error> {
        let wallet = sqlx::query_scalar!(
            "SELECT id FROM purses WHERE kind = 'wallet' AND owner = $1 AND currency = $2",
            customer.to_string(),
            currency
        );
        let Some(wallet) = wallet.fetch_optional(&self.pool).await? else { return Ok(None) };
        // One more than asked for says whether there is a next page.
        let rows = sqlx::query!(
            r#"SELECT moved.id AS "id!", amount AS "amount!", cause AS "cause!", order_id AS "order_id?",
                      (extract(epoch FROM at) * 1000000)::bigint AS "at!"
               FROM (
                   (SELECT id, -amount_minor AS amount, cause, payment, at FROM transfers
                    WHERE credit = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
                   UNION ALL
                   (SELECT id, amount_minor, cause, payment, at FROM transfers
                    WHERE debit = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
               ) AS moved LEFT JOIN payments ON payments.id = moved.payment
               ORDER BY moved.id DESC LIMIT $3"#,
            wallet,
            before.unwrap_or(i64::MAX),
            i64::from(limit) + 1
        )
        .fetch_all(&self.pool)
        .await?;
        let more = rows.len() > usize::from(limit);
        let entries = rows.into_iter().take(limit.into()).map(|row| {
            Ok(WalletEntry {
                id: row.id,
                at: time(row.at)?,
                amount_minor: row.amount,
                cause: row.cause,
                order: row.order_id.map(OrderId),
            })
        });
        let entries = entries.collect::<Result<Vec<_>, Error>>()?;
        let before = if more { entries.last().map(|entry| entry.id) } else { None };
        Ok(Some(EntriesPage { entries, before }))
    }
}
