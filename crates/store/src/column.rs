//! Decoding of columns: from what a row holds to the types of the domain. What does not decode is [`StoreError::Corrupt`].

use acquit_core::{
    AppId, ConnectionId, EndpointId, LogoutId, OrganizationId, SessionId, StepId, Timestamp, UpstreamId, UserId,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Hash, StoreError,
    value::{Columns, Value},
};

fn corrupt<T>(wanted: &str) -> Result<T, StoreError> {
    Err(StoreError::Corrupt(format!("a column that holds no {wanted}")))
}

impl Columns {
    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        match self.next()? {
            Value::Int(value) => Ok(value),
            _ => corrupt("number"),
        }
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.next()? {
            Value::Int(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => corrupt("number"),
        }
    }

    /// A number that fits the type wanted.
    pub(crate) fn small<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        T::try_from(self.int()?).or_else(|_| corrupt("number in range"))
    }

    pub(crate) fn bool(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_micros)
    }

    pub(crate) fn opt_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int()?.map(Timestamp::from_micros))
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        match self.next()? {
            Value::Text(value) => Ok(value),
            _ => corrupt("text"),
        }
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.next()? {
            Value::Text(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => corrupt("text"),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.next()? {
            Value::Blob(value) => Ok(value),
            _ => corrupt("bytes"),
        }
    }

    pub(crate) fn opt_blob(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.next()? {
            Value::Blob(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            _ => corrupt("bytes"),
        }
    }

    pub(crate) fn opt_hash(&mut self) -> Result<Option<Hash>, StoreError> {
        match self.next()? {
            Value::Blob(value) => value.try_into().map(Some).or_else(|_| corrupt("hash")),
            Value::Null => Ok(None),
            _ => corrupt("hash"),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.text()?)?)
    }

    pub(crate) fn opt_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.opt_text()?.map(|text| Ok(serde_json::from_str(&text)?)).transpose()
    }

    /// One of an enum's names.
    pub(crate) fn named<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let name = self.text()?;
        parse(&name).map_or_else(|| corrupt(&format!("known name but {name:?}")), Ok)
    }

    pub(crate) fn user_id(&mut self) -> Result<UserId, StoreError> {
        UserId::parse(&self.text()?).or_else(|_| corrupt("user id"))
    }

    pub(crate) fn opt_user_id(&mut self) -> Result<Option<UserId>, StoreError> {
        self.opt_text()?.map(|text| UserId::parse(&text).or_else(|_| corrupt("user id"))).transpose()
    }

    pub(crate) fn session_id(&mut self) -> Result<SessionId, StoreError> {
        SessionId::parse(&self.text()?).or_else(|_| corrupt("session id"))
    }

    pub(crate) fn opt_session_id(&mut self) -> Result<Option<SessionId>, StoreError> {
        self.opt_text()?.map(|text| SessionId::parse(&text).or_else(|_| corrupt("session id"))).transpose()
    }

    pub(crate) fn logout_id(&mut self) -> Result<LogoutId, StoreError> {
        LogoutId::parse(&self.text()?).or_else(|_| corrupt("logout id"))
    }

    pub(crate) fn opt_logout_id(&mut self) -> Result<Option<LogoutId>, StoreError> {
        self.opt_text()?.map(|text| LogoutId::parse(&text).or_else(|_| corrupt("logout id"))).transpose()
    }

    pub(crate) fn step_id(&mut self) -> Result<StepId, StoreError> {
        StepId::parse(&self.text()?).or_else(|_| corrupt("step id"))
    }

    pub(crate) fn connection_id(&mut self) -> Result<ConnectionId, StoreError> {
        ConnectionId::parse(&self.text()?).or_else(|_| corrupt("connection id"))
    }

    pub(crate) fn opt_connection_id(&mut self) -> Result<Option<ConnectionId>, StoreError> {
        self.opt_text()?.map(|text| ConnectionId::parse(&text).or_else(|_| corrupt("connection id"))).transpose()
    }

    pub(crate) fn opt_organization_id(&mut self) -> Result<Option<OrganizationId>, StoreError> {
        self.opt_text()?.map(|text| OrganizationId::parse(&text).or_else(|_| corrupt("organization id"))).transpose()
    }

    pub(crate) fn endpoint_id(&mut self) -> Result<EndpointId, StoreError> {
        EndpointId::parse(&self.text()?).or_else(|_| corrupt("endpoint id"))
    }

    pub(crate) fn upstream_id(&mut self) -> Result<UpstreamId, StoreError> {
        UpstreamId::parse(&self.text()?).or_else(|_| corrupt("upstream id"))
    }

    pub(crate) fn app_id(&mut self) -> Result<AppId, StoreError> {
        self.text().map(AppId::new)
    }
}

/// A value as JSON text, for a column.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}
