//! FHIR REST and the cabinet and bedside endpoints.
