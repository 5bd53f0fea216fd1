//! The door's rules, with time as a number.

use sha2::{Digest, Sha256};

use super::*;

fn door() -> Door {
    let key = |name: &str, secret: &str, one_time| Key {
        name: name.to_owned(),
        sha256: Sha256::digest(secret.as_bytes()).into(),
        one_time,
        rights: Rights::default(),
    };
    Door::new(vec![key("N1001", "long-lived", false), key("demo", "once", true)])
}

fn token(byte: u8) -> Token {
    Token::random(|bytes| bytes.fill(byte))
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn a_key_opens_by_its_digest_and_one_for_one_use_opens_once() {
    let (door, now) = (door(), Instant::now());
    let unlock = |key: &str, by_address| door.unlock(key, by_address, None, now);
    assert_eq!(unlock("long-lived", false), Ok("N1001".to_owned()));
    assert_eq!(unlock(" long-lived\n", false), Ok("N1001".to_owned()));
    assert_eq!(unlock("once", true), Ok("demo".to_owned()));
    assert_eq!(unlock("once", true), Err(Refusal::WrongKey));
    assert_eq!(unlock("once", false), Err(Refusal::WrongKey));
    assert_eq!(unlock("long-lived", true), Err(Refusal::WrongKey), "not by the address");
    assert_eq!(unlock("", false), Err(Refusal::WrongKey));
    assert_eq!(unlock(&"x".repeat(10_000), false), Err(Refusal::WrongKey));
}

#[test]
fn guessing_is_held_up_for_its_address_alone_and_a_right_key_never() {
    let (door, now) = (door(), Instant::now());
    let (one, other) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
    for _ in 0..MAX_GUESSES {
        assert_eq!(door.unlock("guess", false, one, now), Err(Refusal::WrongKey));
    }
    assert_eq!(door.unlock("guess", false, one, now), Err(Refusal::TooManyGuesses));
    assert_eq!(door.unlock("guess", false, other, now), Err(Refusal::WrongKey));
    assert_eq!(door.unlock("long-lived", false, one, now), Ok("N1001".to_owned()));
    assert_eq!(door.unlock("guess", false, one, now), Err(Refusal::TooManyGuesses));
    assert_eq!(door.unlock("guess", false, one, now + GUESS_WINDOW), Err(Refusal::WrongKey));
}

#[test]
fn addresses_that_guess_are_limited_in_number() {
    let (door, now) = (door(), Instant::now());
    for address in 0..5_000_u32 {
        let from = Some(IpAddr::from(address.to_be_bytes()));
        assert!(door.unlock("guess", false, from, now).is_err());
    }
    assert!(door.inside().guesses.len() <= MAX_ADDRESSES + 1);
}

#[test]
fn a_session_ends_after_its_time_and_when_somebody_leaves() {
    let (door, now) = (door(), Instant::now());
    assert_eq!(door.visitor(&token(1), now), None);
    door.admit(&token(1), "N1001".to_owned(), now);
    door.admit(&token(2), "N1001".to_owned(), now);
    let last = now + minutes(8 * 60 - 1);
    assert_eq!(door.visitor(&token(1), last).unwrap().until, now + SESSION_LIFETIME);
    assert_eq!(door.visitor(&token(1), now + SESSION_LIFETIME), None);
    door.leave(&token(2));
    assert_eq!(door.visitor(&token(2), now), None);
}

#[test]
fn a_look_is_journalled_at_most_every_quarter_of_an_hour() {
    let (door, now) = (door(), Instant::now());
    let due = |at| door.visitor(&token(1), at).unwrap().look_is_due;
    door.admit(&token(1), "N1001".to_owned(), now);
    assert!(!due(now + minutes(14)), "signing in was the look");
    assert!(due(now + minutes(15)));
    assert!(!due(now + minutes(16)));
    door.look_again(&token(1));
    assert!(due(now + minutes(17)), "the last one could not be journalled");
}

#[test]
fn sessions_are_limited_in_number_and_the_oldest_goes() {
    let (door, now) = (door(), Instant::now());
    let token = |n: u32| Token::random(move |bytes| bytes[..4].copy_from_slice(&n.to_be_bytes()));
    for n in 0..1_001 {
        door.admit(&token(n), "N1001".to_owned(), now + Duration::from_millis(n.into()));
    }
    let later = now + minutes(1);
    assert_eq!(door.visitor(&token(0), later), None);
    assert!(door.visitor(&token(1), later).is_some());
    assert!(door.visitor(&token(1_000), later).is_some());
}

#[test]
fn knocking_does_not_fill_the_journal() {
    let (door, now) = (door(), Instant::now());
    for _ in 0..MAX_REFUSALS {
        assert_eq!(door.tells_refusal(now), Some(0));
    }
    for _ in 0..7 {
        assert_eq!(door.tells_refusal(now), None);
    }
    assert_eq!(door.tells_refusal(now + REFUSAL_WINDOW), Some(7));
    assert_eq!(door.tells_refusal(now + REFUSAL_WINDOW), Some(0));
}

#[test]
fn a_session_is_read_from_among_other_cookies() {
    let text = "ab".repeat(32);
    let read = |cookie: &str| {
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("cookie", cookie.parse().unwrap());
        session_of(&headers).map(|token| token.as_str().to_owned())
    };
    assert_eq!(read(&format!("a=1; interlock-session={text}; b")), Some(text.clone()));
    assert_eq!(read(&format!("interlock-session={text}0")), None);
    assert_eq!(read(&format!("other={text}")), None);
    assert_eq!(read("interlock-session="), None);
    assert_eq!(format!("{:?}", Token::read(&text)), "Some(Token(…))", "never in a log");
}
