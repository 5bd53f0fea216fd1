//! Properties that hold for any input.

use hl7v2::ack::{AckCode, Condition, ErrorDetail, Reply, parse_ack, reply};
use hl7v2::mllp::{self, Decoder, Ending, Event};
use hl7v2::time::Dtm;
use hl7v2::{
    Charset, CharsetChoice, Message, MessageBuilder, Presence, Value, parse, parse_as, parse_header,
};
use proptest::prelude::*;

/// Reads every part of a message by every reader.
fn read_all(message: &Message<'_>) -> usize {
    let mut read = 0;
    for segment in message.iter() {
        read += segment.name().len() + message.sequence_of(&segment);
        let mut count = 0;
        for (field, number) in segment.fields().zip(1..) {
            assert_eq!(field, segment.field(number));
            count = number;
            read += field.free_text().len() + usize::from(field.time().is_value());
            for (repetition, r) in field.repetitions().zip(1..) {
                assert_eq!(repetition, field.repetition(r));
                for (component, c) in repetition.components().zip(1..) {
                    assert_eq!(component, repetition.component(c));
                    for (part, s) in component.subcomponents().zip(1..) {
                        assert_eq!(part, component.subcomponent(s));
                        read += part.text().len();
                    }
                }
            }
        }
        assert_eq!(count, segment.field_count());
        assert!(segment.field(count + 1).is_absent());
    }
    read
}

/// Bytes that look like HL7 more often than chance would have it.
fn hl7_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"|".to_vec()),
        2 => prop::sample::select(b"^~\\&\"#".to_vec()).prop_map(|byte| vec![byte]),
        2 => prop::sample::select(vec!["\r", "\n", "\r\n", "\r\rPID|", "\nPID|", "\rMSH|"])
            .prop_map(|end| end.as_bytes().to_vec()),
        1 => prop::sample::select(vec!["\\X0D\\", "\\XC3\\", "\\.br\\", "\\E\\", "\"\"", "\u{B}"])
            .prop_map(|escape| escape.as_bytes().to_vec()),
        4 => "[A-Za-z0-9 é]{0,6}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    let start =
        prop::sample::select(vec!["MSH|^~\\&|", "MSH|", "MSH", "MSH#*~!@#", "", "\u{FEFF}MSH|"]);
    (start, prop::collection::vec(piece, 0..60))
        .prop_map(|(start, pieces)| [start.as_bytes(), &pieces.concat()].concat())
}

fn charset() -> impl Strategy<Value = Charset> {
    prop::sample::select(vec![
        Charset::Ascii,
        Charset::Utf8,
        Charset::Latin1,
        Charset::Windows1252,
        Charset::Iso8859(2),
    ])
}

/// A small message: per segment its fields, per field repetitions of components.
type Shape = Vec<Vec<Vec<Vec<Presence<String>>>>>;

fn value() -> impl Strategy<Value = Presence<String>> {
    let text =
        prop_oneof!["[ -~\t]{1,8}", "[|^~\\\\&\"#\r\n\u{B}\u{1C}XETb.]{1,8}", "[é€ł漢字µ’]{1,4}",];
    prop_oneof![
        2 => Just(Presence::Absent),
        1 => Just(Presence::Null),
        4 => text.prop_map(Presence::Value),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let repetition = prop::collection::vec(value(), 0..4);
    let field = prop::collection::vec(repetition, 0..3);
    prop::collection::vec(prop::collection::vec(field, 0..5), 0..4)
}

fn to_send(value: &Presence<String>) -> Value<'_> {
    match value {
        Presence::Value(text) => Value::Text(text),
        Presence::Null => Value::Null,
        Presence::Absent => Value::Absent,
    }
}

fn build(shape: &Shape, charset: Charset) -> MessageBuilder {
    let mut builder = MessageBuilder::new(charset);
    builder.header().set(10, "1");
    for fields in shape {
        let segment = builder.segment("ZZZ");
        for (field, f) in fields.iter().zip(1..) {
            for (repetition, r) in field.iter().zip(1..) {
                let values: Vec<Value<'_>> = repetition.iter().map(to_send).collect();
                segment.components(f, r, &values);
            }
        }
    }
    builder
}

