//! The pages over real TCP, with a node that only remembers.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::http::header;
use engine::Stopped;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::Rights;
use crate::gather::Trouble;
use crate::node::Later;
use crate::sample;
use crate::view::LiveLoop;

/// A node whose view is the sample, with as many doses given as it was moved on.
struct Remembers {
    progress: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    /// Whether it can still write.
    writes: AtomicBool,
    views: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

impl Remembers {
    fn move_on(&self) {
        self.progress.send_modify(|seq| *seq += 1);
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

impl Node for Remembers {
    fn now(&self) -> Timestamp {
        sample::now()
    }

    fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    fn view(&self) -> Result<LiveLoop, Trouble> {
        self.views.fetch_add(1, Ordering::SeqCst);
        let mut view = sample::view();
        view.totals.doses_given = *self.progress.borrow();
        Ok(view)
    }

    fn note(&self, request: Request, by: &str) -> Later<'static, Result<(), Stopped>> {
        let kind = request.kind();
        let accesses = match request {
            Request::See(looks) => looks,
            Request::TurnAway(access) => vec![access],
            _ => panic!("the console asks for nothing else"),
        };
        let written = self.writes.load(Ordering::SeqCst);
        for access in accesses {
            assert_eq!(access.who, by);
            let reason = access.reason.as_deref().unwrap_or("-");
            let detail = access.detail.as_deref().unwrap_or("-");
            let note = format!("{kind} {by} {} {detail} {reason}", access.what);
            if written {
                self.notes.lock().unwrap().push(note);
            }
        }
        Box::pin(async move { if written { Ok(()) } else { Err(Stopped) } })
    }

    fn has_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn stopped(&self) -> Later<'static, ()> {
        let mut stop = self.stop.subscribe();
        Box::pin(async move { drop(stop.wait_for(|stop| *stop).await) })
    }
}

struct Site {
    node: Arc<Remembers>,
    address: SocketAddr,
}

/// An answer's head and body as text.
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The session's cookie, as a browser sends it back.
    fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }
}

impl Site {
    async fn open() -> Self {
        let node = Arc::new(Remembers {
            progress: watch::Sender::new(1_000),
            stop: watch::Sender::new(false),
            writes: AtomicBool::new(true),
            views: AtomicUsize::new(0),
            notes: Mutex::default(),
        });
        let key = |name: &str, secret: &str, one_time| Key {
            name: name.to_owned(),
            sha256: Sha256::digest(secret).into(),
            one_time,
            rights: Rights::default(),
        };
        let keys = vec![key("N1001", "long-lived", false), key("demo", "once", true)];
        let count = AtomicUsize::new(0);
        let random = move |bytes: &mut [u8]| {
            let count = u8::try_from(count.fetch_add(1, Ordering::SeqCst)).unwrap();
            bytes.fill(count);
        };
        let shown: Arc<dyn Node> = Arc::clone(&node) as _;
        let console = Console::new(shown, keys, "Royal <Example>".to_owned(), Arc::new(random));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(Arc::new(console)).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Site { node, address }
    }

