//! Identities, roles and the grants that policy gives.
