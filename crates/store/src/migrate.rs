//! Bringing a database to the version that this program knows. Both engines have the same list of versions.

use std::{cmp::Ordering, time::Duration};

use deadpool_postgres::Object;
use refinery_core::{Migration, Runner};
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// Every version: its number and name as refinery wants them, and what it does on SQLite and on PostgreSQL.
const VERSIONS: &[(&str, &str, &str)] = &[
    (
        "V1__first",
        include_str!("../migrations/sqlite/0001_first.sql"),
        include_str!("../migrations/postgres/0001_first.sql"),
    ),
    (
        "V2__overtaken_pushed",
        include_str!("../migrations/sqlite/0002_overtaken_pushed.sql"),
        include_str!("../migrations/postgres/0002_overtaken_pushed.sql"),
    ),
    ("V3__log", include_str!("../migrations/sqlite/0003_log.sql"), include_str!("../migrations/postgres/0003_log.sql")),
    (
        "V4__saml",
        include_str!("../migrations/sqlite/0004_saml.sql"),
        include_str!("../migrations/postgres/0004_saml.sql"),
    ),
    (
        "V5__saml_artifacts",
        include_str!("../migrations/sqlite/0005_saml_artifacts.sql"),
        include_str!("../migrations/postgres/0005_saml_artifacts.sql"),
    ),
    (
        "V6__upstream",
        include_str!("../migrations/sqlite/0006_upstream.sql"),
        include_str!("../migrations/postgres/0006_upstream.sql"),
    ),
    (
        "V7__saml_upstream",
        include_str!("../migrations/sqlite/0007_saml_upstream.sql"),
        include_str!("../migrations/postgres/0007_saml_upstream.sql"),
    ),
    (
        "V8__management",
        include_str!("../migrations/sqlite/0008_management.sql"),
        include_str!("../migrations/postgres/0008_management.sql"),
    ),
    (
        "V9__webhooks",
        include_str!("../migrations/sqlite/0009_webhooks.sql"),
        include_str!("../migrations/postgres/0009_webhooks.sql"),
    ),
    (
        "V10__revalidate",
        include_str!("../migrations/sqlite/0010_revalidate.sql"),
        include_str!("../migrations/postgres/0010_revalidate.sql"),
    ),
    (
        "V11__own_addresses",
        include_str!("../migrations/sqlite/0011_own_addresses.sql"),
        include_str!("../migrations/postgres/0011_own_addresses.sql"),
    ),
    (
        "V12__kept_apart",
        include_str!("../migrations/sqlite/0012_kept_apart.sql"),
        include_str!("../migrations/postgres/0012_kept_apart.sql"),
    ),
    (
        "V13__gateway",
        include_str!("../migrations/sqlite/0013_gateway.sql"),
        include_str!("../migrations/postgres/0013_gateway.sql"),
    ),
    (
        "V14__gateway_alone",
        include_str!("../migrations/sqlite/0014_gateway_alone.sql"),
        include_str!("../migrations/postgres/0014_gateway_alone.sql"),
    ),
    (
        "V15__programs",
        include_str!("../migrations/sqlite/0015_programs.sql"),
        include_str!("../migrations/postgres/0015_programs.sql"),
    ),
    (
        "V16__gateway_terms",
        include_str!("../migrations/sqlite/0016_gateway_terms.sql"),
        include_str!("../migrations/postgres/0016_gateway_terms.sql"),
    ),
];

/// Keeps nodes that start together from migrating at the same time; any number that nobody else uses.
const ADVISORY_LOCK: i64 = 0x4163_7175_6974;

/// How often the migration of a SQLite file is tried: another process may be at it, and its work then counts as ours.
const TRIES: u32 = 8;
/// How long it is left alone in between, longer each time.
const PAUSE: Duration = Duration::from_millis(10);

