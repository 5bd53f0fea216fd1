//! Parked messages again: the bytes come from the journal, or from whoever mended them, and are
//! read as they would be now. Sent messages anew: as their channels write them now.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use api::{ReplayError, Replayer, Replaying};
use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, is_oversized, read};
use channels::outbound::{Versions, Voice, forwarded, render};
use channels::{ChannelConfig, Direction, MAX_MESSAGE_BYTES};
use engine::{Command, Engine, Receipt};
use fhir::Id;
use medicines::cases::CaseKind;
use medicines::deliveries::Delivery;
use medicines::{Answer, Head, Request};
use record::Reader;

use crate::node::Plan;

/// Reads parked messages with the channels of the configuration in force.
pub(crate) struct Replays {
    engine: Engine,
    /// The value of MSH-11 in force, which stays until the next start.
    processing_id: String,
    channels: RwLock<BTreeMap<String, Arc<InboundChannel>>>,
    voices: RwLock<Arc<Voices>>,
}

/// Writes the messages of deliveries with the outbound channels of a configuration.
pub(crate) struct Voices(BTreeMap<String, Voice>);

impl Voices {
    pub(crate) fn new(plan: &Plan, processing_id: &str) -> Self {
        Voices::of(&plan.channels, &plan.site.code, processing_id)
    }

    /// The voices of these channels at the site with that ODS code.
    pub(crate) fn of(channels: &[ChannelConfig], site: &str, processing_id: &str) -> Self {
        let outbound = |config: &&ChannelConfig| config.direction == Direction::Outbound;
        let voice =
            |config: &ChannelConfig| (config.name.clone(), config.voice(site, processing_id));
        Voices(channels.iter().filter(outbound).map(voice).collect())
    }

    /// Whether a channel is among them.
    pub(crate) fn has(&self, channel: &str) -> bool {
        self.0.contains_key(channel)
    }

    /// The dialect of a channel.
    pub(crate) fn dialect(&self, channel: &str) -> Option<&Dialect> {
        self.0.get(channel).map(Voice::dialect)
    }

    /// The message of a delivery, from exactly the versions that it names.
    pub(crate) fn rewrite(&self, reader: &Reader, delivery: &Delivery) -> Result<Vec<u8>, String> {
        let voice = self
            .0
            .get(&*delivery.channel)
            .ok_or_else(|| format!("channel `{}` is not in the configuration", delivery.channel))?;
        let versions = Versions::fetch(delivery, |named| {
            reader.version(named.resource_type, &named.id, named.version)
        });
        let mut versions = versions.map_err(|error| error.to_string())?;
        if let Some(entry) = forwarded(delivery) {
            let bytes = reader.received(entry).map_err(|error| error.to_string())?;
            versions = versions.with_bytes(bytes);
        }
        render(delivery, &versions, voice).map_err(|error| error.to_string())
    }
}

/// A request with its message's type and control id.
type Read = (Request, Option<String>, Option<String>);

impl Replays {
    pub(crate) fn new(engine: Engine, plan: &Plan) -> Self {
        let processing_id = plan.processing_id.clone();
        let channels = RwLock::new(inbound(plan, &processing_id));
        let voices = RwLock::new(Arc::new(Voices::new(plan, &processing_id)));
        Replays { engine, processing_id, channels, voices }
    }

    /// Reads with the channels of this configuration from now on.
    pub(crate) fn replace(&self, plan: &Plan) {
        let channels = inbound(plan, &self.processing_id);
        *self.channels.write().unwrap_or_else(PoisonError::into_inner) = channels;
        let voices = Arc::new(Voices::new(plan, &self.processing_id));
        *self.voices.write().unwrap_or_else(PoisonError::into_inner) = voices;
    }

