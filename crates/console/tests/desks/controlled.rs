//! Counts and waste of controlled drugs, before a second person who signs with a key of their own.

use medicines::cases::CaseKind;
use medicines::orders::Control;
use record::RegisterWindow;

use super::{Answer, Site};

const COUNT: &str = "/counts/ward%3AWARDA1/MORP10";
const AGREES: &str = "/counts?place=ward%3AWARDA1&done=agrees";

/// A form of a page with its hidden fields, and these values.
fn filled(page: &Answer, hidden: &[&str], values: &str) -> String {
    let hidden: Vec<String> =
        hidden.iter().map(|name| format!("{name}={}", page.field(name))).collect();
    format!("{}&{values}", hidden.join("&"))
}

fn count(page: &Answer, values: &str) -> String {
    filled(page, &["form", "begun", "entries"], values)
}

/// A form by which something is sent or received.
fn over(page: &Answer, values: &str) -> String {
    filled(page, &["form", "begun", "left"], values)
}

fn waste(page: &Answer, values: &str) -> String {
    filled(page, &["form", "begun"], values)
}

/// The counts of the ward's cupboard: who counted, and the second person.
fn counts(site: &Site) -> Vec<(String, Option<String>)> {
    let reader = site.hospital.engine.readers();
    let window = RegisterWindow { limit: 1_000, ..RegisterWindow::default() };
    let place = "ward:WARDA1".parse().unwrap();
    let slice = reader.get().unwrap().register(&place, "MORP10", &window).unwrap().unwrap();
    let counted = slice.entries.into_iter().filter(|entry| entry.kind.as_str() == "count");
    counted.map(|entry| (entry.actor, entry.witness)).collect()
}

