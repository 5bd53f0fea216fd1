//! The table of cabinet transactions: each row is sent as HL7 in every layout of ZPM and decided.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use medicines::orders::Control;
use medicines::stock::{Account, TransferState};
use medicines::{Answer, Fact, Request};
use rust_decimal::Decimal;

use super::hospital::{ANNA, Hospital, time};
use super::{channel, understand};

const TABLE: &str = include_str!("transactions.txt");

/// The fewest rows that the table has: one that lost some shows nothing.
const LEAST_ROWS: usize = 150;

/// Both ways in which cabinets lay out ZPM, with the version that their senders put in MSH-12.
const LAYOUTS: [(&str, &str); 2] = [("2.5", ""), ("2.3", "zpm_layout = \"2.3\"")];

/// One row of the table, in parts.
struct Row<'a> {
    rule: &'a str,
    before: &'a str,
    told: &'a str,
    after: &'a str,
    cases: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let parts: Vec<_> = line.split('|').map(str::trim).collect();
            let [rule, before, told, after, cases] = parts[..] else {
                panic!("five columns: {line}")
            };
            Row { rule, before, told, after, cases }
        })
        .collect()
}

/// What a word such as `e12` or `lot=L1` says.
fn word<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name))
}

fn number<'a>(words: &[&'a str], letter: char) -> &'a str {
    let number = |word: &&'a str| {
        let rest = word.strip_prefix(letter)?;
        rest.parse::<Decimal>().is_ok().then_some(rest)
    };
    words[2..].iter().find_map(number).unwrap_or_default()
}

/// One transaction of a row as OMS^O05, the `n`th.
fn message(told: &str, n: usize, (version, layout): (&str, &str)) -> String {
    let words: Vec<_> = told.split_whitespace().collect();
    let has = |flag: &str| words[2..].contains(&flag);
    let or = |name: &str, other: &str| match word(&words, name).unwrap_or(other) {
        "-" => String::new(),
        found => found.to_owned(),
    };
    let item = or("item=", "PARA500");
    let kind = or("as=", "OMS^O05^OMS_O05");
    let mut text = format!("MSH|^~\\&|ADC|A|HUB|T|20261120120000||{kind}|M{n}|P|{version}");
    if !has("nopid") {
        write!(text, "\nPID|1||{}^^^NHS^NH", or("pid=", ANNA)).unwrap();
    }
    let order = or("o=", if item == "PARA500" { "7001" } else { "7002" });
    write!(text, "\nORC|RE|{order}{}", if order.is_empty() { "" } else { "^EPMA" }).unwrap();
    let (in_rqd, in_zpm) = if has("rqd") { (item.as_str(), "") } else { ("", item.as_str()) };
    write!(text, "\nRQD|1|{in_rqd}||||{}", or("unit=", "")).unwrap();
    for (flag, comment) in [
        ("psb", "TEST|PATIENT SPECIFIC BIN"),
        ("rb", "|RETURN BIN"),
        ("cancel", "CANCELLED|REMARK"),
    ] {
        if has(flag) {
            write!(text, "\nNTE|1||{comment}").unwrap();
        }
    }
    let join = if layout.is_empty() { '^' } else { '|' };
    let person = |id: String, name: &str| match (id.is_empty(), layout.is_empty()) {
        (true, true) => String::new(),
        (true, false) => "|".to_owned(),
        (false, _) => format!("{id}{join}{name}"),
    };
    let amount = if words[1] == "-" { "" } else { words[1] };
    let at = match or("at=", &format!("08:{n:02}")) {
        at if at == "day" => "20261120".to_owned(),
        at if at.is_empty() => at,
        at => format!("20261120{}00+0000", at.replace(':', "")),
    };
    write!(
        text,
        "\nZPM|{}|{}|{}|3|{}|{in_zpm}{join}Text|2|{}|{}|{amount}|{}|{}|{}|RXX|WARDA||||{at}|{}",
        words[0],
        or("sys=", "ADC"),
        or("st=", "WARDA1"),
        or("pocket=", "5"),
        number(&words, 'e'),
        number(&words, 'a'),
        person(or("by=", "N1"), "NURSE,ANNA"),
        person(or("wit=", "-"), "NURSE_BEN"),
        number(&words, 't'),
        or("lot=", ""),
    )
    .unwrap();
    text
}

/// Brings about what a row begins with.
fn prepare(hospital: &mut Hospital, before: &str) {
    let tell = |hospital: &mut Hospital, told: &str, at: &str| {
        let text = message(&format!("{told} at={at}"), 0, LAYOUTS[0]);
        hospital.now = time(&format!("{at}:00"));
        let answer = hospital.ask(understand(&text, &channel("")).request);
        assert_eq!(answer, Answer::Done, "{told}");
    };
    for (n, token) in before.split_whitespace().enumerate() {
        let at = format!("07:{:02}", 10 + n);
        let told = match token.split_once(['=', ':']) {
            None if token == "new" => continue,
            None => format!("L {token}"),
            Some(("taken", units)) => format!("V {units}"),
            Some(("psb", units)) => format!("L {units} psb"),
            Some(("second", units)) => format!("L {units} pocket=9"),
            Some(("rb", units)) => {
                tell(hospital, &format!("V {units}"), &at);
                tell(hospital, &format!("R {units} rb"), &at);
                format!("F {units}")
            }
            Some(("sent", units)) => {
                hospital.now = time(&format!("{at}:00"));
                hospital.send_to_cabinet("PARA500", units.parse().unwrap());
                continue;
            }
            Some((lot, units)) => {
                let code = if n == 0 { 'L' } else { 'F' };
                format!("{code} {units} lot={lot}")
            }
        };
        tell(hospital, &told, &at);
    }
}

