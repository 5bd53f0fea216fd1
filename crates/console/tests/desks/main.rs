//! The desks of pharmacists and of those who answer for stock, on a real engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod controlled;
#[expect(dead_code, reason = "the live loop's test uses the rest")]
#[path = "../hospital/mod.rs"]
mod hospital;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use console::{ConsoleParts, Key, Right, Rights, router};
use engine::Clock;
use fhir::Id;
use hospital::Hospital;
use medicines::orders::Control;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The console of a hospital.
struct Site {
    hospital: Arc<Hospital>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

/// An answer's head and body.
struct Answer(String);

impl Answer {
    fn status(&self) -> u16 {
        self.0[9..12].parse().unwrap()
    }

    fn header(&self, name: &str) -> &str {
        let head = self.0.split_once("\r\n\r\n").unwrap().0;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> &str {
        let mark = format!("name=\"{name}\" value=\"");
        self.0
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no {name} in {}", self.0))
            .1
            .split('"')
            .next()
            .unwrap()
    }

    #[track_caller]
    fn has(&self, text: &str) {
        assert!(self.0.contains(text), "no {text:?} in {}", self.0);
    }
}

impl Site {
    /// Opens the console to pharmacists P2001 and P2002, to nurse N1001, each with all rights, to
    /// the governance lead G1001, and to a screen without any; their keys are their names.
    async fn open(day: impl FnOnce(&Hospital) + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let clock = Clock::scaled("2026-11-20T10:15:00Z".parse().unwrap(), 1);
        let hospital = tokio::task::spawn_blocking(move || {
            let hospital = Hospital::open(&path, clock);
            day(&hospital);
            Arc::new(hospital)
        });
        let hospital = hospital.await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let key = |name: &str, rights| Key {
            name: name.into(),
            sha256: Sha256::digest(name).into(),
            one_time: false,
            rights,
        };
        let count = AtomicU8::new(0);
        let parts = ConsoleParts {
            engine: hospital.engine.clone(),
            channels: Arc::new(Vec::new),
            alarms: Arc::new(Vec::new),
            replayer: None,
            keys: vec![
                key("P2001", Rights::all()),
                key("P2002", Rights::all()),
                key("N1001", Rights::all()),
                key("G1001", [Right::Audit].into_iter().collect()),
                key("wall", [Right::Messages].into_iter().collect()),
                Key { one_time: true, ..key("once", Rights::all()) },
            ],
            site_name: "Royal Example Hospital".into(),
            random: Arc::new(move |bytes| bytes.fill(count.fetch_add(1, Ordering::SeqCst))),
            stop: stopping,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(parts).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Site { hospital, address, _stop: stop, _folder: folder }
    }

    async fn ask(&self, head: &str, cookie: &str, form: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = form.len();
        let text = format!(
            "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n\
             {form}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(&format!("GET {path}"), cookie, "").await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        self.ask(&format!("POST {path}"), cookie, form).await
    }

    async fn enter(&self, name: &str) -> String {
        let entered = self.post("/sign-in", "", &format!("key={name}")).await;
        entered.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// What was looked at under a name, with who looked and whether they were refused.
    fn looks(&self, what: &str) -> Vec<(String, Option<Id>, bool)> {
        let seen =
            self.hospital.engine.readers().with_looks().unwrap().accesses(None, 100).unwrap();
        let of = seen.into_iter().filter(|look| look.access.what == what);
        of.map(|look| (look.access.who, look.access.patient, look.refused)).collect()
    }
}

/// The form of an order's page with a word.
fn said(page: &Answer, word: &str, text: &str) -> String {
    let (form, version) = (page.field("form"), page.field("version"));
    let questions = page.field("questions").trim();
    format!("form={form}&version={version}&questions={questions}&word={word}&text={text}&ward=")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pharmacists_at_one_order() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.order(1, "PARA500", Control::New);
        hospital.tell_order((1, "PARA500"), Control::Change, "20", None);
        hospital.tell_order((1, "IBUP400"), Control::New, "1", None);
    })
    .await;
    let (one, two) = (site.enter("P2001").await, site.enter("P2002").await);
    let queue = site.get("/verification", &one).await;
    queue.has("2 orders wait");
    queue.has("Changed</strong> dose");
    queue.has(">New</strong>");
    assert_eq!(
        site.get("/verification?ward=ITU", &one).await.0.matches("<li class=\"il-queue").count(),
        0
    );
    let path =
        queue.0.split("href=\"/verification/").skip(1).find(|rest| rest.contains("Paracetamol"));
    let path = format!("/verification/{}", path.unwrap().split('?').next().unwrap());
    let looks = site.looks("verification");
    assert!(looks.iter().any(|(who, patient, _)| who == "P2001" && patient.is_some()), "{looks:?}");

    let first = site.get(&path, &one).await;
    first.has("<del>2 tablet</del>");
    first.has("<ins>20 tablet</ins>");
    first.has("verified by Test, Paula (P2001)");
    first.has("1 change");
    let second = site.get(&path, &two).await;
    let wordless = site.post(&path, &two, &said(&second, "query", " ")).await;
    assert_eq!(wordless.status(), 422);
    wordless.has("Enter what you ask the prescriber");

    // The first one asks; the second one, who did not see it, is told before anything is recorded.
    let asked = site.post(&path, &one, &said(&first, "query", "twenty?")).await;
    assert_eq!((asked.status(), asked.header("location")), (303, "/verification?ward=&done=query"));
    let conflict = site.post(&path, &two, &said(&second, "verify", "")).await;
    assert_eq!(conflict.status(), 409);
    conflict.has("Somebody was quicker: nothing was recorded");
    conflict.has("twenty?");
    // The form of that page is about what it shows.
    let held = site.post(&path, &two, &said(&conflict, "intervene", "ten times too much")).await;
    assert_eq!(held.header("location"), "/verification?ward=&done=intervene");
    let page = site.get(&path, &one).await;
    page.has("Held back");
    page.has("ten times too much");
    let verified = said(&page, "verify", "");
    assert_eq!(site.post(&path, &one, &verified).await.status(), 303);
    assert_eq!(site.post(&path, &one, &verified).await.status(), 303, "a second click");
    let late = site.post(&path, &two, &said(&conflict, "intervene", "still too much")).await;
    assert_eq!(late.status(), 409);
    late.has("Verified</strong>");
    site.get("/verification", &one).await.has("1 order waits");
    let open = site.hospital.engine.readers().get().unwrap().open_cases(None, None, 10).unwrap();
    assert!(open.is_empty(), "no word that was refused left a case: {open:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused_and_a_forged_form_does_nothing() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.tell_order((1, "IBUP400"), Control::New, "1", None);
    })
    .await;
    for page in ["/verification", "/recalls", "/critical-override", "/recalls/PARA500/L1"] {
        assert_eq!(site.get(page, "").await.header("location"), "/sign-in", "{page}");
        let wall = site.enter("wall").await;
        assert_eq!(site.get(page, &wall).await.status(), 403, "{page}");
    }
    assert!(site.looks("verification").iter().all(|(who, _, refused)| who == "wall" && *refused));
    let (one, two) = (site.enter("P2001").await, site.enter("P2002").await);
    let queue = site.get("/verification", &one).await;
    let order = queue.0.split_once("href=\"/verification/").unwrap().1;
    let path = format!("/verification/{}", order.split('?').next().unwrap());
    let page = site.get(&path, &one).await;
    let verify = said(&page, "verify", "");
    let forged = site.post(&path, &two, &verify).await;
    assert_eq!(forged.status(), 403, "another session's form");
    forged.has("This form is out of date");
    // A nurse sees the page where her key opens it, and the domain refuses her word.
    let nurse = site.enter("N1001").await;
    let page = site.get(&path, &nurse).await;
    let refused = site.post(&path, &nurse, &said(&page, "verify", "")).await;
    assert_eq!(refused.status(), 422);
    refused.has("Only a pharmacist verifies orders.");
    assert_eq!(site.get("/verification/nobody", &one).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_found_recalled_and_released() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.admit(2, "WARDA1", "05");
        hospital.order(1, "PARA500", Control::New);
        hospital.order(2, "PARA500", Control::New);
        let removal = hospital.remove(1, "WARDA1", "PARA500", None);
        hospital.give(1, "PARA500", Some(removal));
        hospital.remove(2, "WARDA1", "PARA500", None);
    })
    .await;
    let one = site.enter("P2001").await;
    let sought = site.get("/recalls?item=PARA500&batch=L2231", &one).await;
    assert_eq!(sought.header("location"), "/recalls/PARA500/L2231");
    assert_eq!(site.get("/recalls?item=&batch=L2231", &one).await.status(), 422);
    let page = site.get("/recalls/PARA500/L2231", &one).await;
    page.has("2 patients for certain, 0 perhaps");
    page.has("In the hands of Test, Anna (N1001)");
    page.has("Not recalled");
    let looks = site.looks("recall");
    assert_eq!(looks.iter().filter(|(_, patient, _)| patient.is_some()).count(), 2);

