//! Who may pass: the part of Pomerium's policy language that says "one of these people".

use serde_json::Value;
use toml::Table;

use super::strings;

/// Who may pass.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    pub(super) everyone: bool,
    pub(super) users: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) domains: Vec<String>,
    pub(super) groups: Vec<String>,
}

impl Allowed {
    pub(super) fn is_empty(&self) -> bool {
        !self.everyone && [&self.users, &self.emails, &self.domains, &self.groups].into_iter().all(Vec::is_empty)
    }

    pub(super) fn into_table(self) -> Table {
        let mut table = Table::new();
        if self.everyone {
            table.insert("everyone".to_owned(), true.into());
        }
        for (key, list) in
            [("users", self.users), ("emails", self.emails), ("domains", self.domains), ("groups", self.groups)]
        {
            if !list.is_empty() {
                table.insert(key.to_owned(), list.into());
            }
        }
        table
    }
}

/// Reads `policy`: `allow` rules whose criteria are joined by `or`. Anything that narrows (`and`, `not`, `deny`) is refused
/// whole: taken over in part it would let more people pass.
pub(super) fn read(policy: &Value, allow: &mut Allowed) -> Result<(), String> {
    let rules = match policy {
        Value::Array(rules) => rules.as_slice(),
        rule => std::slice::from_ref(rule),
    };
    let mut read = Allowed::default();
    for rule in rules {
        let rule = rule.as_object().ok_or("has a rule that is no table")?;
        for (effect, criteria) in rule {
            if effect != "allow" {
                return Err(format!(
                    "has a `{effect}` rule, which has no counterpart here; nothing of it was taken over"
                ));
            }
            let criteria = criteria.as_object().ok_or("has an `allow` without `or`")?;
            for (operator, list) in criteria {
                let list = list.as_array().ok_or("has criteria that are no list")?;
                // One criterion alone is the same under both.
                if operator != "or" && !(operator == "and" && list.len() == 1) {
                    return Err(format!(
                        "joins criteria by `{operator}`, which has no counterpart here; nothing of it was taken over"
                    ));
                }
                for criterion in list {
                    self::criterion(criterion, &mut read)?;
                }
            }
        }
    }
    allow.everyone |= read.everyone;
    allow.users.extend(read.users);
    allow.emails.extend(read.emails);
    allow.domains.extend(read.domains);
    allow.groups.extend(read.groups);
    Ok(())
}

fn criterion(criterion: &Value, read: &mut Allowed) -> Result<(), String> {
    let unknown =
        || format!("has the criterion {criterion}, which has no counterpart here; nothing of it was taken over");
    let Some((name, value)) = criterion.as_object().filter(|one| one.len() == 1).and_then(|one| one.iter().next())
    else {
        return Err(unknown());
    };
    let list = match name.as_str() {
        "authenticated_user" if *value != Value::Bool(false) => {
            read.everyone = true;
            return Ok(());
        }
        "email" => &mut read.emails,
        "domain" => &mut read.domains,
        "groups" => &mut read.groups,
        "user" => &mut read.users,
        _ => return Err(unknown()),
    };
    let value = match value {
        Value::Object(matcher) if matcher.len() == 1 => {
            let is = matcher.get("is").or(matcher.get("in")).or(matcher.get("has").filter(|_| name == "groups"));
            is.ok_or_else(unknown)?
        }
        value => value,
    };
    list.extend(strings(value).ok_or_else(unknown)?);
    Ok(())
}
