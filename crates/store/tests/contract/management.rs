//! What applications make through the management API, and what its end owes to the sessions that came through it.

use acquit_core::{
    ConnectionId, DomainId, OrganizationId, UpstreamId,
    event::Kind,
    participant::Protocol,
    upstream::{Held, UpstreamChannels},
};
use acquit_store::{
    management::{ConnectionRecord, DomainRecord, Kept, Made, OrganizationRecord, Refused},
    session::{BeginRefusal, NewSession},
    upstream::{Graves, NewUpstream},
};

use crate::world::{LIFETIMES, World, app, at};

fn organization(world: &World, domains: &[(&str, bool)]) -> OrganizationRecord {
    let domains = domains.iter().map(|(domain, verified)| DomainRecord {
        id: DomainId::from_random(world.bits()),
        domain: (*domain).to_owned(),
        verified: *verified,
        token: world.text("token"),
        created_at: at(0),
        updated_at: at(0),
    });
    OrganizationRecord {
        id: OrganizationId::from_random(world.bits()),
        name: "Example".to_owned(),
        metadata: serde_json::from_str(r#"{"tier":"gold"}"#).unwrap(),
        external_id: None,
        made_by: app("saas"),
        domains: domains.collect(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn connection(world: &World, of: &OrganizationId) -> ConnectionRecord {
    ConnectionRecord {
        id: ConnectionId::from_random(world.bits()),
        organization: of.clone(),
        name: "Example".to_owned(),
        connection_type: "GenericOIDC".to_owned(),
        external_id: None,
        external_key: world.text("key"),
        active: true,
        options: r#"{"issuer":"https://idp.example"}"#.to_owned(),
        sealed: Some(b"sealed".to_vec()),
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn made(world: &World, domains: &[(&str, bool)]) -> OrganizationRecord {
    let record = organization(world, domains);
    assert_eq!(world.make_organization(record.clone(), None, 100).await.unwrap(), Ok(Made::Now));
    record
}

async fn connected(world: &World) -> ConnectionRecord {
    let organization = made(world, &[]).await;
    let record = connection(world, &organization.id);
    assert_eq!(world.make_connection(record.clone(), true, None).await.unwrap(), Ok(Made::Now));
    record
}

fn kept(world: &World, request: u8) -> Kept {
    Kept { key: world.hash(), request: [request; 32], sealed: b"the answer".to_vec(), until: at(100) }
}

async fn begin_through(
    world: &World,
    through: &ConnectionId,
    now: i64,
) -> Result<acquit_core::session::Session, BeginRefusal> {
    let user = world.user(&world.text("user")).await;
    let upstream = NewUpstream {
        id: UpstreamId::from_random(world.bits()),
        connection: through.clone(),
        organization: None,
        left_at: None,
        revalidate_at: None,
        protocol: Protocol::Oidc,
        subject: "ann-there".to_owned(),
        sid: None,
        held: Held { access: false, refresh: false },
        channels: UpstreamChannels { propagate: true, ..UpstreamChannels::default() },
        sealed: Vec::new(),
        graves: Graves::default(),
    };
    world.begin_session(NewSession { upstream: Some(upstream), ..world.new_session(&user, now) }).await.unwrap()
}

contract! {
    async fn what_is_made_is_read_again_as_it_was_and_each_change_counts(world: World) {
        let before = world.managed().await.unwrap();
        assert_eq!((before.organizations.len(), before.connections.len()), (0, 0));
        let mut organization = made(&world, &[("example.com", true), ("example.org", false)]).await;
        let mut connection = connection(&world, &organization.id);
        connection.external_id = Some("theirs".to_owned());
        world.make_connection(connection.clone(), true, None).await.unwrap().unwrap();
        let read = world.managed().await.unwrap();
        organization.domains.sort_by(|one, other| one.domain.cmp(&other.domain));
        assert_eq!((read.organizations, read.connections), (vec![organization], vec![connection]));
        assert!(read.version > before.version);
        assert_eq!(world.management_version().await.unwrap(), read.version);
    }

    async fn an_application_makes_so_many_organizations_and_no_more(world: World) {
        let before = [made(&world, &[]).await, made(&world, &[]).await];
        let third = organization(&world, &[]);
        let refused = world.make_organization(third.clone(), None, 2).await.unwrap();
        assert_eq!(refused, Err(Refused::TooMany(2)));
        let of_another = OrganizationRecord { made_by: app("another"), ..organization(&world, &[]) };
        assert_eq!(world.make_organization(of_another, None, 2).await.unwrap(), Ok(Made::Now), "each has its own");
        assert!(world.delete_organization(&before[0].id, at(1)).await.unwrap());
        assert_eq!(world.make_organization(third, None, 2).await.unwrap(), Ok(Made::Now));
    }

    async fn a_domain_that_is_only_claimed_keeps_nobody_from_it(world: World) {
        let squatter = made(&world, &[("example.com", false)]).await;
        made(&world, &[("example.com", false)]).await;
        let owner = made(&world, &[("example.com", true)]).await;
        let taken = Err(Refused::DomainTaken("example.com".to_owned()));
        let late = organization(&world, &[("example.com", false)]);
        assert_eq!(world.make_organization(late, None, 100).await.unwrap(), taken.clone());
        let mut greedy = OrganizationRecord { updated_at: at(1), ..squatter };
        greedy.domains[0].verified = true;
        assert_eq!(world.change_organization(greedy.clone(), at(0)).await.unwrap(), taken.map(drop));
        assert!(world.delete_organization(&owner.id, at(1)).await.unwrap());
        assert_eq!(world.change_organization(greedy, at(0)).await.unwrap(), Ok(()), "nobody's any more");
    }

    async fn a_domain_that_counts_belongs_to_one_organization(world: World) {
        let first = made(&world, &[("example.com", true)]).await;
        let second = organization(&world, &[("example.com", true)]);
        let taken = Err(Refused::DomainTaken("example.com".to_owned()));
        assert_eq!(world.make_organization(second.clone(), None, 100).await.unwrap(), taken);
        let second = made(&world, &[("example.org", true)]).await;
        let mut greedy = second.clone();
        greedy.domains.extend(organization(&world, &[("example.com", true)]).domains);
        greedy.updated_at = at(1);
        assert_eq!(world.change_organization(greedy.clone(), at(0)).await.unwrap(), Err(Refused::DomainTaken("example.com".to_owned())));
        assert_eq!(world.managed().await.unwrap().organizations.iter().find(|one| one.id == second.id), Some(&second));
        assert!(world.delete_organization(&first.id, at(1)).await.unwrap());
        assert_eq!(world.change_organization(greedy, at(0)).await.unwrap(), Ok(()), "its domain is free again");
    }

    async fn of_two_that_want_one_domain_at_once_one_gets_it(world: World) {
        let (one, other) = (organization(&world, &[("example.com", true)]), organization(&world, &[("example.com", true)]));
        let (one, other) = tokio::join!(world.make_organization(one, None, 100), world.make_organization(other, None, 100));
        let outcomes = [one.unwrap(), other.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }

    async fn a_change_of_what_somebody_else_changed_is_refused(world: World) {
        let organization = made(&world, &[]).await;
        let renamed = |name: &str, now| OrganizationRecord { name: name.to_owned(), updated_at: at(now), ..organization.clone() };
        assert_eq!(world.change_organization(renamed("a", 1), at(0)).await.unwrap(), Ok(()));
        assert_eq!(world.change_organization(renamed("b", 2), at(0)).await.unwrap(), Err(Refused::Changed));
        assert_eq!(world.managed().await.unwrap().organizations[0].name, "a");
        let connection = connected(&world).await;
        let renamed = |name: &str, now| ConnectionRecord { name: name.to_owned(), updated_at: at(now), ..connection.clone() };
        assert_eq!(world.change_connection(renamed("a", 1), at(0)).await.unwrap(), Ok(()));
        assert_eq!(world.change_connection(renamed("b", 2), at(0)).await.unwrap(), Err(Refused::Changed));
        assert!(world.delete_connection(&connection.id, at(3)).await.unwrap());
        assert!(!world.delete_connection(&connection.id, at(4)).await.unwrap());
        assert_eq!(world.change_connection(renamed("c", 5), at(1)).await.unwrap(), Err(Refused::Gone));
        assert!(world.delete_organization(&organization.id, at(3)).await.unwrap());
        assert_eq!(world.change_organization(OrganizationRecord { updated_at: at(9), ..organization.clone() }, at(1)).await.unwrap(), Err(Refused::Gone));
    }

    async fn a_name_of_the_applications_is_given_once(world: World) {
        let named = |record: OrganizationRecord| OrganizationRecord { external_id: Some("42".to_owned()), ..record };
        let first = named(organization(&world, &[]));
        world.make_organization(first.clone(), None, 100).await.unwrap().unwrap();
        let second = named(organization(&world, &[]));
        assert_eq!(world.make_organization(second, None, 100).await.unwrap(), Err(Refused::ExternalIdTaken));
        let named = |record: ConnectionRecord| ConnectionRecord { external_id: Some("42".to_owned()), ..record };
        let one = named(connection(&world, &first.id));
        world.make_connection(one.clone(), true, None).await.unwrap().unwrap();
        let other = named(connection(&world, &first.id));
        assert_eq!(world.make_connection(other.clone(), true, None).await.unwrap(), Err(Refused::ExternalIdTaken));
        let elsewhere = made(&world, &[]).await;
        let there = named(connection(&world, &elsewhere.id));
        assert_eq!(world.make_connection(there, true, None).await.unwrap(), Ok(Made::Now), "in another organization");
        world.delete_connection(&one.id, at(1)).await.unwrap();
        assert_eq!(world.make_connection(other, true, None).await.unwrap(), Ok(Made::Now), "its owner is gone");
    }

    async fn a_call_that_is_tried_again_makes_one_thing_and_finds_its_answer(world: World) {
        let answer = kept(&world, 1);
        let first = organization(&world, &[]);
        assert_eq!(world.make_organization(first, Some(answer.clone()), 100).await.unwrap(), Ok(Made::Now));
        let again = Kept { sealed: b"another".to_vec(), ..answer.clone() };
        let second = organization(&world, &[]);
        assert_eq!(world.make_organization(second.clone(), Some(again), 100).await.unwrap(), Ok(Made::Before(answer.clone())));
        assert_eq!(world.managed().await.unwrap().organizations.len(), 1);
        assert_eq!(world.kept_answer(&answer.key).await.unwrap(), Some(answer.clone()));
        world.sweep(at(101), LIFETIMES).await.unwrap();
        assert_eq!(world.kept_answer(&answer.key).await.unwrap(), None, "not for ever");
        assert_eq!(world.make_organization(second, Some(answer), 100).await.unwrap(), Ok(Made::Now));
    }

    async fn of_one_call_twice_at_once_one_makes_it(world: World) {
        let answer = kept(&world, 1);
        let of = made(&world, &[]).await.id;
        let (one, other) = (connection(&world, &of), connection(&world, &of));
        let (one, other) = tokio::join!(
            world.make_connection(one, true, Some(answer.clone())),
            world.make_connection(other, true, Some(answer.clone())),
        );
        let outcomes = [one.unwrap().unwrap(), other.unwrap().unwrap()];
        assert!(outcomes.contains(&Made::Now) && outcomes.contains(&Made::Before(answer)), "{outcomes:?}");
        assert_eq!(world.managed().await.unwrap().connections.len(), 1);
    }

    async fn a_call_that_is_refused_keeps_no_answer(world: World) {
        made(&world, &[("example.com", true)]).await;
        let answer = kept(&world, 1);
        let refused = organization(&world, &[("example.com", true)]);
        assert!(world.make_organization(refused, Some(answer.clone()), 100).await.unwrap().is_err());
        assert_eq!(world.kept_answer(&answer.key).await.unwrap(), None);
    }

    async fn a_connection_needs_its_organization_to_be_there(world: World) {
        let organization = made(&world, &[]).await;
        world.delete_organization(&organization.id, at(1)).await.unwrap();
        let record = connection(&world, &organization.id);
        assert_eq!(world.make_connection(record.clone(), true, None).await.unwrap(), Err(Refused::NoOrganization));
        assert_eq!(world.make_connection(record, false, None).await.unwrap(), Ok(Made::Now), "one of the configuration");
    }

    async fn the_log_tells_when_a_connection_comes_pauses_and_goes(world: World) {
        let organization = made(&world, &[]).await;
        let record = connection(&world, &organization.id);
        let off_from_the_start = ConnectionRecord { active: false, ..connection(&world, &organization.id) };
        world.make_connection(record.clone(), true, None).await.unwrap().unwrap();
        world.make_connection(off_from_the_start.clone(), true, None).await.unwrap().unwrap();
        let taken = ConnectionRecord { id: ConnectionId::from_random(world.bits()), organization: OrganizationId::from_random(world.bits()), ..record.clone() };
        assert_eq!(world.make_connection(taken, true, None).await.unwrap(), Err(Refused::NoOrganization));
        let mut last = record.clone();
        for (active, name, now) in [(true, "Renamed", 1), (false, "Renamed", 2), (false, "Again", 3), (true, "Again", 4)] {
            let fresh = ConnectionRecord { active, name: name.to_owned(), updated_at: at(now), ..last.clone() };
            world.change_connection(fresh.clone(), last.updated_at).await.unwrap().unwrap();
            assert_eq!(world.change_connection(fresh.clone(), last.updated_at).await.unwrap(), Err(Refused::Changed));
            last = fresh;
        }
        let other = connected(&world).await;
        assert!(world.delete_connection(&other.id, at(5)).await.unwrap());
        assert!(!world.delete_connection(&other.id, at(6)).await.unwrap());
        assert!(world.delete_organization(&organization.id, at(7)).await.unwrap());
        let log = world.events(0, 100).await.unwrap();
        let of = |id: &ConnectionId| -> Vec<_> {
            let theirs = log.iter().filter(|event| event.connection.as_deref() == Some(id.as_str()));
            theirs.map(|event| (Kind::parse(&event.kind).unwrap(), event.at, event.facts.name.clone().unwrap())).collect()
        };
        let expected = [
            (Kind::ConnectionActivated, at(0), "Example".to_owned()),
            (Kind::ConnectionDeactivated, at(2), "Renamed".to_owned()),
            (Kind::ConnectionActivated, at(4), "Again".to_owned()),
            (Kind::ConnectionDeleted, at(7), "Again".to_owned()),
        ];
        assert_eq!(of(&record.id), expected);
        assert_eq!(of(&off_from_the_start.id), [(Kind::ConnectionDeleted, at(7), "Example".to_owned())]);
        assert_eq!(of(&other.id).iter().map(|(kind, ..)| *kind).collect::<Vec<_>>(), [Kind::ConnectionActivated, Kind::ConnectionDeleted]);
        assert_eq!(log.iter().filter(|event| event.connection.is_some()).count(), 7, "what was refused is not told");
        let first = log.iter().find(|event| event.connection.as_deref() == Some(record.id.as_str())).unwrap();
        assert_eq!(first.organization.as_deref(), Some(organization.id.as_str()));
        assert_eq!(first.facts.connection_type.as_deref(), Some("GenericOIDC"));
    }

    async fn nobody_comes_through_a_connection_that_was_disabled_or_deleted(world: World) {
        let record = connected(&world).await;
        assert!(begin_through(&world, &record.id, 1).await.is_ok());
        let off = ConnectionRecord { active: false, updated_at: at(2), ..record.clone() };
        world.change_connection(off.clone(), at(0)).await.unwrap().unwrap();
        assert_eq!(begin_through(&world, &record.id, 3).await, Err(BeginRefusal::EndedUpstream));
        world.change_connection(ConnectionRecord { active: true, updated_at: at(4), ..off }, at(2)).await.unwrap().unwrap();
        assert!(begin_through(&world, &record.id, 5).await.is_ok());
        world.delete_connection(&record.id, at(6)).await.unwrap();
        assert_eq!(begin_through(&world, &record.id, 7).await, Err(BeginRefusal::EndedUpstream));
        let of_the_file = ConnectionId::parse("conn_01FILE").unwrap();
        assert!(begin_through(&world, &of_the_file, 8).await.is_ok());
    }

    async fn the_end_of_a_connection_owes_a_logout_until_it_is_settled(world: World) {
        let (record, organization) = (connected(&world).await, made(&world, &[]).await);
        let with_it = connection(&world, &organization.id);
        world.make_connection(with_it.clone(), true, None).await.unwrap().unwrap();
        assert!(world.connections_owing().await.unwrap().is_empty());
        let off = ConnectionRecord { active: false, updated_at: at(2), ..record.clone() };
        world.change_connection(off, at(0)).await.unwrap().unwrap();
        world.delete_organization(&organization.id, at(3)).await.unwrap();
        let mut expected = vec![record.id.clone(), with_it.id.clone()];
        expected.sort();
        let owing = async || -> Vec<_> { world.connections_owing().await.unwrap().into_iter().map(|(id, _)| id).collect() };
        assert_eq!(owing().await, expected);
        assert_eq!(world.managed().await.unwrap().connections.iter().map(|one| &one.id).collect::<Vec<_>>(), [&record.id]);
        world.connection_settled(&record.id, at(1), at(3)).await.unwrap();
        assert_eq!(owing().await, expected, "it has changed since");
        world.connection_settled(&record.id, at(2), at(3)).await.unwrap();
        world.connection_settled(&with_it.id, at(3), at(3)).await.unwrap();
        assert_eq!(owing().await, [with_it.id.clone()], "a sign-in may still be under way");
        assert_eq!(begin_through(&world, &with_it.id, 4).await, Err(BeginRefusal::EndedUpstream));
        world.connection_settled(&with_it.id, at(3), at(4)).await.unwrap();
        assert!(owing().await.is_empty());
    }
}