/// A word of the fourth column for an account.
fn short(account: &Account) -> &'static str {
    match account {
        Account::Pocket { cabinet, address }
            if cabinet == "ADC/WARDA1" && address.pocket == "5" =>
        {
            "p"
        }
        Account::Pocket { .. } => "q",
        Account::PatientBin { .. } => "psb",
        Account::Hands(_) => "h",
        Account::Waste => "w",
        Account::Expired => "x",
        Account::ReturnBin(_) => "rb",
        Account::Discrepancy(_) => "d",
        Account::Elsewhere(_) => "el",
        Account::Pharmacy => "ph",
        Account::Transit(_) => "tr",
        _ => "",
    }
}

type Sums = BTreeMap<String, Decimal>;

/// The ledger after the facts: by the short words, and the pocket's lines as `p[L1]`.
fn ledger(facts: &[Fact]) -> Sums {
    let mut sums = Sums::new();
    for fact in facts {
        let Fact::Moved(moved) = fact else { continue };
        if moved.state != TransferState::Posted {
            continue;
        }
        for (batch, quantity) in moved.parts() {
            for (account, quantity) in [(&moved.from, -quantity), (&moved.to, quantity)] {
                let name = short(account);
                *sums.entry(name.to_owned()).or_default() += quantity;
                if let ("p", Some(batch)) = (name, batch) {
                    *sums.entry(format!("p[{batch}]")).or_default() += quantity;
                }
            }
        }
    }
    sums.retain(|name, sum| !sum.is_zero() && !name.is_empty());
    sums
}

/// The fourth column; what is only compared where it is named is filled in from what was found.
fn expected(after: &str, found: &Sums) -> Sums {
    let mut sums = Sums::new();
    let mut lines = false;
    let mut inside = after.replace("p[", "[").replace('[', " [");
    inside = inside.replace(']', "");
    for token in inside.split_whitespace() {
        if let Some((name, quantity)) = token.split_once('=') {
            sums.insert(name.to_owned(), quantity.parse().unwrap());
        } else if let Some((batch, quantity)) = token.trim_start_matches('[').split_once(':') {
            lines = true;
            sums.insert(format!("p[{batch}]"), quantity.parse().unwrap());
        }
    }
    for (name, sum) in found {
        let named = match name.as_str() {
            "ph" | "tr" => after.contains(&format!("{name}=")),
            name if name.starts_with("p[") => lines,
            _ => true,
        };
        if !named {
            sums.insert(name.clone(), *sum);
        }
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

fn run(row: &Row<'_>, layout: (&str, &str)) -> (Sums, String) {
    let mut hospital = Hospital::new();
    hospital.order_at("06:00:00", Control::New, "7001", "PARA500");
    hospital.order_at("06:00:00", Control::New, "7002", "MORPH10");
    prepare(&mut hospital, row.before);
    let known: BTreeSet<_> = hospital.state.open_cases().map(|case| case.id.clone()).collect();
    let mut parked = None;
    for (n, told) in row.told.split(" ; ").enumerate() {
        let words: Vec<_> = told.split_whitespace().collect();
        let at = word(&words, "at=").filter(|at| at.contains(':'));
        let at = at.map_or_else(|| format!("08:{:02}", n + 1), str::to_owned);
        hospital.now = time(&format!("{}:00", word(&words, "now=").unwrap_or(&at)));
        let request = understand(&message(told, n + 1, layout), &channel(layout.1)).request;
        assert!(matches!(request, Request::Transaction(_) | Request::Park(_)), "{told}");
        if let Answer::Parked(problem) = hospital.ask(request) {
            parked = Some(format!("parked:{}", problem.code.as_str()));
        }
    }
    for (key, lines) in hospital.state.balances() {
        let account: Account = key.rsplit_once('|').unwrap().0.parse().unwrap();
        for lot in lines.iter().filter(|_| account.is_counted()) {
            assert!(lot.quantity > Decimal::ZERO, "{}: {key} holds {lot:?}", row.rule);
        }
    }
    let cases = hospital.state.open_cases().filter(|case| !known.contains(&case.id));
    let reasons: BTreeSet<_> = cases.map(|case| case.reason.clone()).collect();
    let reasons: Vec<_> = reasons.into_iter().collect();
    let told = parked.unwrap_or_else(|| reasons.join(","));
    (ledger(&hospital.facts), if told.is_empty() { "-".to_owned() } else { told })
}

#[test]
fn every_row_of_the_table() {
    let rows = rows();
    assert!(rows.len() >= LEAST_ROWS, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        for layout in LAYOUTS {
            let (found, cases) = run(row, layout);
            let wanted = expected(row.after, &found);
            if found != wanted || cases != row.cases {
                let show = |sums: &Sums| {
                    let sums: Vec<_> = sums.iter().map(|(name, n)| format!("{name}={n}")).collect();
                    sums.join(" ")
                };
                let (found, wanted) = (show(&found), show(&wanted));
                wrong.push(format!(
                    "{} (ZPM {}): {found} | {cases}, not {wanted} | {}",
                    row.rule, layout.0, row.cases
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_has_rows() {
    let codes: BTreeSet<_> =
        rows().iter().flat_map(|row| row.told.split(" ; ")).map(|told| &told[..1]).collect();
    for code in "VIDRWLUFBEXCAN".chars() {
        assert!(codes.contains(code.to_string().as_str()), "{code}");
    }
}
