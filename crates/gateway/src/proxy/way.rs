//! Where a request goes: to Acquit, or to the app of a route, if it can be read in one way only.

use std::{borrow::Cow, sync::Arc};

use http::{Method, Uri, request::Parts, uri::PathAndQuery};

use super::{Rules, page::Page, websocket};
use crate::{
    hygiene::{Refusal, headers, host, path::Path},
    place::{self, Nowhere, Place},
    route::Route,
};

/// Where a request goes.
pub(super) enum Way {
    /// To Acquit's own host, with this target.
    Home(Uri),
    /// To Acquit's door on the host of a route, with this target.
    Door(Uri),
    /// To an app, with this target.
    Route(Arc<Route>, PathAndQuery),
}

impl Way {
    /// Where a request goes, if it can be read in one way only.
    pub(super) fn of(parts: &Parts, rules: &Rules) -> Result<Self, Page> {
        let extended = websocket::is_extended_connect(parts);
        if parts.method == Method::TRACE || (parts.method == Method::CONNECT && !extended) {
            return Err(Refusal::Method.into());
        }
        headers::check_length(&parts.headers)?;
        let host = host::of(&parts.uri, &parts.headers)?;
        let path = Path::read(parts.uri.path())?;
        let target = |path: &Cow<'_, str>| match (path, parts.uri.path_and_query()) {
            (Cow::Borrowed(_), Some(whole)) => Ok(whole.clone()),
            _ => {
                let whole = parts.uri.query().map_or_else(|| path.to_string(), |query| format!("{path}?{query}"));
                PathAndQuery::try_from(whole).map_err(|_| Refusal::Path)
            }
        };
        match place::find(&host, &path, &rules.routes, rules.own.as_deref())? {
            // As it came: the doors of forward-auth are told there of the paths that browsers asked for.
            Place::House => Ok(Self::Home(target(&Cow::Borrowed(parts.uri.path()))?.into())),
            Place::Door => Ok(Self::Door(target(&path.free)?.into())),
            Place::Route(route) => Ok(Self::Route(route.clone(), target(&path.plain)?)),
        }
    }
}

impl From<Nowhere> for Page {
    fn from(nowhere: Nowhere) -> Self {
        match nowhere {
            Nowhere::Host => Self::NoHost,
            Nowhere::Path => Self::NoRoute,
            Nowhere::Refused(refusal) => Self::Refused(refusal),
        }
    }
}
