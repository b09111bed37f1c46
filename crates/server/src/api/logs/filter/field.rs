//! The attributes of a LogEvent that a filter may name, and what each is compared with.

use serde_json::Value;

use super::{FilterError, Literal, Operator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    /// An object or a list: only whether it is there can be asked.
    Whole,
}

/// Of what Okta's LogEvent has; `published` is asked for by `since` and `until`.
const FIELDS: &[(&str, Kind)] = {
    use Kind::{Bool, Number, Text, Whole};
    &[
        ("uuid", Text),
        ("version", Text),
        ("severity", Text),
        ("eventType", Text),
        ("legacyEventType", Text),
        ("displayMessage", Text),
        ("actor", Whole),
        ("actor.id", Text),
        ("actor.type", Text),
        ("actor.alternateId", Text),
        ("actor.displayName", Text),
        ("client", Whole),
        ("client.id", Text),
        ("client.zone", Text),
        ("client.device", Text),
        ("client.ipAddress", Text),
        ("client.userAgent", Whole),
        ("client.userAgent.rawUserAgent", Text),
        ("client.userAgent.os", Text),
        ("client.userAgent.browser", Text),
        ("client.geographicalContext", Whole),
        ("client.geographicalContext.city", Text),
        ("client.geographicalContext.state", Text),
        ("client.geographicalContext.country", Text),
        ("client.geographicalContext.postalCode", Text),
        ("client.geographicalContext.geolocation.lat", Number),
        ("client.geographicalContext.geolocation.lon", Number),
        ("device", Whole),
        ("device.id", Text),
        ("device.name", Text),
        ("device.os_platform", Text),
        ("device.os_version", Text),
        ("device.managed", Bool),
        ("device.registered", Bool),
        ("authenticationContext", Whole),
        ("authenticationContext.authenticationProvider", Text),
        ("authenticationContext.credentialProvider", Text),
        ("authenticationContext.credentialType", Text),
        ("authenticationContext.issuer.id", Text),
        ("authenticationContext.issuer.type", Text),
        ("authenticationContext.interface", Text),
        ("authenticationContext.authenticationStep", Number),
        ("authenticationContext.externalSessionId", Text),
        ("authenticationContext.rootSessionId", Text),
        ("outcome", Whole),
        ("outcome.result", Text),
        ("outcome.reason", Text),
        ("securityContext", Whole),
        ("securityContext.asNumber", Number),
        ("securityContext.asOrg", Text),
        ("securityContext.isp", Text),
        ("securityContext.domain", Text),
        ("securityContext.isProxy", Bool),
        ("debugContext.debugData", Whole),
        ("transaction", Whole),
        ("transaction.id", Text),
        ("transaction.type", Text),
        ("transaction.detail.requestApiTokenId", Text),
        ("request.ipChain", Whole),
        ("request.ipChain.ip", Text),
        ("request.ipChain.version", Text),
        ("request.ipChain.source", Text),
        ("target", Whole),
        ("target.id", Text),
        ("target.type", Text),
        ("target.alternateId", Text),
        ("target.displayName", Text),
    ]
};

/// Everything below this is an attribute, whatever its name: the keys are no contract.
const DEBUG_DATA: &str = "debugContext.debugData.";

/// An attribute of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    path: String,
    kind: Kind,
}

impl Field {
    /// The attribute of that name, whatever the case of its letters.
    pub(super) fn named(name: &str) -> Result<Self, FilterError> {
        if let Some((path, kind)) = FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(Self { path: (*path).to_owned(), kind: *kind });
        }
        let key = name.split_at_checked(DEBUG_DATA.len()).filter(|(head, _)| head.eq_ignore_ascii_case(DEBUG_DATA));
        match key {
            Some((_, key)) if !key.is_empty() && !key.contains('.') => {
                Ok(Self { path: format!("{DEBUG_DATA}{key}"), kind: Kind::Text })
            }
            _ => Err(FilterError::UnknownField(name.to_owned())),
        }
    }

    pub(super) fn is(&self, path: &str) -> bool {
        self.path == path
    }

    /// Whether the attribute can be compared so.
    pub(super) fn admits(&self, operator: Operator, literal: &Literal) -> Result<(), FilterError> {
        let within = matches!(operator, Operator::Co | Operator::Sw | Operator::Ew);
        let equality = matches!(operator, Operator::Eq | Operator::Ne);
        // A log may hold long URLs; Okta does not look inside them either.
        let url = self
            .path
            .strip_prefix(DEBUG_DATA)
            .is_some_and(|key| ["url", "requestUri"].iter().any(|refused| refused.eq_ignore_ascii_case(key)));
        let fits = match self.kind {
            Kind::Text => !(url && operator == Operator::Co),
            Kind::Number => !within,
            Kind::Bool => equality,
            Kind::Whole => false,
        };
        if !fits || (matches!(literal, Literal::Null) && !equality) {
            let operator = Operator::ALL.iter().find(|(_, known)| *known == operator).map_or("", |(name, _)| name);
            return Err(FilterError::Unfit { operator, field: self.path.clone() });
        }
        let (right, expected) = match (self.kind, literal) {
            (_, Literal::Null) => return Ok(()),
            (Kind::Number, literal) => (matches!(literal, Literal::Number(_)), "a number"),
            (Kind::Bool, literal) => (matches!(literal, Literal::Bool(_)), "true or false"),
            (Kind::Text | Kind::Whole, literal) => (matches!(literal, Literal::Text(_)), "a text in double quotes"),
        };
        if right { Ok(()) } else { Err(FilterError::Value { field: self.path.clone(), expected }) }
    }

    /// The values that an event has for it: nothing where it is null or empty.
    pub(super) fn values<'a>(&self, event: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![event];
        for name in self.path.split('.') {
            found = found.into_iter().flat_map(elements).filter_map(|value| value.get(name)).collect();
        }
        let found = found.into_iter().flat_map(elements);
        found.filter(|value| !value.is_null() && value.as_str() != Some("")).collect()
    }
}

fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        other => vec![other],
    }
}
