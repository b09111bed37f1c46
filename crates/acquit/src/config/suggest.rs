//! What was probably meant.

/// No name is longer, so a longer word means none.
const LONGEST: usize = 64;

/// Names that people bring along from other programs, and what they are called here. A key is only suggested where the
/// table takes it.
const ALIASES: &[(&str, &[&str])] = &[
    ("address", &["listen"]),
    ("bind", &["listen"]),
    ("host", &["listen", "host"]),
    ("port", &["listen"]),
    ("base_url", &["public_url"]),
    ("external_url", &["public_url"]),
    ("issuer", &["public_url"]),
    ("url", &["public_url", "issuer"]),
    ("database", &["store"]),
    ("db", &["store"]),
    ("path", &["url"]),
    ("clients", &["applications"]),
    ("apps", &["applications"]),
    ("client", &["applications"]),
    ("tokens", &["api_tokens"]),
    ("secret", &["client_secret", "token"]),
    ("callback", &["redirect_uris"]),
    ("callbacks", &["redirect_uris"]),
    ("callback_url", &["redirect_uris"]),
    ("type", &["protocol"]),
    ("logout_url", &["backchannel_logout_uri"]),
    ("protocol", &["type"]),
    ("issuer_url", &["issuer"]),
    ("discovery_endpoint", &["issuer"]),
    ("discovery_url", &["issuer"]),
    ("attribute_maps", &["attributes"]),
    ("user", &["users", "username"]),
    ("login", &["username"]),
    ("mail", &["email"]),
    ("cidr", &["net"]),
    ("network", &["net"]),
    ("hash", &["password_hash"]),
    ("session_timeout", &["session_idle"]),
    ("idle", &["session_idle"]),
    ("deadline", &["logout_deadline"]),
];

/// The one of `known` that `written` most probably means.
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase().replace('-', "_");
    let best = known
        .iter()
        .map(|candidate| (distance(&written, &candidate.to_lowercase()), *candidate))
        // A third of the letters may be wrong; beyond that a suggestion is a guess.
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(written.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    best.or_else(|| {
        let (_, meant) = ALIASES.iter().find(|(alias, _)| *alias == written)?;
        meant.iter().find_map(|name| known.iter().find(|candidate| *candidate == name)).copied()
    })
}

/// How many letters must be added, dropped, changed or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(LONGEST).collect();
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, &l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &r) in right.iter().enumerate() {
            let change = rows[i][j] + usize::from(l != r);
            let mut best = change.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && l == right[j - 1] && left[i - 1] == r {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["redirect_uris", "post_logout_redirect_uris", "client_id", "client_secret", "name", "id"];

    #[test]
    fn a_slip_of_the_keyboard_is_understood() {
        assert_eq!(nearest("redirect_uri", KEYS), Some("redirect_uris"));
        assert_eq!(nearest("post-logout-redirect-uri", KEYS), Some("post_logout_redirect_uris"));
        assert_eq!(nearest("cleint_id", KEYS), Some("client_id"));
        assert_eq!(nearest("Name", KEYS), Some("name"));
    }

    #[test]
    fn a_word_from_another_program_is_understood() {
        assert_eq!(nearest("secret", KEYS), Some("client_secret"));
        assert_eq!(nearest("port", &["public_url", "listen"]), Some("listen"));
    }

    #[test]
    fn nothing_is_suggested_for_a_word_that_is_like_no_other() {
        assert_eq!(nearest("frobnicate", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest(&"x".repeat(100_000), KEYS), None);
    }

    #[test]
    fn swapped_neighbours_count_once() {
        assert_eq!(distance("lsiten", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
