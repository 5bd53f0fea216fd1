//! What becomes of messages that wait on channels that send no more: somebody has to say so, and
//! the journal keeps what they said.

use std::collections::{BTreeMap, BTreeSet};

use api::Wish;
use medicines::deliveries::Rerouted;

use super::compare::Queues;

/// What somebody said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    /// Channels whose messages are given up.
    pub(crate) discard: Vec<String>,
    /// Channels whose messages are kept until one of that name sends again.
    pub(crate) hold: Vec<String>,
    /// Channels whose messages go out on another one.
    pub(crate) reroute: BTreeMap<String, String>,
}

/// On what channels messages wait that nobody sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stranded {
    /// The channels, with how many messages.
    pub(crate) waiting: Queues,
    /// Those of which somebody said before that their messages are kept.
    pub(crate) held: BTreeSet<String>,
    /// The channels that send.
    pub(crate) senders: BTreeSet<String>,
}

impl Fates {
    /// What a wish over HTTP says.
    pub(crate) fn of(wish: &Wish) -> Self {
        Fates {
            discard: wish.discard.clone(),
            hold: wish.hold.clone(),
            reroute: wish.reroute.clone(),
        }
    }

    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Fates::default()
    }

    /// Every channel of which something was said, with how it was said.
    fn named(&self) -> impl Iterator<Item = (&String, String)> {
        let discard = self.discard.iter().map(|name| (name, format!("--discard {name}")));
        let hold = self.hold.iter().map(|name| (name, format!("--hold {name}")));
        let reroute = self.reroute.iter().map(|(name, to)| (name, format!("--move {name}={to}")));
        discard.chain(hold).chain(reroute)
    }

    /// What keeps this from being done, and what to do.
    pub(crate) fn obstacles(&self, stranded: &Stranded) -> Vec<String> {
        let mut obstacles = Vec::new();
        for (channel, waiting) in &stranded.waiting {
            let said = self.named().filter(|(name, _)| *name == channel).count();
            if said > 1 {
                obstacles.push(format!("of channel `{channel}` say one thing alone"));
            }
            if said == 0 && !stranded.held.contains(channel) {
                obstacles.push(format!(
                    "channel `{channel}` goes and {waiting} messages wait on it: let it send them \
                     first, keep them until it is there again with `--hold {channel}`, have \
                     another channel send them with `--move {channel}=OTHER`, or give them up \
                     with `--discard {channel}`"
                ));
            }
        }
        for (_, said) in self.named().filter(|(name, _)| !stranded.waiting.contains_key(*name)) {
            obstacles.push(format!(
                "`{said}`: no messages wait on a removed channel of this name; leave it out"
            ));
        }
        for (from, to) in self.reroute.iter().filter(|(_, to)| !stranded.senders.contains(*to)) {
            obstacles.push(format!(
                "`--move {from}={to}`: no outbound channel is called `{to}`; name one that sends"
            ));
        }
        obstacles
    }

    /// The channels whose messages are kept from now on.
    pub(crate) fn held(&self, stranded: &Stranded) -> Vec<String> {
        let mut held = stranded.held.clone();
        held.extend(self.hold.iter().cloned());
        let goes = |name: &String| self.discard.contains(name) || self.reroute.contains_key(name);
        held.retain(|name| !stranded.senders.contains(name) && !goes(name));
        held.into_iter().collect()
    }

    /// What is done, in one line each.
    pub(crate) fn lines(&self, stranded: &Stranded) -> Vec<String> {
        let waiting = |name: &String| stranded.waiting.get(name).copied().unwrap_or_default();
        let mut lines = Vec::new();
        for name in &self.discard {
            lines.push(format!("{} messages of {name} given up", waiting(name)));
        }
        for name in &self.hold {
            lines.push(format!("{} messages of {name} kept", waiting(name)));
        }
        for (name, to) in &self.reroute {
            lines.push(format!("{} messages of {name} go out on {to}", waiting(name)));
        }
        lines
    }

    /// What is to be moved.
    pub(crate) fn rerouted(&self) -> Vec<Rerouted> {
        let each = self.reroute.iter();
        each.map(|(from, to)| Rerouted { from: from.clone(), to: to.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranded() -> Stranded {
        Stranded {
            waiting: [("a".to_owned(), 3), ("b".to_owned(), 1)].into(),
            held: ["b".to_owned()].into(),
            senders: ["c".to_owned()].into(),
        }
    }

    fn fates(discard: &[&str], hold: &[&str], reroute: &[(&str, &str)]) -> Fates {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let pairs = reroute.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
        Fates { discard: names(discard), hold: names(hold), reroute: pairs.collect() }
    }

    #[test]
    fn something_has_to_be_said_of_what_waits_and_only_of_that() {
        let check = |fates: &Fates, expected: &[&str]| {
            let found = fates.obstacles(&stranded());
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.contains(expected), "{found}");
            }
        };
        check(&fates(&[], &[], &[]), &["channel `a` goes and 3 messages wait on it"]);
        check(&fates(&["a"], &[], &[]), &[]);
        check(&fates(&[], &["a"], &[]), &[]);
        check(&fates(&[], &[], &[("a", "c")]), &[]);
        check(&fates(&["a", "b"], &[], &[]), &[]);
        check(&fates(&["a"], &["a"], &[]), &["of channel `a` say one thing alone"]);
        check(&fates(&["a"], &["x"], &[]), &["`--hold x`: no messages wait"]);
        check(&fates(&[], &[], &[("a", "b")]), &["no outbound channel is called `b`"]);
        check(&fates(&[], &[], &[("a", "a")]), &["no outbound channel is called `a`"]);
    }

    #[test]
    fn what_is_held_stays_so_until_somebody_sends_it_or_says_otherwise() {
        let check = |fates: &Fates, expected: &[&str]| {
            assert_eq!(fates.held(&stranded()), expected);
        };
        check(&fates(&[], &[], &[]), &["b"]);
        check(&fates(&[], &["a"], &[]), &["a", "b"]);
        check(&fates(&["b"], &["a"], &[]), &["a"]);
        check(&fates(&[], &[], &[("b", "c")]), &[]);
        let back = Stranded { senders: ["b".to_owned()].into(), ..stranded() };
        assert!(fates(&[], &[], &[]).held(&back).is_empty(), "a channel of that name sends again");
    }
}
