//! The SAML applications, each with the metadata that counts now.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use acquit_core::{AppId, Timestamp, participant::Channels};
use acquit_saml::{Error, metadata::ServiceProvider, security::Trust};

use crate::settings::{SamlApplication, saml::Source};

/// An application and its metadata.
#[derive(Debug)]
pub struct Sp {
    /// What the configuration says.
    pub settings: SamlApplication,
    /// What its metadata says.
    pub metadata: ServiceProvider,
}

impl Sp {
    /// Its entity ID.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.metadata.entity_id
    }

    /// Its id here.
    #[must_use]
    pub fn app(&self) -> &AppId {
        &self.settings.app
    }

    /// Whether its metadata has passed its end: then nobody vouches for its keys and addresses any more, and nothing is taken
    /// from it or sent to it until there is better (Metadata section 2.3.2). Says so in the log.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        let expired = self.metadata.role.expired(now);
        if expired {
            tracing::warn!(
                app = %self.settings.app,
                "the metadata of a SAML application has expired (validUntil): nobody signs in there and it is told of no \
                 logout until it is given anew"
            );
        }
        expired
    }

    /// Its keys, while its metadata is good.
    ///
    /// # Errors
    /// [`Error::Time`] when that has expired, [`Error::NoKey`].
    pub fn trust(&self, now: Timestamp) -> Result<Trust, Error> {
        if self.has_expired(now) { Err(Error::Time) } else { self.metadata.trust() }
    }
}

/// Finds SAML applications. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct ServiceProviders(Arc<RwLock<Arc<Registered>>>);

#[derive(Debug, Default)]
struct Registered {
    /// All that are configured; those whose metadata was never fetched are not in the other maps.
    configured: HashMap<AppId, SamlApplication>,
    by_app: HashMap<AppId, Arc<Sp>>,
    by_entity: HashMap<String, Arc<Sp>>,
    /// Those that are gone from the configuration while this server runs, by entity ID: they are still told, and answer.
    gone: HashMap<String, Arc<Sp>>,
}

impl Registered {
    fn of(configured: Vec<SamlApplication>, known: &Self) -> Self {
        let mut fresh = Self::default();
        // What the operator wrote comes first: no document at a URL takes an entity from it.
        let (given, at_url): (Vec<_>, Vec<_>) =
            configured.into_iter().partition(|settings| matches!(settings.source, Source::Given(_)));
        for settings in given.into_iter().chain(at_url) {
            let metadata = match &settings.source {
                Source::Given(metadata) => Some(metadata.as_ref().clone()),
                Source::Url(_) => known
                    .by_app
                    .get(&settings.app)
                    .filter(|sp| sp.settings.source.is_same_document(&settings.source))
                    .filter(|sp| !fresh.by_entity.contains_key(sp.entity_id()))
                    .map(|sp| sp.metadata.clone()),
            };
            if let Some(metadata) = metadata {
                fresh.add(Arc::new(Sp { settings: settings.clone(), metadata }));
            }
            fresh.configured.insert(settings.app.clone(), settings);
        }
        let left = known.by_app.values().filter(|sp| !fresh.by_app.contains_key(sp.app()));
        let gone = known.gone.values().chain(left).map(|sp| (sp.entity_id().to_owned(), sp.clone()));
        fresh.gone = gone.collect();
        fresh
    }

    fn add(&mut self, sp: Arc<Sp>) {
        self.by_entity.insert(sp.entity_id().to_owned(), sp.clone());
        self.by_app.insert(sp.app().clone(), sp);
    }
}

impl ServiceProviders {
    /// The applications of the configuration.
    #[must_use]
    pub fn new(configured: Vec<SamlApplication>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Registered::of(configured, &Registered::default())))))
    }

    fn registered(&self) -> Arc<Registered> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a changed configuration over; returns the applications that are gone from it.
    #[must_use]
    pub fn replace(&self, configured: Vec<SamlApplication>) -> Vec<AppId> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = Registered::of(configured, &current);
        let gone = current.configured.keys().filter(|app| !fresh.configured.contains_key(*app)).cloned().collect();
        *current = Arc::new(fresh);
        gone
    }

    /// Takes over the metadata that was fetched for an application as it was configured then; if it is configured
    /// otherwise now, nothing is. False when its entity is another application's.
    #[must_use]
    pub fn learn(&self, fetched: &SamlApplication, metadata: ServiceProvider) -> bool {
        let app = &fetched.app;
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let settings = current.configured.get(app).filter(|now| now.source.is_same_document(&fetched.source));
        let Some(settings) = settings else { return true };
        if current.by_entity.get(&metadata.entity_id).is_some_and(|other| other.app() != app) {
            return false;
        }
        let mut fresh = Registered {
            configured: current.configured.clone(),
            by_app: current.by_app.clone(),
            by_entity: current.by_entity.clone(),
            gone: current.gone.clone(),
        };
        fresh.by_entity.retain(|_, sp| sp.app() != app);
        fresh.add(Arc::new(Sp { settings: settings.clone(), metadata }));
        *current = Arc::new(fresh);
        true
    }

    /// The applications whose metadata is at a URL.
    #[must_use]
    pub fn fetched(&self) -> Vec<SamlApplication> {
        let registered = self.registered();
        let at_url = registered.configured.values().filter(|app| app.source.document().is_some());
        at_url.cloned().collect()
    }

    /// The application with this entity ID, compared as a string.
    #[must_use]
    pub fn by_entity(&self, entity_id: &str) -> Option<Arc<Sp>> {
        self.registered().by_entity.get(entity_id).cloned()
    }

    /// The application whose answers with this entity ID are believed: also one that is gone from the configuration, which is
    /// told of that and answers.
    #[must_use]
    pub fn that_answers(&self, entity_id: &str) -> Option<Arc<Sp>> {
        let registered = self.registered();
        registered.by_entity.get(entity_id).or_else(|| registered.gone.get(entity_id)).cloned()
    }

    /// The application with this id.
    #[must_use]
    pub fn by_app(&self, app: &AppId) -> Option<Arc<Sp>> {
        self.registered().by_app.get(app).cloned()
    }

    /// The application at Okta's URLs: by its id and its key.
    #[must_use]
    pub fn by_key(&self, app: &str, key: &str) -> Option<Arc<Sp>> {
        self.by_app(&AppId::new(app)).filter(|sp| sp.settings.key.as_deref() == Some(key))
    }

    /// What people call the application, if it is one of these.
    #[must_use]
    pub fn name(&self, app: &AppId) -> Option<String> {
        self.registered().configured.get(app).map(|settings| settings.name.clone())
    }

    /// How the application can be told now, if it is one of these and its metadata is known.
    #[must_use]
    pub fn channels(&self, app: &AppId, now: Timestamp) -> Option<Channels> {
        let sp = self.by_app(app)?;
        let mut channels = sp.settings.channels(&sp.metadata);
        if let Some(saml) = &mut channels.saml {
            saml.expired = sp.has_expired(now);
        }
        Some(channels)
    }
}

#[cfg(test)]
mod tests;