fn runner(sql: impl Fn(&(&'static str, &'static str, &'static str)) -> &'static str) -> Result<Runner, StoreError> {
    let migrations =
        VERSIONS.iter().map(|version| Migration::unapplied(version.0, sql(version))).collect::<Result<Vec<_>, _>>();
    Ok(Runner::new(&migrations?).set_abort_missing(true).set_abort_divergent(true))
}

/// The number of the newest version. Numbers only ever rise; one that was never taken does no harm.
fn known() -> i32 {
    VERSIONS.last().and_then(|(name, ..)| number(name)).unwrap_or(i32::MAX)
}

/// The number in a version's name.
fn number(name: &str) -> Option<i32> {
    name.strip_prefix('V')?.split_once("__")?.0.parse().ok()
}

fn refuse_newer(last: Option<&Migration>) -> Result<(), StoreError> {
    match last {
        Some(last) if last.version() > known() => Err(StoreError::Newer { found: last.version(), known: known() }),
        _ => Ok(()),
    }
}

/// Migrates a SQLite file.
pub(crate) fn sqlite(connection: &mut rusqlite::Connection) -> Result<(), StoreError> {
    let runner = runner(|version| version.1)?;
    let mut tries = 1;
    loop {
        match sqlite_once(connection, &runner) {
            Err(error) if tries < TRIES && !matches!(error, StoreError::Newer { .. }) => {
                tries += 1;
                std::thread::sleep(PAUSE * tries);
            }
            result => return result,
        }
    }
}

fn sqlite_once(connection: &mut rusqlite::Connection, runner: &Runner) -> Result<(), StoreError> {
    let has_history: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if has_history {
        let last = runner.get_last_applied_migration(connection)?;
        refuse_newer(last.as_ref())?;
        if last.is_some_and(|last| last.version() == known()) {
            return Ok(());
        }
    }
    runner.run(connection)?;
    Ok(())
}

/// Migrates a PostgreSQL database, one node at a time.
pub(crate) async fn postgres(object: &mut Object) -> Result<(), StoreError> {
    // Whoever may connect may hold this lock, a node that is only a gateway too: nothing waits for it that need not.
    match same(object).await {
        Err(StoreError::Older { .. }) => {}
        result => return result,
    }
    object.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await?;
    let result = postgres_alone(object).await;
    object.execute("SELECT pg_advisory_unlock($1)", &[&ADVISORY_LOCK]).await?;
    result
}

/// Refuses a PostgreSQL database of any other version than the one that this program knows, and changes nothing.
pub(crate) async fn same(object: &Object) -> Result<(), StoreError> {
    let found = match object.query_one("SELECT MAX(version) FROM refinery_schema_history", &[]).await {
        Ok(row) => row.try_get::<_, Option<i32>>(0)?.unwrap_or_default(),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => 0,
        Err(error) => return Err(error.into()),
    };
    match found.cmp(&known()) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Newer { found, known: known() }),
        Ordering::Less => Err(StoreError::Older { found, known: known() }),
    }
}

async fn postgres_alone(object: &mut Object) -> Result<(), StoreError> {
    let runner = runner(|version| version.2)?;
    let row = object.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await?;
    if row.try_get::<_, bool>(0)? {
        let last = runner.get_last_applied_migration_async(&mut ***object).await?;
        refuse_newer(last.as_ref())?;
        if last.is_some_and(|last| last.version() == known()) {
            return Ok(());
        }
    }
    runner.run_async(&mut ***object).await?;
    Ok(())
}

impl From<refinery_core::Error> for StoreError {
    fn from(error: refinery_core::Error) -> Self {
        Self::Corrupt(format!("migrating: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn files(engine: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn both_engines_have_the_same_versions_and_every_file_is_in_the_list() {
        let listed: BTreeSet<String> = VERSIONS
            .iter()
            .map(|(name, ..)| {
                let (number, name) = name[1..].split_once("__").unwrap();
                format!("{:04}_{name}.sql", number.parse::<u32>().unwrap())
            })
            .collect();
        assert_eq!(files("sqlite"), listed);
        assert_eq!(files("postgres"), listed);
    }

    #[test]
    fn the_versions_are_listed_in_their_order_from_one_on() {
        let runner = runner(|version| version.1).unwrap();
        let numbers: Vec<i32> = runner.get_migrations().iter().map(Migration::version).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!((numbers.first(), numbers.last()), (Some(&1), Some(&known())));
        let listed: Vec<i32> = VERSIONS.iter().filter_map(|(name, ..)| number(name)).collect();
        assert_eq!(listed, numbers);
    }

    #[test]
    fn a_file_of_a_newer_acquit_is_refused_with_both_versions() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        sqlite(&mut connection).unwrap();
        connection
            .execute("INSERT INTO refinery_schema_history VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')", [])
            .unwrap();
        let error = sqlite(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 99, known: mine } if mine == known()), "{error}");
    }
}
