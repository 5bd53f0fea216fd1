//! HL7 v2 over bytes: parse, build, escape, MLLP framing, acknowledgements.
