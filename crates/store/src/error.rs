//! What can go wrong below the domain, and who must act.

/// Why the store could not do what was asked. Nothing was written, except where a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or is out of room: try again later. When a commit was under way it is unknown
    /// whether it happened, so never report success.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Other writers kept getting in the way: the caller may try again.
    #[error("the transaction kept conflicting with others: {0}")]
    Conflict(String),
    /// An identifier or secret that must be new is not: draw another one.
    #[error("it exists already: {0}")]
    Duplicate(String),
    /// A row that does not decode or a statement that the database refuses: the operator must look.
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
    /// The database was written by a newer Acquit: the operator must run that one.
    #[error("the database has schema version {found}, and this Acquit knows only up to {known}: run a newer Acquit")]
    Newer {
        /// The database's version.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// The database is not migrated yet, and whoever asks does not migrate it: the operator must start a server of this version first.
    #[error(
        "the database has schema version {found}, and this Acquit needs {known}: start a server of this version first"
    )]
    Older {
        /// The database's version; 0 when there is none.
        found: i32,
        /// The version that this program knows.
        known: i32,
    },
    /// The database is set up so that an acknowledged logout could be lost: the operator must change it.
    #[error("the database cannot be trusted with a logout: {0}")]
    Unsafe(String),
    /// The place after which a list is to go on is none that a list ended with: the caller must correct it.
    #[error("this is no cursor that such a list ended with")]
    Cursor,
    /// The URL names no database that can be opened: the configuration must be corrected.
    #[error("the store's URL: {0}")]
    Url(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error() {
            Some(failure) => match failure.code {
                Code::ConstraintViolation => Self::Duplicate(text),
                Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory
                | Code::PermissionDenied => Self::Unavailable(text),
                _ => Self::Corrupt(text),
            },
            None => Self::Corrupt(text),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            // No answer of the server: a broken connection, except where a value could not be turned into a parameter.
            return match std::error::Error::source(&error) {
                Some(source) if source.is::<crate::value::WrongType>() => Self::Corrupt(error.to_string()),
                Some(source) => Self::Unavailable(format!("{error}: {source}")),
                None => Self::Unavailable(error.to_string()),
            };
        };
        let text = format!("{}: {}", db.code().code(), db.message());
        match db.code().code() {
            "40001" | "40P01" => Self::Conflict(text),
            "23505" => Self::Duplicate(text),
            // The password, the user or the database that the URL names is wrong, or the user may not do what its program does.
            code if code.starts_with("28") || code == "3D000" || code == "42501" => Self::Url(text),
            // What was the primary is a replica now: it refuses to begin a transaction that may write.
            "0A000" => Self::Unavailable(text),
            // Lock and statement timeouts, read-only after a failover, connection, resource and operator trouble.
            "55P03" | "57014" | "25006" => Self::Unavailable(text),
            code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Self::Unavailable(text),
            _ => Self::Corrupt(text),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            deadpool_postgres::PoolError::Timeout(_) => {
                Self::Unavailable("no connection could be had in time".to_owned())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
