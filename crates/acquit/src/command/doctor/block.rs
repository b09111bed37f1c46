//! The block of acquit.toml for an application.

use url::Url;

/// A good id for the application: what its host is called first.
pub(super) fn id(entity_id: &str, acs: Option<&str>) -> String {
    let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
    let host = host(entity_id).or_else(|| host(acs?)).unwrap_or_default();
    // Neither a number of an address nor "www" is a name.
    let labels =
        host.split('.').filter(|label| *label != "www" && !label.starts_with(|first: char| !first.is_alphabetic()));
    let label =
        labels.map(|label| label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>());
    label.into_iter().find(|label| !label.is_empty()).unwrap_or_else(|| "app".to_owned()).chars().take(64).collect()
}

/// The block, with the metadata where it was read from.
pub(super) fn write(id: &str, source: &str, entity_id: Option<&str>) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let place = if super::is_url(source) { "url" } else { "file" };
    let mut block = format!(
        "[[applications]]\nid = {}\nprotocol = \"saml\"\nmetadata = {{ {place} = {} }}\n",
        text(id),
        text(source)
    );
    if let Some(entity_id) = entity_id {
        block.push_str(&format!("entity_id = {}\n", text(entity_id)));
    }
    block.push_str("session_index_required = true\n");
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_first_name_in_the_host() {
        for (entity_id, acs, expected) in [
            ("https://wiki.example.com/saml/metadata", None, "wiki"),
            ("https://www.example.com/sp", None, "example"),
            ("urn:example:sp", Some("https://hr.example.com/acs"), "hr"),
            ("http://127.0.0.1:8080/metadata", None, "app"),
            ("wiki", None, "app"),
        ] {
            assert_eq!(id(entity_id, acs), expected, "{entity_id}");
        }
    }

    #[test]
    fn what_stands_in_the_block_cannot_leave_its_string() {
        let block = write("wiki", "a\"b\n[server].xml", Some("x\"\ny = 1"));
        let parsed: toml::Table = toml::from_str(&block).unwrap();
        assert_eq!(parsed["applications"][0]["metadata"]["file"].as_str(), Some("a\"b\n[server].xml"));
        assert_eq!(parsed["applications"][0]["entity_id"].as_str(), Some("x\"\ny = 1"));
    }
}
