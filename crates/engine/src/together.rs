//! Looks that wait together are journaled together.
//!
//! Whoever reads waits for a look to be durable. An entry costs a hash, rows and places in indexes;
//! a fact in an entry that is written anyway costs its own bytes.

use medicines::Request;
use tokio::sync::oneshot;

use crate::command::{Command, Receipt};
use crate::core::Asked;

/// The most looks in one entry: some hundred kilobytes.
const MAX_LOOKS: usize = 1_000;
/// With how many clients that look at the same time a look is compared; beyond them it has an
/// entry of its own.
const MAX_COMPARED: usize = 16;

/// A command with all who wait for its answer.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) command: Command,
    pub(crate) answers: Answers,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) struct Answers {
    first: oneshot::Sender<Receipt>,
    others: Vec<oneshot::Sender<Receipt>>,
}

/// Makes one command of the looks of each client. The others stay as they are, in their order.
pub(crate) fn gather(batch: Vec<Asked>) -> Vec<Shared> {
    let mut gathered: Vec<Shared> = Vec::with_capacity(batch.len());
    // Where the commands stand that may take in more looks.
    let mut open: Vec<usize> = Vec::new();
    for asked in batch {
        let is_look = matches!(asked.command.request, Request::See(_));
        let mut near = open.iter().rev().take(if is_look { MAX_COMPARED } else { 0 });
        if let Some(at) = near.find(|at| gathered[**at].may_take(&asked.command)) {
            gathered[*at].take(asked);
            continue;
        }
        if is_look {
            open.push(gathered.len());
        }
        gathered.push(Shared::alone(asked));
    }
    gathered
}

impl Shared {
    fn alone(Asked { command, answer }: Asked) -> Self {
        Shared { command, answers: Answers { first: answer, others: Vec::new() } }
    }

    /// Whether the looks of a command can be told with those of this one: the same client looked
    /// over the same channel, and the entry stays small.
    fn may_take(&self, other: &Command) -> bool {
        let (Request::See(held), Request::See(more)) = (&self.command.request, &other.request)
        else {
            return false;
        };
        // A command with a key has an answer of its own to be told again.
        let of = |command: &Command| command.key.is_none() && command.raw.is_empty();
        held.len() + more.len() <= MAX_LOOKS
            && of(&self.command)
            && of(other)
            && self.command.channel == other.channel
            && self.command.by == other.by
    }

    fn take(&mut self, Asked { command, answer }: Asked) {
        if let (Request::See(held), Request::See(more)) =
            (&mut self.command.request, command.request)
        {
            held.extend(more);
        }
        self.answers.others.push(answer);
    }
}

impl Answers {
    /// Tells them. A peer that hung up gets no answer; its repeat will.
    pub(crate) fn tell(self, receipt: Receipt) {
        for other in self.others {
            let _ = other.send(receipt.clone());
        }
        let _ = self.first.send(receipt);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use medicines::Access;

    use super::*;

    fn look(channel: &str, who: &str, count: usize) -> Asked {
        let access = Access {
            who: who.to_owned(),
            what: "read".to_owned(),
            patient: None,
            resource_type: None,
            detail: None,
            reason: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let request = Request::See(vec![access; count]);
        let mut command = Command::internal(who, Timestamp::UNIX_EPOCH, request);
        command.channel = Arc::from(channel);
        Asked { command, answer: oneshot::channel().0 }
    }

    fn tick() -> Asked {
        let command = Command::internal("timer", Timestamp::UNIX_EPOCH, Request::Tick);
        Asked { command, answer: oneshot::channel().0 }
    }

    /// Each command as its sender, its number of looks and of those who wait.
    fn check(batch: Vec<Asked>, expected: &[(&str, usize, usize)]) {
        let gathered = gather(batch);
        let told = gathered.iter().map(|shared| {
            let Request::See(looks) = &shared.command.request else {
                return (&*shared.command.by, 0, 1);
            };
            (&*shared.command.by, looks.len(), 1 + shared.answers.others.len())
        });
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn looks_of_a_client_become_one_command() {
        let batch = vec![look("fhir", "epr", 1), tick(), look("fhir", "app", 1)];
        let more = vec![look("fhir", "epr", 3), look("cases", "epr", 1), look("fhir", "app", 1)];
        check(
            batch.into_iter().chain(more).collect(),
            &[("epr", 4, 2), ("timer", 0, 1), ("app", 2, 2), ("epr", 1, 1)],
        );
    }

    #[test]
    fn an_entry_stays_small_and_a_key_stands_alone() {
        let mut keyed = look("fhir", "epr", 1);
        keyed.command.key = Some("k".to_owned());
        check(
            vec![look("fhir", "epr", MAX_LOOKS), look("fhir", "epr", 1), keyed],
            &[("epr", MAX_LOOKS, 1), ("epr", 1, 1), ("epr", 1, 1)],
        );
    }

    #[test]
    fn everybody_is_told() {
        let (one, first) = oneshot::channel();
        let (two, second) = oneshot::channel();
        let batch = [one, two].map(|answer| Asked { answer, ..look("fhir", "epr", 1) });
        let receipt = Receipt {
            seq: 7,
            at: Timestamp::UNIX_EPOCH,
            answer: medicines::Answer::Done,
            duplicate: false,
        };
        let mut gathered = gather(batch.into());
        gathered.remove(0).answers.tell(receipt);
        let told = [first, second].map(|answer| answer.blocking_recv().unwrap().seq);
        assert_eq!((told, gathered.len()), ([7, 7], 0));
    }
}
