//! Measures the parser on one core: `cargo run --release -p hl7v2 --example parse_speed`.
#![expect(clippy::print_stdout, reason = "its output is what it is run for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hl7v2::mllp::{self, Decoder};
use hl7v2::{CharsetChoice, Message, Path, Scratch, parse_with};

/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(1);

/// The values that a mapper of orders reads.
const PATHS: [Path; 24] = [
    Path::new("PID-3.1"),
    Path::new("PID-3.4"),
    Path::new("PID-3[2].1"),
    Path::new("PID-5.1"),
    Path::new("PID-5.2"),
    Path::new("PID-7"),
    Path::new("PID-8"),
    Path::new("PV1-2"),
    Path::new("PV1-3.1"),
    Path::new("PV1-3.3"),
    Path::new("PV1-19"),
    Path::new("AL1-3.1"),
    Path::new("ORC-1"),
    Path::new("ORC-2.1"),
    Path::new("ORC-9"),
    Path::new("ORC-12.1"),
    Path::new("TQ1-3.1"),
    Path::new("TQ1-7"),
    Path::new("RXE-2.1"),
    Path::new("RXE-2.2"),
    Path::new("RXE-3"),
    Path::new("RXE-5.1"),
    Path::new("RXE-21.2"),
    Path::new("RXR-1.1"),
];

/// An order of about 1 KB.
fn order() -> Vec<u8> {
    let segments = [
        r"MSH|^~\&|EPMA|RXX|HUB|TRUST|20261120101500+0000||RDE^O11^RDE_O11|A100017|P|2.5.1|||AL|NE|GBR|UNICODE UTF-8",
        "PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||TEST^PATIENT^ONE^^MS||19800101|F|||1 HIGH STREET^^LEEDS^^LS1 1AA||01130000000",
        "PV1|1|I|WARDA^BAY2^B03^RXX||||C1234567^CONSULTANT^CARL^^^DR|||||||||||V9001^^^RXX|||||||||||||||||||||||||20261118093000",
        "AL1|1|DA|91936005^Allergy to penicillin^SCT|SV|Anaphylaxis in 1998|19980301",
        "ORC|NW|ORD70001^EPMA|||||||20261120101400|P4711^PRESCRIBER^PAULA^^^DR||C1234567^CONSULTANT^CARL^^^DR|||20261120101400",
        "TQ1|1|1^tablet|Q6H^Every six hours^HL70335|||5^d|20261120120000|20261125120000|R^Routine^HL70485",
        "RXE|1|322236009^Paracetamol 500mg tablets^SCT^PARA500^Paracetamol 500 mg tab^99RXX|500|1000|mg^milligram^UCUM|TAB^Tablet^HL70292|^Not more than 4 g in 24 hours||||||P4711^PRESCRIBER^PAULA||||||||^With \\T\\ after food",
        "RXR|26643006^Oral route^SCT||||",
        "NTE|1|L|Review on day five; step down to as-required dosing when the pain score is below three for a whole day",
    ];
    segments.iter().flat_map(|segment| [segment.as_bytes(), b"\r"]).flatten().copied().collect()
}

/// Runs `work` for a second and prints its rate.
fn measure(what: &str, bytes: usize, mut work: impl FnMut()) {
    let start = Instant::now();
    let mut rounds: u64 = 0;
    while start.elapsed() < RUN {
        for _ in 0..1000 {
            work();
        }
        rounds += 1000;
    }
    let nanoseconds = start.elapsed().as_nanos();
    let total = u128::from(rounds) * bytes as u128;
    let per_second = u128::from(rounds) * 1_000_000_000 / nanoseconds;
    println!("{what:<36} {:>6} MB/s {per_second:>9}/s", total * 1000 / nanoseconds);
}

fn segments(message: &Message<'_>) -> usize {
    message.segment_count()
}

fn read(message: &Message<'_>) -> usize {
    PATHS.iter().map(|path| message.at(path).text().len()).sum()
}

fn read_by_segment(message: &Message<'_>) -> usize {
    let mut read = 0;
    for segment in message.iter() {
        for field in segment.fields() {
            read += field.repetitions().map(|r| r.component(1).text().len()).sum::<usize>();
        }
    }
    read
}

fn main() {
    let bytes = order();
    println!("one RDE^O11 of {} bytes", bytes.len());
    let charset = CharsetChoice::default();
    let mut scratch = Scratch::default();
    let mut with = |read: fn(&Message<'_>) -> usize| {
        let (message, issues) =
            parse_with(black_box(&bytes), charset, &mut scratch).expect("valid");
        assert!(issues.is_empty());
        black_box(read(&message));
        scratch.reclaim(message);
    };
    measure("parse", bytes.len(), || with(segments));
    measure("parse and read 24 values by path", bytes.len(), || {
        with(read);
    });
    measure("parse and read every field", bytes.len(), || {
        with(read_by_segment);
    });
    measure("encode again", bytes.len(), || {
        let (message, _) =
            parse_with(black_box(&bytes), charset, &mut Scratch::default()).expect("valid");
        black_box(message.encode());
    });
    let framed = mllp::encode(&bytes).expect("no framing bytes");
    let pipelined = framed.repeat(8);
    let mut decoder = Decoder::default();
    measure("MLLP, 8 frames a read", pipelined.len(), || {
        decoder.push(black_box(&pipelined));
        assert_eq!(decoder.by_ref().map(black_box).count(), 8);
    });
}
