//! Messages with a byte changed or an end missing: none panics, and what is parked says why.

use std::fs;
use std::path::Path;

use channels::inbound::{InboundChannel, read};
use medicines::Request;

use super::golden::CABINET;
use super::{channel, wire};

/// Bytes that separate, escape, end, delete or are no text.
const BYTES: [u8; 7] = [b'|', b'^', b'&', b'\\', b'"', b'9', 0xFF];

fn check(raw: &[u8], channel: &InboundChannel) {
    if let Request::Park(problem) = read(raw, channel).request {
        assert!(!problem.text.is_empty(), "{}", raw.escape_ascii());
    }
}

#[test]
fn damaged_messages_are_read_or_parked() {
    let channels = [channel(""), channel(CABINET)];
    let mut damaged = 0;
    for (folder, channel) in ["standard", "cabinet"].iter().zip(&channels) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
        for entry in fs::read_dir(folder).expect("the folder of messages").flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "hl7") {
                continue;
            }
            let whole = wire(&fs::read_to_string(path).expect("a message"));
            for at in 0..whole.len() {
                check(&whole[..at], channel);
                let mut raw = whole.clone();
                // Every place is damaged in one way, and every way comes about.
                raw[at] = BYTES[at % BYTES.len()];
                check(&raw, channel);
                raw.remove(at);
                check(&raw, channel);
                damaged += 3;
            }
        }
    }
    assert!(damaged > 20_000, "{damaged}");
}
