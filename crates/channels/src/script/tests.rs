use super::*;

const MESSAGE: &[u8] = b"MSH|^~\\&|A|B|C|D|20261120||RDE^O11|7|P|2.3\rPID|1||x^^^RXX^MR~y\r\
    ORC|NW|1\rRXE||AMOX\rORC|NW|2\rRXE||PARA|1.5\rZRX|1|\"\"|old\r";

fn ran(source: &str) -> Result<Ran, Problem> {
    let script = Script::compile("test.rhai", source).unwrap();
    let (message, _) = hl7v2::parse(MESSAGE).unwrap();
    let wards = Table::from([("W1".to_owned(), "WARDA".to_owned())]);
    let tables = Arc::new(BTreeMap::from([("wards".to_owned(), wards)]));
    script.run(Editor::new(&message), &tables, Way::In)
}

/// What the script makes of the message holds this segment.
fn check(source: &str, expect: &str) {
    let Ran::Done(editor) = ran(source).unwrap() else { panic!("{source}: dropped") };
    let made = String::from_utf8(editor.encode()).unwrap();
    assert!(made.split('\r').any(|line| line == expect), "{source}: {made}");
}

/// The script fails with these words.
fn fails(source: &str, code: ProblemCode, expect: &str) {
    let problem = ran(source).unwrap_err();
    assert_eq!((problem.code, problem.text.as_str()), (code, expect), "{source}");
}