/// Line ends are all read as `\n`.
fn one_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in prop_oneof![hl7_like(), prop::collection::vec(any::<u8>(), 0..200)],
        charset in charset(),
    ) {
        for choice in [CharsetChoice::Always(charset), CharsetChoice::DeclaredOr(charset)] {
            let header = parse_header(&bytes, choice);
            let Ok((message, issues)) = parse_as(&bytes, choice) else { continue };
            read_all(&message);
            prop_assert!(issues.iter().all(|issue| issue.offset <= bytes.len()));
            prop_assert_eq!(header.unwrap().header(), message.header());
            let _ = parse_ack(&message);
        }
    }

    #[test]
    fn every_byte_is_in_a_segment_or_an_issue(bytes in hl7_like()) {
        let Ok((message, issues)) = parse(&bytes) else { return Ok(()) };
        let encoded = message.encode();
        if issues.is_empty() {
            prop_assert_eq!(&encoded, &bytes);
        }
        // What is not in the proper form is separators of lines and what stands before MSH.
        let content = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect()
        };
        prop_assert_eq!(content(&encoded), content(&bytes[message.leading().len()..]));
        let (again, _) = parse(&encoded).unwrap();
        prop_assert_eq!(again.segment_count(), message.segment_count());
        prop_assert_eq!(again.encode(), encoded);
    }

    #[test]
    fn what_is_built_is_read(shape in shape(), charset in charset()) {
        let builder = build(&shape, charset);
        let Ok(bytes) = builder.encode() else {
            // UTF-8 holds every text.
            prop_assert_ne!(charset, Charset::Utf8);
            return Ok(());
        };
        let (message, issues) = parse_as(&bytes, CharsetChoice::Always(charset)).unwrap();
        prop_assert!(issues.is_empty(), "{:?}", issues);
        prop_assert_eq!(message.segment_count(), shape.len() + 1);
        prop_assert_eq!(message.encode(), &bytes[..]);
        for (fields, segment) in shape.iter().zip(message.segments("ZZZ")) {
            for (field, f) in fields.iter().zip(1..) {
                for (repetition, r) in field.iter().zip(1..) {
                    for (expect, c) in repetition.iter().zip(1..) {
                        let read = segment.field(f).repetition(r).component(c).value();
                        let expect = expect.clone().map(|text| one_line_end(&text));
                        prop_assert_eq!(read.map(String::from), expect);
                    }
                }
            }
        }
        prop_assert!(mllp::encode(&bytes).is_ok());
    }

    #[test]
    fn a_copied_message_is_the_same(bytes in hl7_like()) {
        let Ok((message, issues)) = parse(&bytes) else { return Ok(()) };
        let plain = |byte: &u8| *byte >= b' ' || b"\r\t".contains(byte);
        if !issues.is_empty() || !bytes.iter().all(plain) {
            return Ok(());
        }
        let mut copy = MessageBuilder::with(message.delimiters(), message.charset());
        let header = message.header().segment();
        for number in 3..=header.field_count() {
            copy.header().copy(number, &header.field(number));
        }
        for segment in message.iter().skip(1) {
            copy.copy(&segment);
        }
        let copied = copy.encode().unwrap();
        // A header's empty fields at its end are the one thing that is not repeated.
        let separator = message.delimiters().field;
        let tail = header.raw().iter().rev().take_while(|&&byte| byte == separator).count();
        let trimmed = header.raw().len() - tail;
        prop_assert!(copied.starts_with(&header.raw()[..trimmed]));
        prop_assert!(copied.ends_with(&bytes[header.raw().len()..]));
    }

    #[test]
    fn every_header_can_be_answered(bytes in hl7_like(), text in "\\PC{0,20}") {
        let Ok(message) = parse_header(&bytes, CharsetChoice::default()) else { return Ok(()) };
        let time = "2026-11-20T10:15:00+00:00[Europe/London]".parse().unwrap();
        let errors = [ErrorDetail::new(Condition::Internal).saying(text.as_str())];
        let (code, control_id) = (AckCode::Error, "R1");
        let answer = Reply { code, control_id, time: &time, text: &text, errors: &errors };
        let made = reply(&message.header(), &answer);
        prop_assert!(mllp::encode(&made).is_ok());
        let (read, _) = parse_as(&made, CharsetChoice::Always(message.charset())).unwrap();
        let ack = parse_ack(&read).unwrap();
        prop_assert_eq!(ack.code, code);
        let id = message.header().control_id_raw();
        if !id.iter().any(u8::is_ascii_control) {
            prop_assert_eq!(read.segment("MSA").unwrap().field(2).raw(), id);
        }
    }

    #[test]
    fn frames_do_not_depend_on_the_cuts(
        stream in prop::collection::vec(
            prop::sample::select(b"\x0B\x0B\x1C\x1C\r\rabcdefgh".to_vec()), 0..80),
        frames in prop::collection::vec("[a-z|\r]{0,12}", 0..5),
        cuts in prop::collection::vec(1_usize..9, 1..20),
        alone in any::<bool>(),
    ) {
        let mut stream = stream;
        for frame in &frames {
            stream.extend(mllp::encode(frame.as_bytes()).unwrap());
        }
        let ending = if alone { Ending::EndByteAlone } else { Ending::Proper };
        let run = |pieces: Vec<&[u8]>| {
            let mut decoder = Decoder::new(10, ending);
            for piece in pieces {
                decoder.push(piece);
            }
            decoder.finish();
            // How much of an oversized frame had come when it was seen depends on the cuts.
            decoder.map(|event| match event {
                Event::Oversized { limit, .. } => Event::Oversized { head: Vec::new(), limit },
                other => other,
            }).collect::<Vec<_>>()
        };
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = after;
        }
        let whole = run(vec![&stream]);
        prop_assert_eq!(&run(pieces), &whole);
        // Frames that fit all arrive, last and in order.
        let fits: Vec<_> = frames.iter().filter(|frame| frame.len() <= 10).collect();
        let found: Vec<_> = whole.iter().filter_map(|event| match event {
            Event::Frame(frame) => Some(String::from_utf8_lossy(frame).into_owned()),
            _ => None,
        }).collect();
        let tail = &found[found.len() - fits.len()..];
        prop_assert!(tail.iter().eq(fits));
    }

    #[test]
    fn times_never_panic_and_read_back(text in "[0-9]{0,16}(\\.[0-9]{0,5})?([+-][0-9]{0,5})?") {
        if let Ok(dtm) = Dtm::parse(&text) {
            prop_assert_eq!(dtm.to_string(), text.replace("-0000", "+0000"));
            let _ = dtm.resolve(&jiff::tz::TimeZone::UTC);
            prop_assert_eq!(Dtm::parse(&dtm.to_string()), Ok(dtm));
        }
    }
}
