//! The read side in SQLite: FHIR store and index, live state rows, worklists, message index.