    async fn connect(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let text = format!(
            "{head}\r\nHost: console.example\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, head: &str, body: &str) -> Answer {
        let head = head.replacen('\n', " HTTP/1.1\r\nConnection: close\r\n", 1);
        let mut stream = self.connect(&head, body).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(&format!("GET {path}\nCookie: {cookie}"), "").await
    }

    async fn sign_in(&self, key: &str) -> Answer {
        self.ask("POST /sign-in\nAccept: text/html", &format!("key={key}")).await
    }

    /// The event stream, as far as it has come.
    async fn watch(&self, cookie: &str) -> Watched {
        let head = format!("GET /live HTTP/1.1\r\nCookie: {cookie}");
        Watched { stream: self.connect(&head, "").await, text: String::new() }
    }
}

struct Watched {
    stream: TcpStream,
    text: String,
}

impl Watched {
    /// Reads on until the text holds `part`; gives the text.
    async fn until(&mut self, part: &str) -> &str {
        let mut buffer = vec![0; 64 * 1024];
        while !self.text.contains(part) {
            let count = self.stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "the stream ended without {part}: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        &self.text
    }
}

#[tokio::test]
async fn nobody_sees_anything_without_a_session() {
    let site = Site::open().await;
    let page = site.get("/", "").await;
    assert_eq!((page.status(), page.header("location")), (303, Some("/sign-in")));
    let forged = format!("interlock-session={}", "ab".repeat(32));
    for (path, status) in [("/", 303), ("/live", 401)] {
        let refused = site.get(path, &forged).await;
        assert_eq!(refused.status(), status, "{path}");
        assert!(!refused.body.contains("WARDA1"));
    }
    assert_eq!(
        site.node.notes(),
        [
            "turn-away unknown console live-loop from 127.0.0.1 no-session",
            "turn-away unknown console live-loop from 127.0.0.1 no-session",
            "turn-away unknown console live from 127.0.0.1 no-session",
        ]
    );
    assert_eq!(site.node.views.load(Ordering::SeqCst), 0, "nothing is gathered for strangers");
}

#[tokio::test]
async fn a_key_opens_a_session_and_the_look_is_journalled_once() {
    let site = Site::open().await;
    let wrong = site.sign_in("guess").await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.body.contains("There is a problem"));
    assert!(wrong.header("set-cookie").is_none());

    let entered = site.sign_in("long-lived").await;
    assert_eq!((entered.status(), entered.header("location")), (303, Some("/")));
    let set = entered.header("set-cookie").unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=28800"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = entered.cookie();
    for _ in 0..3 {
        let page = site.get("/", &cookie).await;
        assert_eq!(page.status(), 200);
        assert!(page.body.contains("<h1") && page.body.contains("Live loop"));
        assert!(page.body.contains(r#"data-count="doses-given">1,000<"#));
        assert!(page.body.contains("Royal &#60;Example&#62;"));
    }
    let again = site.get("/sign-in", &cookie).await;
    assert_eq!(again.status(), 303, "no form for whoever is in");
    assert_eq!(
        site.node.notes(),
        [
            "turn-away unknown console sign-in from 127.0.0.1 wrong-key",
            "see N1001 console live-loop -",
        ]
    );
    let left = site.ask(&format!("POST /sign-out\nCookie: {cookie}"), "").await;
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(site.get("/", &cookie).await.status(), 303);
}

#[tokio::test]
async fn a_key_in_the_address_works_once_and_goes_from_it() {
    let site = Site::open().await;
    assert_eq!(site.ask("HEAD /?key=once\nAccept: */*", "").await.status(), 303);
    assert_eq!(site.get("/?key=long-lived", "").await.status(), 401, "only one for one use");
    let entered = site.get("/?key=once", "").await;
    assert_eq!((entered.status(), entered.header("location")), (303, Some("/")));
    assert_eq!(site.get("/", &entered.cookie()).await.status(), 200);
    let inside = site.get("/?key=once", &entered.cookie()).await;
    assert_eq!((inside.status(), inside.header("location")), (303, Some("/")));
    let again = site.get("/?key=once", "").await;
    assert_eq!(again.status(), 401);
    assert!(again.body.contains("opens once, in one browser"), "{}", again.body);
}

#[tokio::test]
async fn guessing_is_held_up() {
    let site = Site::open().await;
    for _ in 0..10 {
        assert_eq!(site.sign_in("guess").await.status(), 401);
    }
    assert_eq!(site.sign_in("guess").await.status(), 429);
    let last = site.node.notes().pop().unwrap();
    assert_eq!(last, "turn-away unknown console sign-in from 127.0.0.1 too-many-attempts");
    assert_eq!(site.sign_in("long-lived").await.status(), 303, "guesses lock nobody out");
}

#[tokio::test]
async fn every_answer_carries_the_safety_headers() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    for path in ["/", "/sign-in", "/assets/console.js", "/assets/none.js", "/sign-out"] {
        let answer = site.get(path, &cookie).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let caching = answer.header(header::CACHE_CONTROL.as_str()).unwrap();
        let kept = answer.status() == 200 && path.starts_with("/assets/");
        assert_eq!(caching == "no-store", !kept, "{path}: {caching}");
    }
    let page = site.get("/", &cookie).await.body;
    let inline = page.split("<script").skip(1).any(|script| !script.starts_with(" src="));
    assert!(!inline && !page.contains(" style=") && !page.contains(" onclick="));
}

#[tokio::test]
async fn assets_have_a_type_and_are_not_sent_twice() {
    let site = Site::open().await;
    let script = site.get("/assets/console.js", "").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let tag = script.header("etag").unwrap();
    let head = format!("GET /assets/console.js\nIf-None-Match: {tag}");
    let known = site.ask(&head, "").await;
    assert_eq!((known.status(), known.body.as_str()), (304, ""));
    for path in ["/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/assets//etc/passwd"] {
        assert_eq!(site.get(path, "").await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn the_stream_sends_everything_once_and_then_what_changed() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    let mut watched = site.watch(&cookie).await;
    let first = watched.until("data: journal").await;
    assert!(first.contains("content-type: text/event-stream\r\n"), "{first}");
    assert!(first.contains("retry: 3000\n\n"));
    assert_eq!(first.matches("event: part\n").count(), 11);

    site.node.move_on();
    let both = watched.until(r#"data-count="doses-given">1,001<"#).await;
    assert_eq!(both.matches("data: summary\n").count(), 2);
    assert_eq!(both.matches("data: wards\n").count(), 1, "what is the same is not sent again");
}

#[tokio::test]
async fn all_who_watch_share_one_gathering_and_none_watches_means_none() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(site.watch(&cookie).await);
    }
    site.node.move_on();
    for watched in &mut all {
        watched.until(r#"data-count="doses-given">1,001<"#).await;
    }
    let views = || site.node.views.load(Ordering::SeqCst);
    assert!(views() < 8, "{} gatherings for 8 viewers", views());

    drop(all);
    // The task notices within one update; what happens afterwards moves nothing.
    let mut quiet = (views(), 0);
    while quiet.1 < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        site.node.move_on();
        quiet = if views() == quiet.0 { (quiet.0, quiet.1 + 1) } else { (views(), 0) };
    }
    let mut back = site.watch(&cookie).await;
    back.until("data: journal").await;
}

#[tokio::test]
async fn seats_are_limited() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    let mut seated = Vec::new();
    for _ in 0..crate::live::MAX_VIEWERS {
        let mut watched = site.watch(&cookie).await;
        watched.until("retry: ").await;
        seated.push(watched);
    }
    let refused = site.get("/live", &cookie).await;
    assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("30")));
    assert_eq!(site.get("/", &cookie).await.status(), 200, "the page itself is still there");
}

