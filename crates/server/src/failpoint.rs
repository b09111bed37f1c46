//! Places where a test kills the process, to show that nothing is lost there. Only in builds with debug assertions.

/// Ends the process at once, without any cleaning up, when `ACQUIT_FAILPOINT` names this place; otherwise does nothing.
/// In release builds it is nothing at all.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "a switch for tests that must never be configuration")]
pub fn hit(place: &str) {
    if std::env::var("ACQUIT_FAILPOINT").is_ok_and(|wanted| wanted == place) {
        std::process::abort();
    }
}

/// In release builds it is nothing at all.
#[cfg(not(debug_assertions))]
pub fn hit(_place: &str) {}
