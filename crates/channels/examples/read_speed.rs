//! How long reading one message takes, from bytes to a request.
//!
//! ```sh
//! cargo run --release -p channels --example read_speed
//! ```

use std::hint::black_box;
use std::time::Instant;

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, answer, read_with};
use hl7v2::Scratch;

const ROUNDS: u32 = 100_000;

/// A new order of about one kilobyte.
const ORDER: &str = "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11^RDE_O11|E100001|P|2.5.1\r\
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||TEST^PATIENT^MAY^^MRS||19800102|F|||12 HIGH \
    STREET^FLAT 3^ANYTOWN^^AB1 2CD^GBR^H||01632960001^PRN^PH~07700900001^PRS^CP|01632960002^WPN\r\
    PV1|1|I|WARDA^BAY2^B03|||WARDB|C9998^CONSULTANT^CARA^^^DR|||430|||||||||V9001||||||||||||||||\
    |||||||||20261120100000\r\
    ORC|NW|7001^EPMA|F55^PHARM|G12|||||20261120101200|C1000^CLERK^CLEO|P2000^PHARMACIST^PETRA|\
    D3000^DOCTOR^DORA^^^DR|||20261120110000\r\
    RXE||322236009^Paracetamol 500mg tablets^DMD^PARA500^Paracetamol 500 mg tablets^L|1||G|\
    385055001^Tablet^SCT|WF^With or after food|||48|TABLET|0||P2000^PHARMACIST^PETRA|RX77||||4^G||\
    Take two tablets four times a day with or after food||||||PAIN^Pain^L\r\
    NTE|1||Maximum of eight tablets in 24 hours. Check what else the patient takes at home.\r\
    TQ1|1||QDS|||5^D|20261120120000||R\r\
    RXR|26643006^Oral^SCT\r";

const TRANSACTION: &str = "MSH|^~\\&|ADC|WARDA|HUB|TRUST|20261120101500||OMS^O05^OMS_O05|A7|P|2.5\r\
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||TEST^PATIENT||19800101|F\r\
    PV1|1|I|WARDA^BAY2^B03||||||||||||||||V9001\rORC|RE|7001^EPMA|A55\r\
    RQD|1|MORPH10^Morphine 10mg/1ml inj|MORPH10^Morphine 10mg/1ml inj||1|ampoule\r\
    ZPM|V|ADC|WARDA1|3|05|MORPH10^Morphine sulfate 10mg/1ml inj|2|12|12|1|N1001^NURSE^ANNA|\
    N1002^NURSE^BEN|11|RXX|WARDA|C17|20|5|20261120101432|L2231\r";

#[expect(clippy::print_stdout, reason = "the figures are what the example is for")]
fn main() {
    let channel = InboundChannel::new("epma", Dialect::default(), "RXX", &[], "P");
    let mut scratch = Scratch::default();
    for (name, text) in [("RDE^O11", ORDER), ("OMS^O05 ZPM", TRANSACTION)] {
        let raw = text.as_bytes();
        for _ in 0..ROUNDS / 10 {
            black_box(read_with(black_box(raw), &channel, &mut scratch));
        }
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(read_with(black_box(raw), &channel, &mut scratch));
        }
        let each = start.elapsed() / ROUNDS;
        println!("read {name}, {} bytes: {each:?}", raw.len());
    }
    let understood = read_with(ORDER.as_bytes(), &channel, &mut scratch);
    assert!(matches!(understood.request, medicines::Request::Orders(_)));
    let at = "2026-11-20T10:15:00Z".parse().expect("a time");
    let start = Instant::now();
    for seq in 0..ROUNDS {
        black_box(answer(&understood.reply_to, &medicines::Answer::Done, seq.into(), at));
    }
    println!("answer: {:?}", start.elapsed() / ROUNDS);
}
