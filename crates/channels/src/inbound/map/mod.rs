//! From HL7 data types and segments to FHIR, shared by the messages.

pub(crate) mod al1;
pub(crate) mod coded;
pub(crate) mod dose;
pub(crate) mod filing;
pub(crate) mod identifier;
pub(crate) mod obr;
pub(crate) mod obx;
pub(crate) mod order;
pub(crate) mod pid;
pub(crate) mod pv1;
pub(crate) mod quantity;
pub(crate) mod rxe;
pub(crate) mod rxo;
pub(crate) mod staff;
pub(crate) mod time;
pub(crate) mod tq1;
pub(crate) mod value;
