//! Measures durable appends: entries per second, time and processor time per batch, beside the
//! floor of a plain file with one `fdatasync` per batch.
//!
//! `cargo run --release -p journal --example append_speed -- [DIRECTORY] [PAGE_KIB,…]
//! [CHECKPOINT_MIB,…] [off]`, with the directory on the disk that is to be measured.
#![expect(clippy::print_stdout, reason = "the figures are the purpose of the program")]

use std::{
    error::Error,
    fs::{self, File},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use journal::{Draft, Durability, Journal, Options};

const HEAD_BYTES: usize = 3 * 1024;
const RAW_BYTES: usize = 1024;
const BATCHES: [(usize, u32); 4] = [(1, 1_500), (8, 800), (64, 400), (256, 120)];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().unwrap_or_else(|| ".".into());
    let numbers = |text: Option<String>, usual: &str| {
        text.unwrap_or_else(|| usual.into())
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()
    };
    let pages = numbers(arguments.next(), "16")?;
    let checkpoints = numbers(arguments.next(), "4")?;
    let durability = match arguments.next().as_deref() {
        Some("off") => Durability::Off,
        _ => Durability::Full,
    };
    println!("  batch   entries/s    p50 µs    p99 µs    max µs  CPU µs/entry");
    let directory = tempfile::tempdir_in(base)?;
    println!("plain file, one fdatasync per batch");
    for (size, rounds) in BATCHES {
        floor(directory.path(), size, rounds)?;
    }
    for &page in &pages {
        for &checkpoint in &checkpoints {
            println!(
                "journal, pages of {page} KiB, checkpoint at {checkpoint} MiB, {durability:?}"
            );
            for (size, rounds) in BATCHES {
                let options = Options {
                    durability,
                    page_bytes: page * 1024,
                    checkpoint_bytes: u64::from(checkpoint) * 1024 * 1024,
                    ..Options::default()
                };
                append(directory.path(), options, size, rounds)?;
            }
        }
    }
    Ok(())
}

fn append(
    directory: &Path,
    options: Options,
    size: usize,
    rounds: u32,
) -> Result<(), Box<dyn Error>> {
    let path = directory.join("journal");
    let mut journal = Journal::open(&path, "SPEED", options)?;
    let batch = batch(size);
    measure(size, rounds, || Ok(journal.append(&batch).map(|_| ())?))?;
    let started = Instant::now();
    let verified = journal.reader()?.verify()?;
    let micros = started.elapsed().as_secs_f64() * 1e6;
    let bytes = fs::metadata(&path)?.len();
    drop(journal);
    println!(
        "        verified at {:.2} µs/entry, {:.2} bytes of file for each byte of content",
        micros / to_f64(verified.entries),
        to_f64(fs::metadata(&path)?.len().max(bytes)) / to_f64(verified.bytes),
    );
    fs::remove_file(&path)?;
    Ok(())
}

fn floor(directory: &Path, size: usize, rounds: u32) -> Result<(), Box<dyn Error>> {
    let path = directory.join("floor");
    let mut file = File::create(&path)?;
    let bytes: Vec<u8> = batch(size).into_iter().flat_map(|d| [d.head, d.raw].concat()).collect();
    measure(size, rounds, || {
        file.write_all(&bytes)?;
        Ok(file.sync_data()?)
    })?;
    fs::remove_file(&path)?;
    Ok(())
}

fn batch(size: usize) -> Vec<Draft> {
    let draft = Draft { at: 0, head: vec![b' '; HEAD_BYTES], raw: vec![0xa5; RAW_BYTES] };
    vec![draft; size]
}

fn measure(
    size: usize,
    rounds: u32,
    mut step: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..5 {
        step()?;
    }
    let mut times = Vec::new();
    let (started, cpu) = (Instant::now(), processor_time()?);
    for _ in 0..rounds {
        let one = Instant::now();
        step()?;
        times.push(one.elapsed());
    }
    let (elapsed, cpu) = (started.elapsed(), processor_time()?.saturating_sub(cpu));
    times.sort_unstable();
    let entries = to_f64(size as u64) * f64::from(rounds);
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    println!(
        "{size:7} {:11.0} {:9} {:9} {:9} {:13.2}",
        entries / elapsed.as_secs_f64(),
        at(50),
        at(99),
        at(100),
        cpu.as_secs_f64() * 1e6 / entries,
    );
    Ok(())
}

/// The time that this thread has spent on a processor, in the kernel too, as Linux counts it.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
