//! The page as text, and what hostile names do to it.

use super::*;
use crate::door::Rights;
use crate::sample;
use crate::view::Place;

fn shell(site: &str, who: &str) -> Shell {
    Shell {
        site: site.to_owned(),
        who: who.to_owned(),
        pages: Place::those_of(Rights::all()),
        here: Place::LiveLoop,
        critical: None,
        form: String::new(),
    }
}

#[test]
fn the_page_as_a_whole() {
    let frame = Frame::of(&sample::view(), None);
    let page = LivePage { shell: &shell("Royal Example Hospital", "N1001"), frame: &frame };
    insta::assert_snapshot!(html(&page));
}

#[test]
fn a_page_without_anything_on_it_says_so() {
    let frame = Frame::of(&LiveLoop::default(), None);
    for (name, expected) in [
        ("wards", "No patient is in hospital."),
        ("removals", "Nothing has been removed yet."),
        ("doses", "No dose has been recorded yet."),
        ("orders", "No order has been received yet."),
        ("cases", "No case is open."),
        ("channels", "No channel is configured."),
        ("journal", "The journal is empty."),
    ] {
        assert!(frame.html(name).contains(expected), "{name}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let evil = "<script>alert(1)</script>\"'&";
    let mut view = sample::view();
    for row in &mut view.removals {
        evil.clone_into(&mut row.item);
        evil.clone_into(&mut row.cabinet);
        evil.clone_into(&mut row.unit);
        evil.clone_into(&mut row.key);
        row.patient.bed = Some(evil.to_owned());
    }
    for row in &mut view.doses {
        evil.clone_into(&mut row.medicine);
        row.reason = Some(evil.to_owned());
        row.dose = Some(evil.to_owned());
    }
    evil.clone_into(&mut view.orders[0].medicine);
    evil.clone_into(&mut view.orders[0].status);
    evil.clone_into(&mut view.wards[0].ward);
    evil.clone_into(&mut view.cases[0].reason);
    evil.clone_into(&mut view.cases[0].kind);
    evil.clone_into(&mut view.channels[0].name);
    evil.clone_into(&mut view.alarms[0].subject);
    evil.clone_into(&mut view.alarms[0].text);
    evil.clone_into(&mut view.journal[0].message_type);
    evil.clone_into(&mut view.journal[0].channel);
    let frame = Frame::of(&view, None);
    let page = html(&LivePage { shell: &shell(evil, evil), frame: &frame });
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(!page.contains("</script>\""));
    assert!(page.contains("&#60;script&#62;"));
    let sign_in = html(&SignInPage { site: evil, error: Some(evil) });
    assert!(!sign_in.contains("<script>"), "{sign_in}");
    let notice = html(&NoticePage { site: evil, title: evil, text: evil });
    assert!(!notice.contains("<script>"), "{notice}");
}

#[test]
fn what_did_not_change_shares_its_text() {
    let mut view = sample::view();
    let before = Frame::of(&view, None);
    view.totals.doses_given += 1;
    let after = Frame::of(&view, Some(&before));
    let changed = |frame: &Frame| {
        let parts = frame.parts.iter().filter(|part| !before.has(part));
        parts.map(|part| part.name).collect::<Vec<_>>()
    };
    assert_eq!(changed(&after), ["summary"]);
    assert!(after.html("summary").contains(r#"data-count="doses-given">1,134<"#));
}

#[test]
fn a_person_is_never_named_in_full() {
    let frame = Frame::of(&sample::view(), None);
    let page = html(&LivePage { shell: &shell("R", "N1001"), frame: &frame });
    let digits = |run: &str| run.len() >= 10 && run.bytes().all(|b| b.is_ascii_digit());
    assert!(!page.split(|c: char| !c.is_ascii_digit()).any(digits), "a whole NHS number");
    assert!(page.contains("WARDA1\u{a0}bed\u{a0}04, NHS\u{a0}…\u{2060}118"));
}
