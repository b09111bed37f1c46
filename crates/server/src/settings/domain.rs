//! Mail domains.

/// Whether `domain`, in lower case, is a name that the DNS can have, and no address.
#[must_use]
pub fn domain_is_valid(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.len() <= 253 && domain.split('.').all(label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_that_the_dns_can_have() {
        for domain in ["example.com", "a.b.c.example", "xn--bcher-kva.example", "3com.com", "corp"] {
            assert!(domain_is_valid(domain), "{domain}");
        }
        let (label, name) = (format!("{}.com", "a".repeat(64)), format!("{}com", "a.".repeat(130)));
        for domain in [
            "",
            ".",
            "example.com.",
            "*.example.com",
            "-a.com",
            "a-.com",
            "a..com",
            "192.168.1.4",
            "bücher.de",
            "a b.com",
        ] {
            assert!(!domain_is_valid(domain), "{domain}");
        }
        assert!(!domain_is_valid(&label) && !domain_is_valid(&name));
    }
}
