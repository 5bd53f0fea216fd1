//! The console on a real engine: what is done in the hospital is what the page shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[expect(dead_code, reason = "the test of the desks uses the rest")]
mod hospital;

use std::net::SocketAddr;
use std::sync::Arc;

use console::{ChannelView, ConsoleParts, Direction, Key, LinkState, Right, Rights, router};
use engine::Clock;
use hospital::Hospital;
use medicines::orders::Control;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn parts(hospital: &Hospital, stop: watch::Receiver<bool>) -> ConsoleParts {
    let channel = ChannelView {
        name: "epma".into(),
        direction: Direction::Inbound,
        state: LinkState::Up,
        last_seen: None,
        queue: 0,
        oldest: None,
        stale_after_s: 60,
    };
    ConsoleParts {
        engine: hospital.engine.clone(),
        channels: Arc::new(move || vec![channel.clone()]),
        alarms: Arc::new(Vec::new),
        replayer: None,
        keys: vec![Key {
            name: "demo".into(),
            sha256: Sha256::digest("once").into(),
            one_time: true,
            rights: Rights::all(),
        }],
        site_name: "Royal Example Hospital".into(),
        random: Arc::new(|bytes| bytes.fill(7)),
        stop,
    }
}

async fn serve(parts: ConsoleParts) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(parts).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn connect(address: SocketAddr, path: &str, cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn get(address: SocketAddr, path: &str, cookie: &str) -> String {
    let mut text = String::new();
    connect(address, path, cookie).await.read_to_string(&mut text).await.unwrap();
    text
}

/// The number that a part of the page shows.
fn count(page: &str, name: &str) -> u64 {
    let mark = format!("data-count=\"{name}\">");
    let rest = page.rsplit_once(&mark).unwrap().1;
    rest.split('<').next().unwrap().replace(',', "").parse().unwrap()
}

/// What stands in one section of the page.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let rest = page.split_once(&format!("<section class=\"il-section\" id=\"{id}\"")).unwrap().1;
    rest.split("</section>").next().unwrap()
}