#[test]
fn a_message_is_read_and_changed() {
    check(r#"msg.set("RXE[2]-2.2", msg.get("RXE[1]-2"))"#, "RXE||PARA^AMOX|1.5");
    check(r#"msg.set("RXE-3", 2)"#, "RXE||AMOX|2");
    check(r#"msg.set("RXE-3", 2.50 * 2)"#, "RXE||AMOX|5.00");
    check(r#"msg.set("RXE-3", "a|b")"#, r"RXE||AMOX|a\F\b");
    check(r#"msg.clear("ZRX-3"); msg.clear("ZRX-2")"#, "ZRX|1||");
    check(r#"msg.set_null("ZRX-1")"#, "ZRX|\"\"|\"\"|old");
    check(
        r#"if msg.is_null("ZRX-2") && !msg.is_null("ZRX-1") { msg.set("ZRX-1", "y") }"#,
        "ZRX|y|\"\"|old",
    );
    check(r#"msg.repeat("PID-3", ["z", "", "", "RXX"])"#, "PID|1||x^^^RXX^MR~y~z^^^RXX");
    check(r#"msg.set("ZRX-3", msg.repetitions("PID-3") + msg.count("ORC"))"#, "ZRX|1|\"\"|4");
    check(r#"let n = msg.add("NTE"); msg.set(`NTE[${n}]-3`, "note")"#, "NTE|||note");
    check(r#"let n = msg.add_after("RXE[1]", "TQ1"); msg.set(`TQ1[${n}]-1`, n)"#, "TQ1|1");
    check(r#"msg.set("ZRX-3", msg.lookup("wards", " W1 "))"#, "ZRX|1|\"\"|WARDA");
    check(r#"if msg.lookup("wards", "W2") == () { msg.set("ZRX-3", msg.way) }"#, "ZRX|1|\"\"|in");
    check(
        r#"for s in msg.segments() { if s == "RXE[2]" { msg.set(s + "-9", "x") } }"#,
        "RXE||PARA|1.5||||||x",
    );
    check(
        r#"fn shorten(m, p) { m.set(p, m.get(p).sub_string(0, 2)) } shorten(msg, "RXE-2")"#,
        "RXE||AM",
    );
    check("let ward = msg.get(\"PV1-3\"); if ward != \"\" { throw 1 }", "ZRX|1|\"\"|old");
}

#[test]
fn segments_are_taken_away() {
    let lines = |source: &str| {
        let Ran::Done(editor) = ran(source).unwrap() else { panic!() };
        (editor.places("RXE").count(), editor.places("ZRX").count())
    };
    assert_eq!(lines(r#"msg.remove("RXE[2]"); msg.remove("ZRX")"#), (1, 0));
    assert_eq!(lines(r#"msg.remove("RXE"); msg.remove("NTE")"#), (0, 1));
}

#[test]
fn a_message_is_dropped_or_refused() {
    assert!(matches!(ran("msg.drop(); msg.set(\"nowhere\", 1)"), Ok(Ran::Dropped)));
    let text = "the channel's script refuses the message: no";
    fails("if true { msg.reject(\"no\") }", ProblemCode::RefusedByScript, text);
    // What decided it cannot be caught and overruled.
    let caught = "try { msg.reject(\"no\") } catch { msg.drop() }";
    fails(caught, ProblemCode::RefusedByScript, text);
}

#[test]
fn an_error_tells_its_line_and_nothing_of_the_message() {
    let check = |source: &str, expect: &str| {
        fails(source, ProblemCode::ScriptFailed, &format!("line {expect}"));
    };
    check(
        "\nmsg.set(\"TQ1-1\", 1)",
        "2 of the channel's script test.rhai: the message has no \
        such segment as in TQ1-1: add it first",
    );
    check(
        "msg.get(\"Smith, Anna\")",
        "1 of the channel's script test.rhai: what is given is \
        not a place: write RXE-2.1 or PID-3[2].4",
    );
    check(
        "msg.get(\"RXE.2\")",
        "1 of the channel's script test.rhai: `RXE.2` is not a place: \
        write RXE-2.1 or PID-3[2].4",
    );
    check(
        "throw msg.get(\"PID-3\")",
        "1 of the channel's script test.rhai: the script threw an \
        error",
    );
    check(
        "fn f(x) {\n x.nothing() }\nf(msg)",
        "2 of the channel's script test.rhai: there is no \
        function nothing (Message)",
    );
    check(
        "msg.set(\"MSH-2\", \"x\")",
        "1 of the channel's script test.rhai: field 2 or a part \
        of it cannot be set",
    );
    check("msg = 1", "1 of the channel's script test.rhai: msg cannot be assigned to");
}

#[test]
fn limits_hold() {
    let check = |source: &str, expect: &str| {
        let problem = ran(source).unwrap_err();
        assert_eq!(problem.code, ProblemCode::ScriptFailed);
        assert!(problem.text.contains(expect), "{source}: {}", problem.text);
    };
    check("loop { }", "more than 50000 operations");
    check("while true { msg.set(\"RXE-2\", \"x\") }", "more than 50000 operations");
    check("fn f(n) { f(n + 1) } f(1)", "more than 24 deep");
    check("let s = \"x\"; loop { s += s }", "too large");
    check("let a = []; loop { a.push(1) }", "too large");
    check(
        "let s = \"x\"; for i in 0..15 { s += s } let a = []; loop { a.push(s + 1) }",
        "too large",
    );
    check("let m = #{}; let i = 0; loop { m[`${i}`] = i; i += 1 }", "");
    check("loop { msg.add(\"NTE\") }", "asks too much of a message");
    check(
        "let s = \"x\"; for i in 0..14 { s += s } for i in 1..999 { msg.set(`ZRX-${i}`, s) }",
        "asks too much of a message",
    );
}

#[test]
fn nothing_else_is_reached() {
    let wrong = |source: &str| assert!(Script::compile("t", source).is_err(), "{source}");
    wrong("eval(\"1\")");
    wrong("import \"x\" as y;");
    wrong("let x = ;");
    wrong(&"x".repeat(MAX_SCRIPT_BYTES + 1));
    let error = Script::compile("t.rhai", "let a = 1;\nlet b = (;").unwrap_err();
    assert!(error.to_string().starts_with("line 2 of t.rhai: "), "{error}");
    for source in [
        "open(\"/etc/passwd\")",
        "timestamp()",
        "sleep(1)",
        "Fn(\"sle\" + \"ep\").call(1)",
        "Fn(\"ev\" + \"al\").call(\"1\")",
        "call(\"x\")",
    ] {
        assert!(ran(source).is_err(), "{source}");
    }
}
