//! The configuration of the node of the crash trial.

use std::net::SocketAddr;
use std::path::Path;

/// After how many minutes a unit that nobody accounts for opens a case: soon, so that the timers
/// have to survive the faults too.
pub(super) const UNACCOUNTED_AFTER_MIN: u32 = 1;

/// One inbound channel that takes everything; a cabinet with a profile; an ePMA that is told.
///
/// With `segment_entries` its journal is sealed as soon as there are so many more entries.
pub(super) fn text(data: &Path, peers: SocketAddr, segment_entries: Option<u64>) -> String {
    let data = data.display();
    let journal = segment_entries.map_or_else(String::new, |entries| {
        format!("[journal]\nsegment_entries = {entries}\nkeep_entries = 0\n\n")
    });
    format!(
        r#"[node]
data = "{data}"
http = "127.0.0.1:0"

{journal}[site]
code = "RXX"

[[channel]]
name = "feed"
direction = "inbound"
listen = "127.0.0.1:0"

[[channel]]
name = "to-epma"
direction = "outbound"
connect = "{peers}"
on_unknown = "resend"
resync = "never"
ack_timeout_s = 5

[[channel]]
name = "to-warda1"
direction = "outbound"
connect = "{peers}"
on_unknown = "resend"
resync = "reconnect"
ack_timeout_s = 5

[[site.cabinet]]
system = "ADC"
station = "WARDA1"
wards = ["WARDA", "WARDB"]
channel = "to-warda1"

[[site.recorder]]
channel = "to-epma"

[[site.item]]
code = "PARA500"
name = "Paracetamol 500 mg tablets"
unit = "tablet"
strength = {{ value = "500", unit = "mg" }}
override_allowed = true

[[site.person]]
id = "N1001"
name = "NURSE, ANNA"
role = "nurse"

[site.policies]
unaccounted_after_min = {UNACCOUNTED_AFTER_MIN}
"#
    )
}
