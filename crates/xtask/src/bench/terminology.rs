//! dm+d at its full size: import, size on disk, look-ups, search by name.

use std::hint::black_box;
use std::time::Instant;

use interlock::dmd::read_release;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use terminology::Index;

use super::Effort;
use super::figures::{Samples, Table, micros, say};
use super::release::{self, Size};
use super::usage::Usage;

/// The seed of the made-up release and of what is asked.
const SEED: u64 = 7;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let size = effort.pick(Size::FULL, Size::SMALL);
    let asked = effort.pick(200_000, 500);
    let searched = effort.pick(20_000, 100);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    release::write(folder.path(), size, SEED).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let imported = read_release(folder.path()).map_err(|error| error.to_string())?;
    let bytes = imported.index.to_bytes();
    say(&format!("import of {} VMP and {} AMPP: {:?}", size.vmps, size.ampps, begun.elapsed()));
    if imported.problem_count > 0 {
        return Err(format!("the made-up release has problems: {:?}", imported.problems[0]));
    }
    say(&format!("index: {} bytes", bytes.len()));
    drop(imported);
    let before = Usage::of(std::process::id())?;
    let begun = Instant::now();
    let index = Index::from_bytes(&bytes).map_err(|error| error.to_string())?;
    say(&format!("loading the index: {:?}", begun.elapsed()));
    let after = Usage::of(std::process::id())?;
    let grown = after.rss_kib.saturating_sub(before.rss_kib);
    say(&format!(
        "memory: {grown} KiB for the loaded index, {} KiB the import's peak\n",
        before.peak_kib
    ));
    let mut random = StdRng::seed_from_u64(SEED);
    let mut table = Table::new(&["", "median µs", "p99 µs", "most µs"]);
    measure(
        &mut table,
        "look-up by id",
        asked,
        || {
            let id = release::ampp(random.random_range(0..size.ampps));
            move |index: &Index| index.find(id).is_some()
        },
        &index,
    )?;
    let day = jiff::civil::date(2026, 1, 1);
    measure(
        &mut table,
        "look-up by GTIN",
        asked,
        || {
            let number = release::gtin(random.random_range(0..size.gtins));
            let gtin = gs1::Gtin::from_number(number).expect("made-up numbers have check digits");
            move |index: &Index| !index.scan(gtin, day).is_empty()
        },
        &index,
    )?;
    let queries = queries(&index, searched, &mut random);
    for (name, queries) in queries {
        let mut next = queries.into_iter().cycle();
        measure(
            &mut table,
            name,
            searched,
            || {
                let query = next.next().unwrap_or_default();
                move |index: &Index| {
                    black_box(index.search(&query, 20));
                    true
                }
            },
            &index,
        )?;
    }
    table.print();
    Ok(())
}

/// What people type: a beginning, a name with a strength, and both with a letter wrong.
fn queries(index: &Index, count: usize, random: &mut StdRng) -> [(&'static str, Vec<String>); 4] {
    let names: Vec<&str> = index.vmps().map(|vmp| vmp.name()).collect();
    let mut pick = || names[random.random_range(0..names.len())];
    let (mut one, mut begin, mut strength, mut wrong) = (vec![], vec![], vec![], vec![]);
    for _ in 0..count {
        let name = pick();
        let word = name.split(' ').next().unwrap_or_default();
        one.push(word[..1].to_owned());
        begin.push(word[..word.len().min(4)].to_owned());
        strength.push(name.split(' ').take(3).collect::<Vec<_>>().join(" "));
        // The third letter is left out.
        wrong.push(format!("{}{} {}", &word[..2], &word[3.min(word.len())..], &name[word.len()..]));
    }
    [
        ("search, one letter", one),
        ("search, four letters", begin),
        ("search, name, strength, form", strength),
        ("search, the same with a letter left out", wrong),
    ]
}

/// Measures one call at a time. `make` prepares it outside the measured time.
fn measure<C: FnOnce(&Index) -> bool>(
    table: &mut Table,
    name: &str,
    count: usize,
    mut make: impl FnMut() -> C,
    index: &Index,
) -> Result<(), String> {
    let mut times = Samples::default();
    for _ in 0..count {
        let call = make();
        let begun = Instant::now();
        let found = black_box(call(index));
        times.push(begun.elapsed());
        if !found {
            return Err(format!("{name}: something made up was not found"));
        }
    }
    let percentiles = [50, 99, 100].map(|percent| micros(times.percentile(percent)));
    table.row([name.to_owned()].into_iter().chain(percentiles));
    Ok(())
}
