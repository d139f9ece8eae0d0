use testbed::Bed;

use super::*;

/// How often a transaction has begun before it is given up, until all of its beginning has been seen.
const BEGUN: u32 = 20;

#[tokio::test]
async fn what_is_written_after_a_transaction_was_given_up_while_it_began_is_there() {
    let bed = Bed::shared().await.unwrap();
    let url = bed.postgres().await.unwrap().create_database("givenup").await.unwrap();
    // One connection: whoever comes next gets the one that was left.
    let pool = pool().max_connections(1).connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE written (time bigint)").execute(&pool).await.unwrap();
    let other = PgPoolOptions::new().connect(&url).await.unwrap();
    let mut begun = 0;
    // Given up after one look more each time.
    for looks in 0_u32.. {
        let mut beginning = Box::pin(pool.begin());
        for _ in 0..looks {
            if futures::poll!(beginning.as_mut()).is_ready() {
                begun += 1;
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(beginning);
        sqlx::query("INSERT INTO written VALUES ($1)").bind(i64::from(looks)).execute(&pool).await.unwrap();
        let seen = sqlx::query("SELECT FROM written").execute(&other).await.unwrap().rows_affected();
        assert_eq!(seen, 1 + u64::from(looks), "given up after {looks} looks");
        if begun == BEGUN {
            break;
        }
    }
}
