//! FHIR R4 resources in use, as typed readings of the raw JSON, and strict JSON.