    let form = format!("form={}&act=recall&reason=", page.field("form"));
    assert_eq!(site.post("/recalls/PARA500/L2231", &one, &form).await.status(), 422);
    let done = site.post("/recalls/PARA500/L2231", &one, &format!("{form}EL(26)A/1")).await;
    assert_eq!(done.header("location"), "/recalls/PARA500/L2231?done=recall");
    let page = site.get("/recalls/PARA500/L2231?done=recall", &one).await;
    page.has("The recall is in force");
    page.has("by Test, Paula (P2001): <strong>EL(26)A/1</strong>");
    site.get("/recalls", &one).await.has("Paracetamol 500mg tablets, batch L2231");
    let end = format!("form={}&act=end&reason=tested", page.field("form"));
    let ended = site.post("/recalls/PARA500/L2231", &one, &end).await;
    assert_eq!(ended.header("location"), "/recalls/PARA500/L2231?done=end");
    site.get("/recalls", &one).await.has("No recall is in force");
    assert_eq!(site.get("/recalls/NONE/L2231", &one).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_critical_override_stands_on_every_page() {
    let site = Site::open(|hospital| hospital.admit(1, "WARDA1", "04")).await;
    let (one, nurse) = (site.enter("P2001").await, site.enter("N1001").await);
    let path = "/critical-override";
    let page = site.get(path, &one).await;
    page.has("It does not run");
    let start = format!("form={}&act=start&reason=", page.field("form"));
    assert_eq!(site.post(path, &one, &start).await.status(), 422, "nobody says why");
    let own = site.get(path, &nurse).await;
    let hers = format!("form={}&act=start&reason=x", own.field("form"));
    let refused = site.post(path, &nurse, &hers).await;
    assert_eq!(refused.status(), 422);
    refused.has("role does not allow it");
    assert_eq!(site.post(path, &one, &format!("{start}ePMA+is+down")).await.status(), 303);
    for page in ["/", "/find", "/verification", "/recalls", path] {
        let shown = site.get(page, &nurse).await;
        shown.has("Critical override: cabinets give out medicines without an order");
        shown.has("Test, Paula (P2001)");
        shown.has("ePMA is down");
    }
    let page = site.get(path, &one).await;
    page.has("Runs now");
    let end = format!("form={}&act=end", page.field("form"));
    assert_eq!(site.post(path, &one, &end).await.status(), 303);
    let page = site.get(path, &one).await;
    page.has("It does not run");
    page.has("When it ran");
    assert!(!site.get("/find", &one).await.0.contains("il-critical__title"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_is_read_printed_and_what_does_not_add_up_is_explained() {
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.order(1, "MORP10", Control::New);
        hospital.remove(1, "WARDA1", "MORP10", None);
        // A second count that finds less does not add up.
        hospital.count("WARDA1", "MORP10", 10);
        hospital.count("WARDA1", "MORP10", 9);
    })
    .await;
    let one = site.enter("P2001").await;
    let list = site.get("/registers", &one).await;
    list.has("Morphine sulfate 10mg/1ml solution for injection ampoules");
    list.has("Cabinet ADC/WARDA1");
    let path = "/registers/cabinet%3AADC%2FWARDA1/MORP10";
    list.has(path);
    let page = site.get(path, &one).await;
    page.has("removed");
    page.has("NHS 999");
    page.has("Test, Anna (N1001)");
    page.has("Journal digest, SHA-256");
    assert!(site.looks("registers").iter().any(|(_, patient, _)| patient.is_some()));
    let csv = site.get(&format!("{path}?format=csv"), &one).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    csv.has("place,item,name,strength,unit,number,kind,");
    let empty = site.get(&format!("{path}?from=2026-11-18&to=2026-11-19"), &one).await;
    empty.has("No entry in these days");
    assert_eq!(site.get("/registers/ward%3ANONE/MORP10", &one).await.status(), 404);
    assert_eq!(site.get("/registers/nowhere/MORP10", &one).await.status(), 404);

    let mark = "href=\"/registers/discrepancies/";
    let open = list.0.matches(mark).count();
    let href = list.0.split_once(mark).unwrap().1;
    let path = format!("/registers/discrepancies/{}", href.split('"').next().unwrap());
    let shown = site.get(&path, &one).await;
    let form = |page: &Answer, status: &str, text: &str| {
        format!("form={}&status={status}&text={text}", page.field("form"))
    };
    let wordless = site.post(&path, &one, &form(&shown, "resolved", "")).await;
    assert_eq!(wordless.status(), 422);
    let looking = site.post(&path, &one, &form(&shown, "investigating", "")).await;
    assert_eq!(looking.status(), 303);
    let shown = site.get(&path, &one).await;
    shown.has("Investigating</strong>");
    let explained = site.post(&path, &one, &form(&shown, "resolved", "opening+stock")).await;
    assert_eq!(explained.status(), 303);
    site.get(&path, &one).await.has("opening stock");
    let list = site.get("/registers", &one).await;
    assert_eq!(list.0.matches(mark).count(), open - 1, "{}", list.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_is_printed() {
    if sheets::font().is_none() {
        println!("skipped: no font (make assets)");
        return;
    }
    let site = Site::open(|hospital| {
        hospital.admit(1, "WARDA1", "04");
        hospital.order(1, "MORP10", Control::New);
        hospital.remove(1, "WARDA1", "MORP10", None);
    })
    .await;
    let one = site.enter("P2001").await;
    let path = "/registers/cabinet%3AADC%2FWARDA1/MORP10?format=pdf&from=2026-11-20&to=2026-11-20";
    let pdf = site.get(path, &one).await;
    assert_eq!((pdf.status(), pdf.header("content-type")), (200, "application/pdf"));
    assert_eq!(
        pdf.header("content-disposition"),
        "attachment; filename=\"register-2026-11-20-2026-11-20.pdf\""
    );
    pdf.has("%PDF-1.7");
}

#[tokio::test]
async fn a_governance_lead_sees_who_looked() {
    let site = Site::open(|hospital| {
        for number in 1..=2 {
            hospital.admit(number, "WARDA1", "01");
            hospital.tell_order((number, "PARA500"), Control::New, "2", None);
        }
    })
    .await;
    let (governance, pharmacist) = (site.enter("G1001").await, site.enter("P2001").await);
    let empty = site.get("/looks", &governance).await;
    assert_eq!(empty.status(), 200);
    assert!(!empty.0.contains("found-title"), "nothing was asked for");
    empty.has("aria-current=\"page\">Who looked");
    // What a pharmacist has just been shown is found at once.
    assert_eq!(site.get("/verification", &pharmacist).await.status(), 200);
    let number = hospital::nhs_number(1);
    let spaced = format!("{}+{}+{}", &number[..3], &number[3..6], &number[6..]);
    let found = site.get(&format!("/looks?patient={spaced}"), &governance).await;
    found.has("Test, Paula (P2001)");
    found.has("Verification");
    found.has("Newest first");
    assert!(!found.0.contains("/trace/"), "the key opens no messages");
    // To ask was a look, and it is on the next page that is shown.
    let again = site.get(&format!("/looks?patient={number}"), &governance).await;
    again.has("Test, Gwen (G1001)");
    let by = site.get(&format!("/looks?patient={number}&who=P2001"), &governance).await;
    by.has("Test, Paula (P2001)");
    assert!(!by.0.contains("(G1001)"));
    let none = site.get(&format!("/looks?patient={number}&only=refused"), &governance).await;
    none.has("Nobody looked");
    let earlier = format!("/looks?patient={number}&to=2026-11-20T10:00");
    site.get(&earlier, &governance).await.has("Nobody looked");
    site.get("/looks?patient=9990000999", &governance).await.has("Nobody has this number");
    let wrong = site.get("/looks?who=P2001", &governance).await;
    assert_eq!(wrong.status(), 422);
    wrong.has("Enter a number of the patient");
    let looks = site.looks("audit");
    assert!(looks.iter().all(|(who, _, refused)| who == "G1001" && !refused), "{looks:?}");
    assert_eq!(looks.iter().filter(|(_, patient, _)| patient.is_some()).count(), 5, "{looks:?}");
}

#[tokio::test]
async fn a_page_has_a_hundred_looks_and_older_ones_follow() {
    let site = Site::open(|hospital| hospital.admit(1, "WARDA1", "01")).await;
    let governance = site.enter("G1001").await;
    let path = format!("/looks?patient={}", hospital::nhs_number(1));
    for _ in 0..103 {
        assert_eq!(site.get(&path, &governance).await.status(), 200);
    }
    let rows = |answer: &Answer| answer.0.matches("<time datetime").count();
    let first = site.get(&path, &governance).await;
    assert_eq!(rows(&first), 100);
    let older = first.0.split_once("\">Older looks").unwrap().0;
    let older = older.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&").replace("&amp;", "&");
    let second = site.get(&older, &governance).await;
    assert_eq!((second.status(), rows(&second)), (200, 3));
    assert!(!second.0.contains("Older looks"));
}

#[tokio::test]
async fn nobody_else_sees_who_looked() {
    let site = Site::open(|hospital| hospital.admit(1, "WARDA1", "01")).await;
    // A key that lacks the right, and keys with it whose people are no governance leads.
    for name in ["wall", "P2001", "N1001"] {
        let cookie = site.enter(name).await;
        let refused = site.get("/looks?patient=9990000018", &cookie).await;
        assert_eq!(refused.status(), 403, "{name}");
        assert!(!site.get("/", &cookie).await.0.contains("/looks"), "{name} finds no way to it");
    }
    let refused = site.looks("audit");
    let who: Vec<&str> = refused.iter().map(|(who, ..)| who.as_str()).collect();
    assert_eq!(who, ["N1001", "P2001", "wall"]);
    assert!(refused.iter().all(|(.., refused)| *refused));
}
