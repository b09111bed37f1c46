//! The maps that every request looks at. Their keys are sessions, users and hosts, which Acquit or its operator names: nobody who
//! sends requests can put in keys that collide, so a quick hash is enough for them.

use std::collections::HashMap;

/// How their keys are hashed; seeded anew for each map.
pub type Hasher = foldhash::quality::RandomState;

/// A map of what Acquit or its operator named.
pub type Map<K, V> = HashMap<K, V, Hasher>;