    fn channel(&self, name: &str) -> Option<Arc<InboundChannel>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Reads the bytes as they would be read if they came now.
    fn read(&self, channel: &str, raw: &[u8]) -> Result<Read, ReplayError> {
        if let Some(reread) = api::reread(channel, raw) {
            let request = reread.map_err(|error| ReplayError::NotReplayable(error.to_string()))?;
            return Ok((request, None, None));
        }
        let reader = self.channel(channel).ok_or_else(|| {
            ReplayError::NotReplayable(format!("channel `{channel}` is not configured any more"))
        })?;
        let understood = read(raw, &reader);
        Ok((understood.request, understood.message_type, understood.control_id))
    }

    /// Refuses a mended message that would be parked for what it is itself, before anything is
    /// journaled. Where it can be read and the state does not allow it, the engine says so.
    fn check_mended(raw: &[u8], request: &Request) -> Result<(), ReplayError> {
        if raw.len() > MAX_MESSAGE_BYTES {
            return Err(ReplayError::NotMended("it is longer than any channel takes.".to_owned()));
        }
        match request {
            Request::Park(problem) => {
                let place = problem.location.as_ref().map(|at| format!("{at}: "));
                let text = format!("{}{}", place.unwrap_or_default(), problem.text);
                Err(ReplayError::NotMended(text))
            }
            _ => Ok(()),
        }
    }

    async fn again(
        &self,
        case: &Id,
        mended: Option<Vec<u8>>,
        by: &str,
    ) -> Result<Receipt, ReplayError> {
        let (engine, id) = (self.engine.clone(), case.clone());
        let whole = mended.is_none();
        let found = tokio::task::spawn_blocking(move || message_of(&engine, &id, whole)).await;
        let Kept { entry, channel, raw } =
            found.map_err(|error| ReplayError::Unreadable(error.to_string()))??;
        let raw = mended.unwrap_or(raw);
        let (request, message_type, control_id) = self.read(&channel, &raw)?;
        if !whole {
            Self::check_mended(&raw, &request)?;
        }
        let request = Box::new(request);
        let request = Request::Replay { case: case.clone(), entry, by: by.to_owned(), request };
        let command = Command {
            channel: channel.into(),
            key: None,
            by: by.to_owned(),
            message_type,
            control_id,
            received: self.engine.clock().now(),
            request,
            raw,
        };
        self.engine.submit(command).await.map_err(|_| ReplayError::Stopped)
    }
}

/// The inbound channels, as far as reading their messages needs them.
fn inbound(plan: &Plan, processing_id: &str) -> BTreeMap<String, Arc<InboundChannel>> {
    let reader = |config: &ChannelConfig| {
        let channel = config.reader(&plan.site.code, processing_id);
        (config.name.clone(), Arc::new(channel))
    };
    let inbound = plan.channels.iter().filter(|config| config.direction == Direction::Inbound);
    inbound.map(reader).collect()
}

impl Replayer for Replays {
    fn replay<'a>(&'a self, case: &'a Id, mended: Option<Vec<u8>>, by: &'a str) -> Replaying<'a> {
        Box::pin(self.again(case, mended, by))
    }

    fn rewrite(&self, reader: &Reader, delivery: &Delivery) -> Result<Vec<u8>, String> {
        let voices = self.voices.read().unwrap_or_else(PoisonError::into_inner).clone();
        voices.rewrite(reader, delivery)
    }
}

/// What an open case keeps.
struct Kept {
    /// The entry.
    entry: u64,
    /// The channel from which the message came.
    channel: String,
    /// The message as it came.
    raw: Vec<u8>,
}

