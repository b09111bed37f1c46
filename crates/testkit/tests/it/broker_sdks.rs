//! The broker, called by WorkOS's official SDKs.
