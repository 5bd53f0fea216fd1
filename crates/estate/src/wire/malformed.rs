//! Bytes that are no proper message, as broken senders make them.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::chance::Chance;

/// Bytes to go before a proper message, frame and all, and whether an answer can be expected.
pub(crate) fn malformed(rng: &mut StdRng, application: &str, control_id: &str) -> (Vec<u8>, bool) {
    let header = |kind: &str| {
        format!("MSH|^~\\&|{application}|RXX|INTERLOCK|RXX|20261120||{kind}|X-{control_id}|P|2.5\r")
    };
    let (message, answer) = match rng.random_range(0..7_u8) {
        0 => {
            let bytes = (0..rng.random_range(1..200_usize)).map(|_| rng.random_range(32..=255_u8));
            (bytes.collect(), false)
        }
        1 => (b"MSH|^~".to_vec(), false),
        2 => (b"PID|1||no header".to_vec(), false),
        3 => ((header("ZZZ^Z99") + "ZZZ|what is this\r").into_bytes(), true),
        4 => (header("ADT^A01^ADT_A01").into_bytes(), true),
        5 => ((header("RDE^O11^RDE_O11") + "PID|1\rORC\rRXE||\\X\\|many\r").into_bytes(), true),
        _ => ((header("OMS^O05") + "ZPM|?|nowhere|0|||||x|-|y\r").into_bytes(), true),
    };
    if rng.per_mille(150) {
        // A frame that begins twice; what follows the second begin is what counts.
        return ([&[0x0B][..], &message, &[0x0B, 0x1C, 0x0D]].concat(), false);
    }
    (super::mllp::framed(&message), answer)
}
