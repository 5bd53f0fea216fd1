//! The figures of the engine, of the journal and of what follows it.

use std::fs;
use std::path::Path;

use engine::{Engine, Measures};
use watch::exposition::{Exposition, Kind, Unit};

use super::counted;
use crate::node::JOURNAL_FILE;

pub(super) fn write(text: &mut Exposition, engine: &Engine, data: &Path) {
    let measures = engine.measures();
    times(text, &measures);
    lags(text, &measures);
    journal(text, &data.join(JOURNAL_FILE), &measures);
}

fn times(text: &mut Exposition, measures: &Measures) {
    let Measures { batch_commands, decide, append, commit, .. } = measures;
    text.one(
        "interlock_engine_batches_total",
        Kind::Counter,
        "Batches of commands that were decided.",
        batch_commands.count(),
    );
    let figures = [
        ("interlock_engine_batch_commands", Unit::Count, "Commands in a batch.", batch_commands),
        (
            "interlock_engine_decide_seconds",
            Unit::Microseconds,
            "The decision of one command by the rules.",
            decide,
        ),
        (
            "interlock_journal_append_seconds",
            Unit::Microseconds,
            "The append of a batch to the journal with its sync.",
            append,
        ),
        (
            "interlock_record_commit_seconds",
            Unit::Microseconds,
            "The transaction that takes a batch into the record.",
            commit,
        ),
    ];
    for (name, unit, help, buckets) in figures {
        text.histograms(name, unit, help, [([], counted(buckets))]);
    }
}

fn lags(text: &mut Exposition, measures: &Measures) {
    let Measures { journaled, recorded, indexed, waiting, waiting_most, .. } = measures;
    let figures = [
        (
            "interlock_engine_waiting_commands",
            "Commands that wait for the engine.",
            *waiting as u64,
        ),
        (
            "interlock_engine_waiting_commands_limit",
            "How many may wait before channels and requests have to.",
            *waiting_most as u64,
        ),
        (
            "interlock_record_lag_entries",
            "Entries that are durable and that the record does not hold yet.",
            journaled.saturating_sub(*recorded),
        ),
        (
            "interlock_index_lag_entries",
            "Entries of the record that the message index does not hold yet.",
            recorded.saturating_sub(*indexed),
        ),
    ];
    for (name, help, value) in figures {
        text.one(name, Kind::Gauge, help, value);
    }
}

fn journal(text: &mut Exposition, journal: &Path, measures: &Measures) {
    text.one(
        "interlock_journal_entries",
        Kind::Gauge,
        "The number of the last entry that is durable: entries since the journal began.",
        measures.journaled,
    );
    // A folder that cannot be read at this moment shows as no segments, as one that is not there.
    let segments = journal::segments(journal).unwrap_or_default();
    let length = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
    let here = segments.iter().filter(|segment| segment.is_here);
    let bytes = [
        ("main", length(journal)),
        ("ahead", length(&journal.with_file_name(format!("{JOURNAL_FILE}-wal")))),
        ("segments", here.clone().map(|segment| length(&segment.path())).sum()),
    ];
    text.family(
        "interlock_journal_bytes",
        Kind::Gauge,
        "What the journal takes on this disk: its main file, what is written ahead of it, its \
         segments.",
        bytes.iter().map(|(part, bytes)| ([("part", *part)], bytes.to_string())),
    );
    let sealed = segments.iter().filter(|segment| segment.is_sealed).count();
    let away = segments.iter().filter(|segment| segment.is_sealed && !segment.is_here).count();
    let counts = [("here", sealed - away), ("away", away)];
    text.family(
        "interlock_journal_segments",
        Kind::Gauge,
        "Sealed segments: those that are here, and those that were moved away or dropped.",
        counts.iter().map(|(place, count)| ([("place", *place)], count.to_string())),
    );
}
