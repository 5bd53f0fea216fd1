//! Benches that print figures: one file each, one row in [`BENCHES`].

mod fhir;
mod figures;
mod floor;
mod hospital;
mod ingest;
mod inside;
mod latency;
mod load;
mod node;
mod parse;
mod peer;
mod permit;
mod release;
pub(crate) mod retention;
mod size;
mod soak;
mod stages;
mod synthea;
mod terminology;
pub(crate) mod usage;

use std::process::ExitCode;

/// One bench: the name that the command line uses, what it measures, and the function that runs it.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// The word on the command line.
    pub name: &'static str,
    /// What is measured, and in which unit.
    pub about: &'static str,
    /// Runs the bench and prints its figures to standard output.
    pub run: fn(Effort) -> Result<(), String>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Enough for figures that can be compared.
    Full,
    /// As little as shows that the bench runs. The figures mean nothing.
    Quick,
}

impl Effort {
    /// One of two values, by the effort.
    fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Effort::Full => full,
            Effort::Quick => quick,
        }
    }
}

/// Every bench, in the order in which they run.
pub const BENCHES: &[Bench] = &[
    Bench { name: "parse", about: "reading HL7, MB/s on one core", run: parse::run },
    Bench { name: "stages", about: "where the time of a message goes, µs", run: stages::run },
    Bench { name: "permit", about: "deciding a removal, µs", run: permit::run },
    Bench { name: "ingest", about: "durable ingest over MLLP, msg/s", run: ingest::run },
    Bench { name: "latency", about: "order to cabinet, removal permit, ms", run: latency::run },
    Bench {
        name: "terminology",
        about: "dm+d: import, look-ups, search, µs",
        run: terminology::run,
    },
    Bench { name: "size", about: "bytes of a message on the disk", run: size::run },
    Bench {
        name: "synthea",
        about: "bytes of a FHIR resource on the disk, with its index",
        run: synthea::run,
    },
    Bench { name: "fhir", about: "FHIR with a million resources, per second", run: fhir::run },
    Bench { name: "soak", about: "a million messages: memory, disk, restart", run: soak::run },
];

/// Runs the benches that `names` names, or all of them when it names none; `--quick` among the
/// names makes them short.
pub fn command(names: &[String]) -> ExitCode {
    if let [word, file] = names
        && word == floor::WORD
    {
        return floor::serve(file);
    }
    let (options, names): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| *name == "--quick");
    let effort = if options.is_empty() { Effort::Full } else { Effort::Quick };
    if let Some(stranger) = names.iter().find(|name| !BENCHES.iter().any(|b| b.name == ***name)) {
        eprintln!("there is no bench `{stranger}`; there are:");
        for bench in BENCHES {
            eprintln!("  {:<12} {}", bench.name, bench.about);
        }
        return ExitCode::from(2);
    }
    let mut outcome = ExitCode::SUCCESS;
    for bench in BENCHES {
        if !names.is_empty() && !names.iter().any(|name| *name == bench.name) {
            continue;
        }
        figures::say(&format!("== {}: {}\n", bench.name, bench.about));
        if let Err(reason) = (bench.run)(effort) {
            eprintln!("{} failed: {reason}", bench.name);
            outcome = ExitCode::FAILURE;
        }
    }
    outcome
}
