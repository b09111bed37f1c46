//! The configuration and what was made through the API, together. Where both have something, the configuration's counts.

use std::{collections::HashSet, sync::Arc};

use acquit_core::{AppId, ConnectionId, OrganizationId};

use super::{Configured, ListedConnection, ListedOrganization, State};
use crate::settings::{BrokerApplication, Organization};

impl State {
    /// Puts both together; returns the applications and the connections that were there before and are not any more.
    pub(super) fn merge(&mut self) -> (Vec<AppId>, Vec<ConnectionId>) {
        let mut fresh = self.merged();
        let known = self.all.gone.iter().chain(&self.all.connections);
        fresh.gone =
            known.filter(|known| fresh.connections.iter().all(|other| other.id != known.id)).cloned().collect();
        let fresh = Arc::new(fresh);
        let before = std::mem::replace(&mut self.all, fresh.clone());
        let stays = |app: &AppId| fresh.applications.iter().any(|application| application.app == *app);
        let applications = before.applications.iter().map(|application| application.app.clone());
        let is_there = |id: &ConnectionId| fresh.connections.iter().any(|connection| connection.id == *id);
        let connections = before.connections.iter().map(|connection| connection.id.clone());
        (applications.filter(|app| !stays(app)).collect(), connections.filter(|id| !is_there(id)).collect())
    }

    fn merged(&self) -> Configured {
        let (file, made) = (&*self.file, &*self.made);
        let listed_organizations = self.organizations();
        let known: HashSet<&OrganizationId> =
            listed_organizations.iter().map(|organization| &organization.id).collect();
        let mut connections = file.connections.clone();
        let mut listed_connections: Vec<_> =
            file.connections.iter().map(|connection| Arc::new(ListedConnection::of_file(connection))).collect();
        let ids: HashSet<&ConnectionId> = file.connections.iter().map(|connection| &connection.id).collect();
        let keys: HashSet<&str> = file.connections.iter().map(|connection| connection.external_key.as_str()).collect();
        for (record, connection) in &made.connections {
            let hidden = ids.contains(&record.id) || keys.contains(record.external_key.as_str());
            // Without its organization nobody knows whose people come.
            if hidden || !known.contains(&record.organization) {
                continue;
            }
            let usable = connection.as_ref().filter(|_| record.active);
            listed_connections.push(Arc::new(ListedConnection::of_store(record, usable.is_some())));
            connections.extend(usable.cloned());
        }
        let usable = |listed: &Arc<ListedOrganization>| {
            let domains = listed.verified().map(|domain| domain.domain.clone()).collect();
            let (id, name) = (listed.id.clone(), listed.name.clone());
            Arc::new(Organization { id, name, domains, outsiders: listed.outsiders })
        };
        Configured {
            connections,
            organizations: listed_organizations.iter().map(usable).collect(),
            applications: file.applications.iter().map(|application| self.with_its_own(application)).collect(),
            listed_connections,
            listed_organizations,
            gone: Vec::new(),
        }
    }

    fn organizations(&self) -> Vec<Arc<ListedOrganization>> {
        let file = &self.file.organizations;
        let mut listed: Vec<_> =
            file.iter().map(|organization| Arc::new(ListedOrganization::of_file(organization))).collect();
        let taken: HashSet<&str> =
            file.iter().flat_map(|organization| &organization.domains).map(String::as_str).collect();
        let made = self.made.organizations.iter().filter(|record| file.iter().all(|known| known.id != record.id));
        listed.extend(made.map(|record| {
            let counts = |domain: &str| !taken.contains(domain);
            Arc::new(ListedOrganization::of_store(record, counts))
        }));
        listed
    }

    /// An application that has a list of organizations also has those that it made itself.
    fn with_its_own(&self, application: &Arc<BrokerApplication>) -> Arc<BrokerApplication> {
        let Some(granted) = &application.organizations else { return application.clone() };
        let own = self.made.organizations.iter().filter(|record| record.made_by == application.app);
        let organizations = granted.iter().cloned().chain(own.map(|record| record.id.clone())).collect();
        Arc::new(BrokerApplication { organizations: Some(organizations), ..BrokerApplication::clone(application) })
    }
}