/// The message that an open case keeps; with `whole`, only one that may be read as it came.
fn message_of(engine: &Engine, case: &Id, whole: bool) -> Result<Kept, ReplayError> {
    let unreadable = |error: &dyn std::fmt::Display| ReplayError::Unreadable(error.to_string());
    let readers = engine.readers();
    let reader = readers.get().map_err(|error| unreadable(&error))?;
    let kept = reader.case(case).map_err(|error| unreadable(&error))?;
    let kept = kept.filter(|kept| kept.closed.is_none()).ok_or(ReplayError::UnknownCase)?;
    let journal = engine.journal().map_err(|error| unreadable(&error))?;
    let entry = journal.get(kept.case.entry).map_err(|error| unreadable(&error))?;
    let entry = entry.ok_or_else(|| unreadable(&"its entry is missing"))?;
    if entry.removed.is_some() {
        let why = "its message was removed when its time was over: have it sent again";
        return Err(ReplayError::NotReplayable(why.to_owned()));
    }
    let head = Head::from_json(&entry.head).map_err(|error| unreadable(&error))?;
    if whole || kept.case.kind != CaseKind::ParkedMessage {
        check_whole(kept.case.kind, &head.answer, &entry.raw)?;
    }
    Ok(Kept { entry: kept.case.entry, channel: head.channel.into_owned(), raw: entry.raw })
}

/// Refuses what must not be read again: a case that is about no message, and a message of which
/// not all was kept. The beginning of a message may well read as a message, and would be acted on
/// as if nothing had followed it.
fn check_whole(kind: CaseKind, answer: &Answer, raw: &[u8]) -> Result<(), ReplayError> {
    let refused = |why: &str| Err(ReplayError::NotReplayable(why.to_owned()));
    if kind != CaseKind::ParkedMessage {
        return refused("the case keeps no message that was parked");
    }
    if matches!(answer, Answer::Parked(problem) if is_oversized(problem)) {
        return refused(
            "the message was longer than its channel takes, so it was not kept whole: have it \
             sent again",
        );
    }
    if raw.is_empty() {
        return refused("the case keeps no message that was parked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use channels::dialect::Dialect;
    use channels::inbound::oversized;
    use medicines::{Problem, ProblemCode};

    use super::*;

    fn why(kind: CaseKind, answer: &Answer, raw: &[u8]) -> Option<String> {
        match check_whole(kind, answer, raw) {
            Ok(()) => None,
            Err(ReplayError::NotReplayable(why)) => Some(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_beginning_of_a_message_is_never_read_again() {
        let channel = InboundChannel::new("epma", Dialect::default(), "RXX", &[], "P");
        // What is kept reads as a whole message of one order; two more may have followed.
        let head = b"MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11|A1|P|2.5.1\r\
            PID|1||9990000018^^^NHS^NH\rORC|DC|7001\r";
        assert!(matches!(read(head, &channel).request, Request::Orders(_)));
        let Request::Park(problem) = oversized(head, 64, &channel).request else { panic!() };
        let answer = Answer::Parked(problem);
        for raw in [&head[..], b""] {
            let why = why(CaseKind::ParkedMessage, &answer, raw).expect("it is refused");
            assert!(why.contains("not kept whole"), "{why}");
        }
    }

    #[test]
    fn a_whole_message_is_read_again() {
        let answer = Answer::Parked(Problem::new(ProblemCode::Malformed, "a segment has no name"));
        assert_eq!(why(CaseKind::ParkedMessage, &answer, b"MSH|"), None);
        assert!(why(CaseKind::ParkedMessage, &answer, b"").is_some());
        assert!(why(CaseKind::Discrepancy, &answer, b"MSH|").is_some());
    }

    #[test]
    fn a_mended_message_is_checked_before_anything_is_kept() {
        let channel = InboundChannel::new("epma", Dialect::default(), "RXX", &[], "P");
        let check = |raw: &[u8]| Replays::check_mended(raw, &read(raw, &channel).request);
        let order = b"MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11|A1|P|2.5.1\r\
            PID|1||9990000018^^^NHS^NH\rORC|DC|7001\r";
        assert_eq!(check(order), Ok(()));
        for broken in [&b"hello"[..], b"MSH|^~\\&|", &order[..80]] {
            assert!(matches!(check(broken), Err(ReplayError::NotMended(_))), "{broken:?}");
        }
    }
}
