//! Jobs that fail in a group, however they do.

use std::sync::Arc;

use super::*;
use crate::value::params;

fn insert<'a>(tx: &'a mut Tx, number: &'a i64) -> futures_util::future::BoxFuture<'a, Result<u64, StoreError>> {
    Box::pin(async move {
        let sql = "INSERT INTO used_once (kind, key_hash, until) VALUES ('test', $1, $2)";
        let key = [u8::try_from(*number).unwrap_or_default(); 32];
        let written = tx.execute(sql, &params![&key, *number]).await?;
        match number % 4 {
            0 => panic!("in the middle"),
            1 => Err(StoreError::Corrupt("in the end".to_owned())),
            2 => std::future::pending().await,
            _ => Ok(written),
        }
    })
}

fn count<'a>(tx: &'a mut Tx, (): &'a ()) -> futures_util::future::BoxFuture<'a, Result<i64, StoreError>> {
    Box::pin(async move {
        let row = tx.query_opt("SELECT COUNT(*) FROM used_once", &params![]).await?;
        row.map_or(Ok(0), |row| row.read().int())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_job_that_panics_fails_or_waits_nothing_stays_and_the_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Arc::new(Sqlite::open(&folder.path().join("acquit.db")).unwrap());
    let jobs = (0..100i64).map(|number| {
        let sqlite = sqlite.clone();
        async move { (number, sqlite.write(number, insert).await) }
    });
    for (number, result) in futures_util::future::join_all(jobs).await {
        match number % 4 {
            3 => assert_eq!(result.unwrap(), 1),
            _ => assert!(matches!(result, Err(StoreError::Corrupt(_))), "{number}: {result:?}"),
        }
    }
    assert_eq!(sqlite.read(&(), count).unwrap(), 25);
}
