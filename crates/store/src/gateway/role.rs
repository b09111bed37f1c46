//! The PostgreSQL role of a node that is only a gateway: what it may do, as SQL for the owner of the database to run.

/// A name that cannot be that of a role here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of the role must begin with a letter and have only small letters, digits and _, 63 at most")]
pub struct InvalidRole;

/// The SQL that makes the role `name`, or brings one that is there to just these rights. To be run in the database of the server, by the
/// owner of its tables. It gives no password.
///
/// No right of these lets anybody lock a session, a logout or a step, or see a secret that is not a route's.
///
/// # Errors
/// [`InvalidRole`].
pub fn role(name: &str) -> Result<String, InvalidRole> {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !letters || name.len() > 63 || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(InvalidRole);
    }
    Ok(TEMPLATE.replace("NAME", name))
}

const TEMPLATE: &str = "\
BEGIN;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'NAME' AND rolsuper)
        OR EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'NAME')
        OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'NAME') THEN
        RAISE EXCEPTION 'the role NAME owns tables, is a member of another role or a superuser: choose another name';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'NAME') THEN
        CREATE ROLE NAME;
    END IF;
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM NAME', current_schema());
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM NAME', current_schema());
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO NAME', current_schema());
    IF has_schema_privilege('NAME', current_schema(), 'CREATE') THEN
        RAISE EXCEPTION 'everybody may create functions in the schema %, which servers could come to call', current_schema()
            USING HINT = format('run this first: REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    END IF;
END $$;
ALTER ROLE NAME LOGIN NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- Is this the schema that the node knows?
GRANT SELECT (version) ON refinery_schema_history TO NAME;
-- What has ended and for how long that is known, what of it waits for the gateway, and the keys that sign who a person is to a route.
GRANT SELECT ON revocations, gateway_evictions, gateway_keys, gateway_terms TO NAME;
-- That the node is there, that it refuses what has ended, and which sessions it saw used.
GRANT SELECT (node, seen_at), INSERT (node, seen_at), UPDATE (seen_at) ON gateway_nodes TO NAME;
GRANT SELECT (step_id, node), INSERT (step_id, node, at, streams) ON gateway_acks TO NAME;
GRANT INSERT (session_id, at) ON gateway_used TO NAME;
COMMIT;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_a_name_that_needs_no_quotes_and_hides_no_statement() {
        let sql = role("acquit_gateway1").unwrap();
        assert!(sql.contains("CREATE ROLE acquit_gateway1;") && !sql.contains("NAME"), "{sql}");
        for name in ["", "1a", "_a", "a b", "a;DROP TABLE users", "a'b", "a\"b", "A", "a-b", &"a".repeat(64)] {
            assert_eq!(role(name), Err(InvalidRole), "{name}");
        }
    }
}
