//! A package of FHIR definitions is taken over: which one, and who did it.
//!
//! As with a release of dm+d, the package itself is a file beside the journal, named by its
//! digest, and the entry says that it is in use from then on. Packages of several names are in use
//! at the same time; one of the same name takes the place of the earlier one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::state::State;

/// The most packages in use at the same time.
pub const MAX_PACKAGES: usize = 64;

/// A package of FHIR definitions that somebody takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name, `fhir.r4.ukcore.stu2` for one.
    pub name: String,
    /// Its version, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The SHA-256 of the file that was made of it, in hexadecimal.
    pub digest: String,
    /// What it holds, a line each.
    #[serde(default)]
    pub holds: Vec<String>,
    /// The person, as a staff number or a name; the client where nobody was named.
    pub by: String,
    /// When it was asked for.
    pub at: Timestamp,
}

/// A package in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageInUse {
    /// The entry that took it over.
    pub entry: u64,
    /// Which one, and who did it.
    pub package: Package,
}

/// Takes a package over. The same one again changes nothing.
pub(crate) fn take_over(state: &State, ctx: &Context, package: &Package) -> Decision {
    let mut facts = Facts::new(ctx, state.site());
    let known = state.packages().iter().find(|known| known.package.name == package.name);
    if known.is_some_and(|known| known.package.digest == package.digest) {
        return facts.done();
    }
    if known.is_none() && state.packages().len() >= MAX_PACKAGES {
        let text = "There are as many packages as a node can hold.";
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::Internal, text)));
    }
    facts.push(Fact::Package(Box::new(package.clone())));
    facts.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;
    use crate::state::{NoCold, RowKind};

    #[test]
    fn one_of_a_name_is_in_use_and_a_repeat_changes_nothing() {
        let mut state = State::new(Box::new(NoCold));
        for (seq, name, digest, facts) in
            [(1, "uk", "aa", 1), (2, "uk", "aa", 0), (3, "ward", "bb", 1), (4, "uk", "cc", 1)]
        {
            let now = Timestamp::UNIX_EPOCH;
            let package = Package {
                name: name.to_owned(),
                version: None,
                digest: digest.to_owned(),
                holds: vec![],
                by: "N1001".to_owned(),
                at: now,
            };
            let ctx = Context { now, seq, source: "package".to_owned(), dictionary: None };
            let request = Request::TakePackage(Box::new(package));
            let decision = crate::decide(&mut state, &ctx, &request);
            assert_eq!(decision.facts.len(), facts, "{name} {digest}");
            state.fold(seq, &decision.facts);
        }
        let told = |state: &State| -> Vec<(u64, String)> {
            let packages = state.packages().iter();
            packages.map(|it| (it.entry, it.package.digest.clone())).collect()
        };
        let expected = [(4, "cc".to_owned()), (3, "bb".to_owned())];
        assert_eq!(told(&state), expected);
        let rows = state.take_changed();
        let row = rows.iter().find(|row| row.kind == RowKind::Packages).expect("a row of them");
        let mut loaded = State::new(Box::new(NoCold));
        loaded.load(row).expect("what was written can be read");
        assert_eq!(told(&loaded), expected, "they are there after a restart as well");
    }
}
