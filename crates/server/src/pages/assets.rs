//! Style sheet, scripts and icon: embedded, and served under URLs that name their content, so that browsers keep them for ever.
//! They lie where they are found on the hosts of routes too, whose other paths are the apps'.

use std::{fmt::Write as _, sync::LazyLock};

use aws_lc_rs::digest::{SHA256, digest};

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Its whole path, with the hash of its content: `/.acquit/assets/acquit.0123456789abcdef.css`.
    pub path: String,
    /// The value for `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    name: &'static str,
}

/// Where they lie.
pub const FOLDER: &str = "/.acquit/assets/";
/// The value for `Cache-Control` of an asset: its URL changes when its content does.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset("acquit.css", CSS, include_bytes!("../../assets/acquit.css")),
        asset("icon.svg", SVG, include_bytes!("../../assets/icon.svg")),
        asset("times.js", JS, include_bytes!("../../assets/times.js")),
        asset("receipt.js", JS, include_bytes!("../../assets/receipt.js")),
        asset("signing-out.js", JS, include_bytes!("../../assets/signing-out.js")),
        asset("form-post.js", JS, include_bytes!("../../assets/form-post.js")),
    ]
});

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let mut hash = String::new();
    for byte in digest(&SHA256, bytes).as_ref().iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Asset { path: format!("{FOLDER}{stem}.{hash}.{extension}"), content_type, bytes, name }
}

/// The asset at this path (`/.acquit/assets/…`); none when the name or the hash is not one of ours.
#[must_use]
pub fn at(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// All assets, for those who write them somewhere else.
#[must_use]
pub fn all() -> &'static [Asset] {
    &ASSETS
}

/// The URL path of an asset by its plain name, for the templates; empty for a name that does not exist, which a test rules out.
#[must_use]
pub fn url(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_the_url_that_names_its_content() {
        for asset in all() {
            assert_eq!(at(url(asset.name)).map(|found| found.name), Some(asset.name));
            assert!(asset.path.starts_with(FOLDER), "{}", asset.path);
        }
        assert!(at("/.acquit/assets/acquit.css").is_none());
        assert!(at("/.acquit/assets/acquit.0000000000000000.css").is_none());
    }
}