/// The reasons of the open cases about controlled drugs.
fn reasons(site: &Site) -> Vec<String> {
    let readers = site.hospital.engine.readers();
    let open = readers.get().unwrap().open_cases(Some(CaseKind::ControlledDrug), None, 100);
    open.unwrap().into_iter().map(|view| view.case.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_blind_and_two_people_sign_for_it() {
    let site = Site::open(|hospital| hospital.count("WARDA1", "MORP10", 3719)).await;
    let nurse = site.enter("N1001").await;
    let list = site.get("/counts?place=ward%3AWARDA1", &nurse).await;
    list.has("To be counted");
    list.has(&format!("href=\"{COUNT}\""));
    let page = site.get(COUNT, &nurse).await;
    page.has("How much is there (ampoule)");
    assert!(!page.0.contains("3719"), "the count is blind: {}", page.0);

    let refused = async |values: &str, field: &str, text: &str| {
        let page = site.get(COUNT, &nurse).await;
        let answer = site.post(COUNT, &nurse, &count(&page, values)).await;
        assert_eq!(answer.status(), 422, "{values}");
        answer.has(&format!("<a href=\"#{field}\">{text}"));
        assert!(!answer.0.contains("3719"), "{values} tells what is expected");
        assert!(!answer.0.contains("value=\"P2002\""), "a key is never shown again");
        answer
    };
    refused("found=&key=P2002", "found", "Enter how much there is").await;
    refused("found=-3&key=P2002", "found", "Enter how much there is").await;
    refused("found=twelve&key=P2002", "found", "Enter how much there is").await;
    let kept = refused("found=3711", "key", "The second person signs").await;
    assert_eq!(kept.field("found\" type=\"text\" inputmode=\"decimal"), "3711");
    refused("found=3711&key=P2002&alone=night", "alone", "Either a second person signs").await;
    refused("found=3711&key=nobody", "key", "This is no access key").await;
    refused("found=3711&key=once", "key", "This is no access key").await;
    refused("found=3711&key=wall", "key", "The witness:").await;
    let long = format!("found=3711&alone={}", "x".repeat(257));
    refused(&long, "alone", "The reason has at most").await;
    assert_eq!(reasons(&site), ["sole-practitioner"], "of the count with which it began");
    refused("found=3711&key=N1001", "key", "The second person is another one").await;
    assert!(reasons(&site).contains(&"witness-same-person".to_owned()));
    assert_eq!(counts(&site).len(), 1, "nothing that was refused is entered");

    let page = site.get(COUNT, &nurse).await;
    let agrees = count(&page, "found=3719&key=P2002");
    assert_eq!(site.post(COUNT, &nurse, &agrees).await.header("location"), AGREES);
    assert_eq!(site.post(COUNT, &nurse, &agrees).await.header("location"), AGREES);
    let counted = counts(&site);
    assert_eq!(counted.len(), 2, "a second click enters nothing: {counted:?}");
    assert_eq!(counted[1], ("N1001".to_owned(), Some("P2002".to_owned())));
    site.get(AGREES, &nurse).await.has("It agrees with the register");

    let page = site.get(COUNT, &nurse).await;
    let alone = count(&page, "found=3719&alone=night+shift");
    assert_eq!(site.post(COUNT, &nurse, &alone).await.header("location"), AGREES);
    let left = reasons(&site).into_iter().filter(|reason| reason == "sole-practitioner");
    assert_eq!(left.count(), 2);
}

/// A form that was sent comes again with other words: nothing is entered, and nothing is put on
/// anybody's list for it.
async fn sent_already(site: &Site, (path, who): (&str, &str), form: &str, entered: &str) {
    let again = site.post(path, who, form).await;
    assert_eq!(again.status(), 409, "{}", again.0);
    again.has("This form was sent already with other words: nothing more was entered");
    again.has(&format!("<a href=\"{entered}\">"));
    let readers = site.hospital.engine.readers();
    let entries = readers.get().unwrap().messages(None, 100).unwrap();
    assert!(entries.iter().all(|one| !one.key.contains('#')), "it was parked");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_of_a_second_person_are_told_of_whoever_is_signed_in() {
    let site = Site::open(|hospital| hospital.count("WARDA1", "MORP10", 3719)).await;
    let nurse = site.enter("N1001").await;
    let mut status = 422;
    for _ in 0..10 {
        assert_eq!(status, 422);
        let page = site.get(COUNT, &nurse).await;
        status = site.post(COUNT, &nurse, &count(&page, "found=1&key=guess")).await.status();
    }
    let page = site.get(COUNT, &nurse).await;
    let form = count(&page, "found=3719&key=guess");
    let many = site.post(COUNT, &nurse, &form).await;
    assert_eq!(many.status(), 429);
    many.has("Too many wrong keys came from here");
    let seen = site.hospital.engine.readers().with_looks().unwrap().accesses(None, 100).unwrap();
    let told = seen.into_iter().filter(|look| look.refused).map(|look| {
        let at = look.access.detail.unwrap_or_default();
        assert!(at.starts_with("witness from 127.0.0.1"), "{at}");
        (look.access.who, look.access.reason.unwrap_or_default())
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 11);
    assert!(told.iter().all(|(who, _)| who == "N1001"), "{told:?}");
    assert!(told.iter().any(|(_, reason)| reason == "too-many-attempts"));
    // The form is still good for the key of somebody who may.
    let right = form.replace("guess", "P2002");
    assert_eq!(site.post(COUNT, &nurse, &right).await.header("location"), AGREES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_differs_leads_to_its_discrepancy() {
    let site = Site::open(|hospital| hospital.count("WARDA1", "MORP10", 3719)).await;
    let (nurse, other) = (site.enter("N1001").await, site.enter("P2001").await);
    let page = site.get(COUNT, &nurse).await;
    let late = site.get(COUNT, &other).await;
    let fewer = count(&page, "found=3718.0&key=P2002");
    let differs = site.post(COUNT, &nurse, &fewer).await;
    let to = differs.header("location").to_owned();
    assert!(to.starts_with("/registers/discrepancies/") && to.ends_with("?done=count"), "{to}");
    assert_eq!(site.post(COUNT, &nurse, &fewer).await.header("location"), to, "a second click");
    // Whoever has seen the difference does not count it away with the form that they have.
    let all = fewer.replace("found=3718.0", "found=3719");
    let register = "/registers/ward%3AWARDA1/MORP10";
    sent_already(&site, (COUNT, &nurse), &all, register).await;
    let by_another = fewer.replace("key=P2002", "alone=night");
    assert_eq!(site.post(COUNT, &nurse, &by_another).await.status(), 409);
    assert_eq!(counts(&site).len(), 2);
    let shown = site.get(&to, &nurse).await;
    shown.has("The count is entered, and it differs from the register: 1 ampoule missing.");
    shown.has("<strong>1 ampoule missing</strong> at Ward WARDA1");
    shown.has("What to do now");
    shown.has(&format!("<a href=\"{COUNT}\">Count again</a>"));
    let list = site.get("/counts?place=ward%3AWARDA1", &nurse).await;
    list.has("Does not add up");
    list.has("Nobody has taken one yet");

    // A colleague who counted at the same time is told, and enters nothing.
    let conflict = site.post(COUNT, &other, &count(&late, "found=3719&key=P2002")).await;
    assert_eq!(conflict.status(), 409);
    conflict.has("Your count was not entered: count again");
    assert!(!conflict.0.contains("371"), "neither number is shown: {}", conflict.0);
    assert_eq!(counts(&site).len(), 2);
    let again = site.post(COUNT, &other, &count(&conflict, "found=3718&key=P2002")).await;
    assert_eq!(again.header("location"), AGREES);

    let step = format!("form={}&status=investigating&text=drawer", shown.field("form"));
    let path = to.trim_end_matches("?done=count");
    assert_eq!(site.post(path, &nurse, &step).await.status(), 303);
    let list = site.get("/counts", &nurse).await;
    list.has("Investigating</strong>");
    list.has("Test, Anna (N1001)");
    list.has(": drawer");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_counts_and_wastes_and_only_by_our_forms() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.order(1, "MORP10", Control::New);
        hospital.remove(1, "WARDA1", "MORP10", None);
        hospital.count("WARDA1", "MORP10", 3719);
    })
    .await;
    let wall = site.enter("wall").await;
    let pages =
        ["/counts", COUNT, "/waste", "/waste/rxx.9.1", "/requisitions", "/requisitions/x/supply"];
    for page in pages {
        assert_eq!(site.get(page, "").await.header("location"), "/sign-in", "{page}");
        assert_eq!(site.get(page, &wall).await.status(), 403, "{page}");
    }
    let (nurse, other) = (site.enter("N1001").await, site.enter("P2001").await);
    let page = site.get(COUNT, &nurse).await;
    let form = count(&page, "found=3719&key=P2002");
    assert_eq!(site.post(COUNT, "", &form).await.header("location"), "/sign-in");
    assert_eq!(site.post(COUNT, &wall, &form).await.status(), 403);
    let forged = site.post(COUNT, &other, &form).await;
    assert_eq!(forged.status(), 403, "another session's form");
    forged.has("This form is out of date");
    let old = form.replace(&format!("begun={}", page.field("begun")), "begun=2026-11-19T10:00:00Z");
    let old = site.post(COUNT, &nurse, &old).await;
    assert_eq!(old.status(), 422);
    old.has("This page was open for too long");
    assert_eq!(counts(&site).len(), 1);
    // A cabinet is counted at the cabinet; what nobody keeps a register of, nowhere.
    let nowhere = [
        "/counts/cabinet%3AADC%2FWARDA1/MORP10",
        "/counts/ward%3ANONE/MORP10",
        "/counts/ward%3AWARDA1/PARA500",
        "/counts/nowhere/MORP10",
        "/counts?place=nowhere",
        "/waste/nothing",
    ];
    for nowhere in nowhere {
        assert_eq!(site.get(nowhere, &nurse).await.status(), 404, "{nowhere}");
    }
    site.get("/counts?place=cabinet%3AADC%2FWARDA1", &nurse).await.has("ADC/WARDA1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hands_is_wasted_before_a_second_person() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.order(1, "MORP10", Control::New);
        hospital.order(1, "PARA500", Control::New);
        hospital.remove(1, "WARDA1", "MORP10", None);
        hospital.remove(1, "WARDA1", "PARA500", None);
    })
    .await;
    let (nurse, other) = (site.enter("N1001").await, site.enter("P2001").await);
    site.get("/waste", &other).await.has("You have nothing in hands");
    let list = site.get("/waste", &nurse).await;
    list.has("<strong>2 ampoule</strong>");
    list.has("tell of it at the cabinet or the bedside");
    let href = list.0.split_once("href=\"/waste/").unwrap().1;
    let path = format!("/waste/{}", href.split('"').next().unwrap());
    assert_eq!(site.get(&path, &other).await.status(), 404, "not in this person's hands");
    assert!(site.looks("registers").iter().any(|(_, patient, _)| patient.is_some()));

    let rest = "reason=Part+of+the+dose&denatured=kit";
    let refused = async |values: &str, field: &str, text: &str| {
        let page = site.get(&path, &nurse).await;
        let answer = site.post(&path, &nurse, &waste(&page, values)).await;
        assert_eq!(answer.status(), 422, "{values}");
        answer.has(&format!("<a href=\"#{field}\">{text}"));
    };
    refused(&format!("quantity=&{rest}&key=P2002"), "quantity", "Enter how much").await;
    refused(&format!("quantity=0&{rest}&key=P2002"), "quantity", "Enter how much").await;
    refused(&format!("quantity=3&{rest}&key=P2002"), "quantity", "More is wasted").await;
    let other_sum = format!("quantity=1&given=0.5&{rest}&key=P2002");
    refused(&other_sum, "quantity", "Given and wasted do not make up").await;
    refused(&format!("quantity=1&given=x&{rest}&key=P2002"), "given", "Enter how much").await;
    refused("quantity=1&denatured=kit&key=P2002", "reason", "Say why").await;
    refused("quantity=1&reason=broken&key=P2002", "denatured", "Say how").await;
    refused(&format!("quantity=1&{rest}"), "key", "The second person signs").await;
    refused(&format!("quantity=1&{rest}&key=N1001"), "key", "The second person is").await;

    let page = site.get(&path, &nurse).await;
    let stale = site.get(&path, &nurse).await;
    let part = waste(&page, &format!("quantity=0.5&given=1.5&{rest}&key=P2002"));
    let forged = site.post(&path, &other, &part).await;
    assert_eq!(forged.status(), 403, "another session's form");
    assert_eq!(site.post(&path, &nurse, &part).await.header("location"), "/waste?done=waste");
    assert_eq!(site.post(&path, &nurse, &part).await.header("location"), "/waste?done=waste");
    let more = part.replace("quantity=0.5&given=1.5", "quantity=1");
    sent_already(&site, (&path, &nurse), &more, &path).await;
    let list = site.get("/waste?done=waste", &nurse).await;
    list.has("The waste is entered in the register");
    list.has("<strong>1.5 ampoule</strong>");
    let too_much = waste(&stale, &format!("quantity=2&{rest}&key=P2002"));
    let too_much = site.post(&path, &nurse, &too_much).await;
    assert_eq!(too_much.status(), 422, "a page from before");
    too_much.has("More is wasted than is in hands");

    let register = site.get("/registers/cabinet%3AADC%2FWARDA1/MORP10", &nurse).await;
    register.has("given 1.5 and wasted 0.5 of 2 removed");
    register.has("Test, Piet (P2002)");
    let page = site.get(&path, &nurse).await;
    let all = waste(&page, &format!("quantity=1.5&{rest}&key=P2002"));
    assert_eq!(site.post(&path, &nurse, &all).await.status(), 303);
    site.get(&path, &nurse).await.has("Nothing of it is in your hands any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registers_are_listed_a_part_at_a_time() {
    let site = Site::open(|hospital| {
        for ward in 0..101 {
            hospital.count(&format!("W{ward:03}"), "MORP10", 1);
        }
    })
    .await;
    let nurse = site.enter("N1001").await;
    let rows = |page: &Answer| page.0.matches("href=\"/registers/ward%3AW").count();
    let first = site.get("/registers", &nurse).await;
    assert_eq!(rows(&first), 100);
    first.has("And 1 more, which began later");
    let next = first.0.split_once("<a href=\"/registers?").unwrap().1.split('"').next().unwrap();
    let next = format!("/registers?{}", next.replace("&amp;", "&").replace("&#38;", "&"));
    let second = site.get(&next, &nurse).await;
    assert_eq!(rows(&second), 1, "{next}");
    second.has("Back to the first pages");
    assert!(!second.0.contains("The next pages"));
    let one = site.get("/registers?place=ward%3AW007", &nurse).await;
    assert_eq!(rows(&one), 1);
    assert_eq!(site.get("/registers?place=nowhere", &nurse).await.status(), 404);
    assert_eq!(rows(&site.get("/registers?after=nothing", &nurse).await), 100);
}

/// The address of the first link of a page whose text begins so.
fn link(page: &Answer, text: &str) -> String {
    let before = page.0.split_once(&format!("\">{text}")).unwrap_or_else(|| panic!("{}", page.0)).0;
    before.rsplit_once("href=\"").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ward_asks_the_pharmacy_sends_and_the_ward_receives() {
    let site = Site::open(|hospital| hospital.count("WARDA1", "MORP10", 1)).await;
    let (nurse, one, two) =
        (site.enter("N1001").await, site.enter("P2001").await, site.enter("P2002").await);
    let path = "/requisitions";
    let page = site.get(path, &nurse).await;
    page.has("Nothing is asked for");
    let refused = async |values: &str, field: &str, text: &str| {
        let page = site.get(path, &nurse).await;
        let answer = site.post(path, &nurse, &waste(&page, values)).await;
        assert_eq!(answer.status(), 422, "{values}");
        answer.has(&format!("<a href=\"#{field}\">{text}"));
    };
    refused("item=MORP10&quantity=10", "place", "Choose for whom").await;
    refused("place=ward%3AWARDA1&quantity=10", "item", "Choose the item").await;
    refused("place=ward%3AWARDA1&item=MORP10&quantity=0", "quantity", "Enter how much").await;
    refused("place=pharmacy&item=MORP10&quantity=1", "quantity", "A requisition is for").await;
    refused("place=ward%3AWARDA1&item=PARA500&quantity=1", "quantity", "This item is no").await;
    let asked = waste(&page, "place=ward%3AWARDA1&item=MORP10&quantity=10");
    assert_eq!(site.post(path, &one, &asked).await.status(), 403, "another session's form");
    for _ in 0..2 {
        let asked = site.post(path, &nurse, &asked).await;
        assert_eq!(asked.header("location"), "/requisitions?done=asked");
    }
    sent_already(&site, (path, &nurse), &asked.replace("quantity=10", "quantity=9"), path).await;
    let page = site.get(path, &nurse).await;
    assert_eq!(page.0.matches("<strong>10 ampoule</strong>").count(), 1, "a second click");
    assert_eq!(page.0.matches("/supply\"").count(), 0);
    assert!(!page.0.contains("<strong>9 ampoule</strong>"), "nor with another number");
    assert!(!page.0.contains("/supply\""), "a nurse sends nothing");

    each_step_is_for_its_role(&site, (&nurse, &one)).await;
    let supply = link(&site.get(path, &one).await, "Send Morphine");
    sent_once(&site, &supply, (&one, &two)).await;
    let page = site.get(path, &nurse).await;
    page.has("On its way, to be received");
    received_once(&site, &link(&page, "Receive Morphine"), (&nurse, &two)).await;
    let page = site.get("/registers/pharmacy/MORP10?format=csv", &nurse).await;
    page.has(",porter,");
}

async fn each_step_is_for_its_role(site: &Site, (nurse, one): (&str, &str)) {
    let path = "/requisitions";
    // Each step is for its role: pharmacists ask for nothing, nurses send nothing.
    let page = site.get(path, one).await;
    assert!(!page.0.contains("Sign the requisition"));
    let form = site.get(COUNT, one).await;
    let values = "begun=2026-11-20T10:00:00Z&place=ward%3AWARDA1&item=MORP10&quantity=1";
    let hers = format!("form={}&{values}", form.field("form"));
    assert_eq!(site.post(path, one, &hers).await.status(), 403);
    let supply = link(&page, "Send Morphine");
    let not_hers = site.get(&supply, nurse).await;
    assert_eq!(not_hers.status(), 403);
    not_hers.has("Pharmacists and technicians send");
    assert_eq!(site.get("/requisitions/none/supply", one).await.status(), 404);
    assert_eq!(site.get("/requisitions/none/other", one).await.status(), 404);
}

/// Two pharmacists have the same page open; the second one sends nothing twice.
async fn sent_once(site: &Site, supply: &str, (one, two): (&str, &str)) {
    let path = "/requisitions";
    let page = site.get(supply, one).await;
    let late = site.get(supply, two).await;
    let values = "place=pharmacy&quantity=10&batch=L1&expiry=2027-01-31&messenger=porter";
    for (wrong, field) in [
        ("place=pharmacy&quantity=11&messenger=porter", "quantity"),
        ("place=pharmacy&quantity=ten&messenger=porter", "quantity"),
        ("place=ward%3AWARDB2&quantity=10&messenger=porter", "place"),
        ("place=pharmacy&quantity=10", "messenger"),
        ("place=pharmacy&quantity=10&messenger=porter&expiry=soon", "expiry"),
        ("place=pharmacy&quantity=10&messenger=porter&expiry=2027-01-31", "batch"),
    ] {
        let page = site.get(supply, one).await;
        let answer = site.post(supply, one, &over(&page, wrong)).await;
        assert_eq!(answer.status(), 422, "{wrong}");
        answer.has(&format!("<a href=\"#{field}\">"));
    }
    let sent = over(&page, values);
    for _ in 0..2 {
        let sent = site.post(supply, one, &sent).await;
        assert_eq!(sent.header("location"), "/requisitions?done=sent");
    }
    sent_already(site, (supply, one), &sent.replace("quantity=10", "quantity=5"), path).await;
    let late = site.post(supply, two, &over(&late, values)).await;
    assert_eq!(late.status(), 409);
    late.has("Somebody was quicker: nothing was entered");
    let late = site.post(supply, two, &over(&late, values)).await;
    assert_eq!(late.status(), 422, "he looked, and tried it all the same");
    late.has("No open requisition has this number");
}

/// What did not come is a discrepancy, and a page from before receives nothing more.
async fn received_once(site: &Site, receipt: &str, (nurse, two): (&str, &str)) {
    assert_eq!(site.get(receipt, two).await.status(), 403, "the pharmacy receives nothing");
    let page = site.get(receipt, nurse).await;
    let second = site.get(receipt, nurse).await;
    let short = over(&page, "quantity=8&complete=yes");
    let differs = site.post(receipt, nurse, &short).await;
    let to = differs.header("location").to_owned();
    assert!(to.starts_with("/registers/discrepancies/") && to.ends_with("?done=receipt"), "{to}");
    assert_eq!(site.post(receipt, nurse, &short).await.header("location"), to);
    let more = short.replace("quantity=8", "quantity=9");
    sent_already(site, (receipt, nurse), &more, "/requisitions").await;
    let shown = site.get(&to, nurse).await;
    shown.has("less came than was sent: 2 ampoule");
    let again = site.post(receipt, nurse, &over(&second, "quantity=10")).await;
    assert_eq!(again.status(), 409, "a page from before");
    again.has("A colleague received some of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_on_a_receipt_without_a_register_is_the_first() {
    let site = Site::open(|_| ()).await;
    let (nurse, one) = (site.enter("N1001").await, site.enter("P2001").await);
    let page = site.get("/requisitions", &nurse).await;
    let asked = waste(&page, "place=ward%3AWARDA1&item=CODE30&quantity=10");
    assert_eq!(site.post("/requisitions", &nurse, &asked).await.status(), 303);
    let supply = link(&site.get("/requisitions", &one).await, "Send Codeine");
    let page = site.get(&supply, &one).await;
    let sent = over(&page, "place=pharmacy&quantity=10&messenger=porter");
    assert_eq!(site.post(&supply, &one, &sent).await.status(), 303);
    let receipt = link(&site.get("/requisitions", &nurse).await, "Receive Codeine");
    let page = site.get(&receipt, &nurse).await;
    let some = over(&page, "quantity=4");
    for _ in 0..2 {
        let received = site.post(&receipt, &nurse, &some).await;
        assert_eq!(received.header("location"), "/requisitions?done=received");
    }
    site.get(&receipt, &nurse).await.has("<strong>6 tablet</strong>");
    let more = some.replace("quantity=4", "quantity=5");
    sent_already(&site, (&receipt, &nurse), &more, "/requisitions").await;
    site.get(&receipt, &nurse).await.has("<strong>6 tablet</strong>");
}
