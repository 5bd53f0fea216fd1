//! The message index: what came in, under which key, and what became of it.

use fhir::ResourceType;
use medicines::{Answer, Fact};
use rusqlite::{CachedStatement, Connection, params};

use crate::code::{integer, nanoseconds};
use crate::index::Indexed;
use crate::{Applied, Error};

pub(super) struct Messages<'c> {
    insert: CachedStatement<'c>,
}

impl<'c> Messages<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            insert: connection.prepare_cached(
                "INSERT INTO message \
                 (seq, at, channel, key, digest, type, control_id, outcome, reason, patient) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
        })
    }

    /// Every entry has a row, also one that no outside system asked for: its key is empty.
    pub(super) fn received(&mut self, entry: &Applied<'_>) -> Result<(), Error> {
        let head = entry.head;
        let patient = with_patient(&head.facts);
        self.insert.execute(params![
            integer(entry.seq),
            nanoseconds(entry.at),
            &*head.channel,
            head.key.as_deref().unwrap_or_default(),
            entry.digest.map(<[u8; 32]>::as_slice),
            &*head.message_type,
            head.control_id.as_deref(),
            head.answer.code(),
            reason(&head.answer),
            patient.as_deref(),
        ])?;
        Ok(())
    }
}

/// The coded reason of an answer that is not what was asked for.
fn reason(answer: &Answer) -> Option<&'static str> {
    match answer {
        Answer::Done | Answer::Created(_) | Answer::Permitted(_) => None,
        Answer::Parked(problem) => Some(problem.code.as_str()),
        Answer::Refused(refusal) => Some(refusal.code.as_str()),
    }
}

/// The patient of the first fact that names one. A delivery's key is its patient's id.
fn with_patient(facts: &[Fact]) -> Option<String> {
    facts.iter().find_map(|fact| match fact {
        Fact::Moved(transfer) => transfer.patient.as_ref().map(ToString::to_string),
        Fact::Queued(delivery) => Some(delivery.key.to_string()),
        Fact::CaseOpened(case) => case.patient.as_ref().map(ToString::to_string),
        Fact::Seen(access) | Fact::Refused(access) => {
            access.patient.as_ref().map(ToString::to_string)
        }
        Fact::Stored(resource) if resource.resource_type == ResourceType::Patient => {
            Some(resource.id.to_string())
        }
        Fact::Stored(resource) => Indexed::read(resource.raw.get())
            .subject(resource)
            .map(str::to_owned),
        Fact::Configured(_) | Fact::PocketActivity(_) | Fact::Delivery(_) | Fact::CaseClosed(_) => {
            None
        }
    })
}