fn a_morning(hospital: &Hospital) {
    hospital.admit(1, "WARDA1", "04");
    hospital.admit(2, "WARDA1", "05");
    hospital.admit(3, "ITU", "01");
    for (number, item) in [(1, "PARA500"), (1, "EVIL"), (2, "IBUP400"), (3, "AMOX500")] {
        hospital.order(number, item, Control::New);
    }
    hospital.order(3, "AMOX500", Control::Hold);
    let given = hospital.remove(1, "WARDA1", "PARA500", None);
    hospital.give(1, "PARA500", Some(given));
    hospital.remove(2, "WARDA1", "IBUP400", None);
    hospital.remove(1, "WARDA1", "EVIL", None);
    hospital.remove(2, "WARDA1", "NALO400", Some("arrest call"));
    hospital.give(2, "IBUP400", None);
    hospital.ask_for(2, "WARDA1", "PARA500", None);
    hospital.park();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_shown_and_what_is_shown_is_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::scaled("2026-11-20T10:15:00Z".parse().unwrap(), 1);
    let path = folder.path().to_owned();
    let hospital = tokio::task::spawn_blocking(move || {
        let hospital = Hospital::open(&path, clock);
        a_morning(&hospital);
        hospital
    });
    let hospital = Arc::new(hospital.await.unwrap());
    let (stop, stopping) = watch::channel(false);
    let address = serve(parts(&hospital, stopping)).await;
    let entered = get(address, "/?key=once", "").await;
    let cookie = entered.split_once("set-cookie: ").unwrap().1.split(';').next().unwrap();
    let page = get(address, "/", cookie).await;

    check_page(&page);

    let seen = hospital.engine.readers().with_looks().unwrap().accesses(None, 10).unwrap();
    let looks: Vec<_> = seen.iter().filter(|look| look.access.what == "console").collect();
    assert_eq!(looks.len(), 1);
    assert!(!looks[0].refused && looks[0].access.who == "demo");

    watch_on(address, cookie, &hospital, stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_by_whoever_may_and_each_look_is_journalled() {
    for may in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::scaled("2026-11-20T10:15:00Z".parse().unwrap(), 1);
        let path = folder.path().to_owned();
        let hospital = tokio::task::spawn_blocking(move || {
            let hospital = Hospital::open(&path, clock);
            hospital.park();
            hospital
        });
        let hospital = hospital.await.unwrap();
        let (_stop, stopping) = watch::channel(false);
        let mut parts = parts(&hospital, stopping);
        parts.keys[0].rights = Some(Right::Messages).into_iter().filter(|_| may).collect();
        let address = serve(parts).await;
        let entered = get(address, "/?key=once", "").await;
        let cookie = entered.split_once("set-cookie: ").unwrap().1.split(';').next().unwrap();
        let latest = hospital.engine.readers().get().unwrap().messages(None, 50).unwrap();
        let seq = latest.iter().find(|message| message.outcome == "parked").unwrap().seq;
        let index = hospital.engine.messages().clone();
        while index.position() < seq {
            tokio::task::yield_now().await;
        }
        let found = get(address, "/find?outcome=parked", cookie).await;
        let life = get(address, &format!("/trace/{seq}"), cookie).await;
        let seen = hospital.engine.readers().with_looks().unwrap().accesses(None, 50).unwrap();
        let looks: Vec<_> = seen.iter().filter(|look| look.access.what == "messages").collect();
        assert_eq!(looks.len(), 2, "{looks:?}");
        assert!(looks.iter().all(|look| look.refused != may && look.access.who == "demo"));
        assert_eq!(found.contains(&format!("href=\"/trace/{seq}\"")), may, "{found}");
        assert_eq!(life.contains("Parked message"), may, "{life}");
        assert!(!life.contains("<textarea"), "without the right to replay");
        assert_eq!(life.starts_with("HTTP/1.1 403"), !may, "{life}");
        let unknown = get(address, "/trace/999999", cookie).await;
        assert_eq!(unknown.starts_with("HTTP/1.1 404"), may, "{unknown}");
        assert!(get(address, "/find", "").await.starts_with("HTTP/1.1 303"));
    }
}

/// What the page has to show of [`a_morning`].
fn check_page(page: &str) {
    let expected = [
        ("patients", 3),
        ("live-orders", 4),
        ("removals", 4),
        ("doses-given", 1),
        ("in-hands", 3),
        ("open-cases", 2),
    ];
    for (name, number) in expected {
        assert_eq!(count(page, name), number, "{name}");
    }
    let wards = section(page, "wards");
    assert!(wards.contains("WARDA1") && wards.contains("ITU") && !wards.contains("WARDB2"));
    let removals = section(page, "removals");
    for text in [
        "Given",
        "In hands: 2<",
        "2 tablet",
        "Override",
        "Order",
        "WARDA1\u{a0}bed\u{a0}04, NHS\u{a0}…",
    ] {
        assert!(removals.contains(text), "{text}: {removals}");
    }
    assert!(removals.contains("&#60;script&#62;alert") && !page.contains("<script>alert"));
    assert!(section(page, "doses").contains("patient refused"));
    assert!(section(page, "orders").contains("On hold"));
    assert!(section(page, "cases").contains("Parked message"));
    assert!(section(page, "channels").contains("Stale"));
    assert!(section(page, "journal").contains("RDE^O11"));
    assert!(!page.contains(&hospital::nhs_number(1)), "a whole NHS number");
}

/// The stream shows the next dose, and ends when the node does.
async fn watch_on(
    address: SocketAddr,
    cookie: &str,
    hospital: &Arc<Hospital>,
    stop: watch::Sender<bool>,
) {
    let mut stream = connect(address, "/live", cookie).await;
    let (mut text, mut buffer) = (String::new(), vec![0; 64 * 1024]);
    let (mut acted, mut told) = (false, false);
    loop {
        let bytes = stream.read(&mut buffer).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
        if !acted && text.contains("data: journal") {
            acted = true;
            let hospital = Arc::clone(hospital);
            let act = move || {
                hospital.order(2, "PARA500", Control::New);
                let removal = hospital.remove(2, "WARDA1", "PARA500", None);
                hospital.give(2, "PARA500", Some(removal));
            };
            tokio::task::spawn_blocking(act).await.unwrap();
        }
        if !told && acted && count(&text, "doses-given") == 2 {
            told = true;
            stop.send_replace(true);
        }
        if bytes == 0 {
            break;
        }
    }
    assert!(told && text.contains("event: stopped\ndata:\n\n"), "{text}");
    let page = get(address, "/", cookie).await;
    assert!(page.starts_with("HTTP/1.1 503"), "{page}");
}
