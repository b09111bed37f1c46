//! The few kinds of values that both engines share: whole numbers, text, bytes and nothing.

use acquit_core::Timestamp;
use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::StoreError;

/// A value on its way into or out of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A parameter of one kind where the statement has a column of another: a bug in a statement.
#[derive(Debug, thiserror::Error)]
#[error("a parameter does not fit the type {0}")]
pub(crate) struct WrongType(Type);

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_micros())
    }
}

impl From<&str> for Value {
    /// PostgreSQL has no NUL in text, so it is replaced on both engines: what people send must not become an error.
    fn from(value: &str) -> Self {
        Self::Text(if value.contains('\0') { value.replace('\0', "\u{fffd}") } else { value.to_owned() })
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<&[u8; 32]> for Value {
    fn from(value: &[u8; 32]) -> Self {
        Self::Blob(value.to_vec())
    }
}

macro_rules! from_id {
    ($($name:ident),*) => {$(
        impl From<&acquit_core::$name> for Value {
            fn from(value: &acquit_core::$name) -> Self {
                value.as_str().into()
            }
        }
    )*};
}
from_id!(AppId, ConnectionId, DomainId, EndpointId, LogoutId, OrganizationId, SessionId, StepId, UpstreamId, UserId);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The parameters of a statement, each turned into a [`Value`].
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::value::Value::from($value)),*] };
}
pub(crate) use params;

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT8 => value.to_sql(ty, out),
            Self::Text(value) if *ty == Type::TEXT => value.to_sql(ty, out),
            Self::Blob(value) if *ty == Type::BYTEA => value.to_sql(ty, out),
            _ => Err(Box::new(WrongType(ty.clone()))),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(Vec<Value>);

impl Row {
    pub(crate) fn from_sqlite(row: &rusqlite::Row<'_>, columns: usize) -> Result<Self, StoreError> {
        use rusqlite::types::ValueRef;
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            values.push(match row.get_ref(index)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => return Err(StoreError::Corrupt("a text that is not UTF-8".to_owned())),
                },
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                ValueRef::Real(_) => return Err(StoreError::Corrupt("a number with a fraction".to_owned())),
            });
        }
        Ok(Self(values))
    }

    pub(crate) fn from_postgres(row: &tokio_postgres::Row) -> Result<Self, StoreError> {
        let mut values = Vec::with_capacity(row.len());
        for (index, column) in row.columns().iter().enumerate() {
            let ty = column.type_();
            values.push(if *ty == Type::INT8 {
                row.try_get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::Int)
            } else if *ty == Type::TEXT {
                row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text)
            } else if *ty == Type::BYTEA {
                row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Blob)
            } else {
                return Err(StoreError::Corrupt(format!("a column of type {ty}")));
            });
        }
        Ok(Self(values))
    }

    /// Reads the columns one after the other, as the statement names them.
    pub(crate) fn read(self) -> Columns {
        Columns { values: self.0.into_iter() }
    }
}

/// The columns of a row that were not read yet.
pub(crate) struct Columns {
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    pub(crate) fn next(&mut self) -> Result<Value, StoreError> {
        self.values.next().ok_or_else(|| StoreError::Corrupt("a row with too few columns".to_owned()))
    }
}