#[tokio::test]
async fn a_node_that_stops_says_so_and_shows_nothing_more() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    let mut watched = site.watch(&cookie).await;
    watched.until("data: journal").await;
    site.node.stop.send_replace(true);
    watched.until("event: stopped\ndata:\n\n").await;
    let page = site.get("/", &cookie).await;
    assert_eq!(page.status(), 503);
    assert!(page.body.contains("This node has stopped") && !page.body.contains("WARDA1"));
    assert_eq!(site.get("/live", &cookie).await.status(), 503);
}

#[tokio::test]
async fn a_look_that_cannot_be_journalled_is_no_look() {
    let site = Site::open().await;
    site.node.writes.store(false, Ordering::SeqCst);
    let refused = site.sign_in("long-lived").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.header("set-cookie").is_none());
}

#[tokio::test]
async fn signing_out_elsewhere_ends_the_stream() {
    let site = Site::open().await;
    let cookie = site.sign_in("long-lived").await.cookie();
    let mut watched = site.watch(&cookie).await;
    watched.until("data: journal").await;
    site.ask(&format!("POST /sign-out\nCookie: {cookie}"), "").await;
    site.node.move_on();
    watched.until("event: signed-out\ndata:\n\n").await;
    assert!(!watched.text.contains(">1,001<"), "nothing more is shown");
}

#[tokio::test]
async fn forms_are_limited_and_cookies_are_secure_behind_tls() {
    let site = Site::open().await;
    let large = site.sign_in(&"x".repeat(5_000)).await;
    assert_eq!(large.status(), 413);
    let tls = "POST /sign-in\nX-Forwarded-Proto: https";
    let secure = site.ask(tls, "key=long-lived").await;
    assert!(secure.header("set-cookie").unwrap().ends_with("; Secure"));
}
