//! `interlock import`: what others publish is taken over.

use std::path::PathBuf;

use api::{PackageTaken, PackageWish, Release, ReleaseWish};
use terminology::diff;

use super::ask::Where;
use super::{Failure, runtime};
use crate::node::{Plan, start_engine};
use crate::{dmd, packages};

/// What to import.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A release of dm+d: the folder or the archive as TRUD delivers it, with the GTIN file where
    /// the bonus archive lies in the same folder.
    Dmd(Dmd),
    /// A package of FHIR definitions: a folder with profiles, value sets and code systems in JSON
    /// or XML, or a `.tgz` as FHIR publishes them. Resources are validated by it from then on.
    Package(Package),
}

#[derive(Debug, clap::Args)]
struct Dmd {
    /// The folder or the archive.
    path: PathBuf,
    #[command(flatten)]
    at: Where,
    /// Tell what the release would change; change nothing.
    #[arg(long)]
    plan: bool,
    /// Tell every product that would change, not only the first of each kind of change.
    #[arg(long)]
    all: bool,
    /// Take the release over although some of its rows could not be taken.
    #[arg(long)]
    with_problems: bool,
    /// The person who wants it, for the journal: a staff number.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Package {
    /// The folder or the archive.
    path: PathBuf,
    #[command(flatten)]
    at: Where,
    /// Tell what it holds; change nothing.
    #[arg(long)]
    plan: bool,
    /// The name under which it is in use, in the place of its own; an earlier package of this name
    /// is not in use any more.
    #[arg(long)]
    name: Option<String>,
    /// Take it over although some of its files could not be read.
    #[arg(long)]
    with_problems: bool,
    /// The person who wants it, for the journal: a staff number.
    #[arg(long)]
    by: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Dmd(args) => dmd_release(args),
        What::Package(args) => package(args),
    }
}

/// The most problems that are told one by one.
const MAX_PROBLEMS: usize = 20;

#[expect(clippy::print_stdout, reason = "what a package holds is the command's output")]
fn package(args: &Package) -> Result<(), Failure> {
    let plan = super::seal::plan(&args.at.config)?;
    let read = packages::read_package(&args.path)?;
    let name = args.name.clone().unwrap_or_else(|| read.name.clone());
    let version = read.version.as_deref().unwrap_or("without a version");
    println!("{name} {version}: {}", read.holds.join(", "));
    for problem in read.problems.iter().take(MAX_PROBLEMS) {
        println!("cannot be read: {problem}");
    }
    if !read.problems.is_empty() && !args.with_problems {
        let count = read.problems.len();
        return Err(
            format!("{count} files cannot be read; --with-problems imports without them").into()
        );
    }
    if args.plan {
        return Ok(());
    }
    let digest = packages::save(&plan.data, &read.definitions)?;
    let wish =
        PackageWish { name, version: read.version, digest, holds: read.holds, by: args.by.clone() };
    let taken = match args.at.node()? {
        Some(node) => node.take_package(&wish)?,
        None => runtime()?.block_on(package_without_node(&plan, wish))?,
    };
    println!("in use: entry {}, by {}, {}", taken.entry, taken.by, taken.at);
    Ok(())
}

async fn package_without_node(plan: &Plan, wish: PackageWish) -> Result<PackageTaken, Failure> {
    let engine = start_engine(plan).await?;
    let PackageWish { name, version, digest, holds, by } = wish;
    let wish = packages::Wish { name, version, digest, holds, by };
    let taken = packages::take_over(&engine, plan.data.clone(), wish, "interlock import").await?;
    Ok(crate::change::package(&taken))
}

#[expect(clippy::print_stdout, reason = "what a release changes is the command's output")]
fn dmd_release(args: &Dmd) -> Result<(), Failure> {
    let plan = super::seal::plan(&args.at.config)?;
    let imported = dmd::read_release(&args.path)?;
    let before = dmd::in_use_of(&plan)?;
    let differences = before.as_ref().map(|before| diff(before, &imported.index));
    let release = imported.index.release();
    print!("{}", dmd::render(release, differences.as_deref(), args.all));
    print!("{}", dmd::problems(&imported));
    if imported.problem_count > 0 && !args.with_problems {
        let count = imported.problem_count;
        return Err(format!(
            "{count} rows could not be taken; --with-problems imports without them"
        )
        .into());
    }
    if args.plan {
        return Ok(());
    }
    if before.as_ref().is_some_and(|before| before.release().synthetic != release.synthetic) {
        println!("note: real and made-up products replace each other");
    }
    let digest = dmd::save(&plan.data, &imported.index)?;
    let taken = match args.at.node()? {
        Some(node) => node.take_over(&ReleaseWish { digest, by: args.by.clone() })?,
        None => runtime()?.block_on(without_node(&plan, digest, args.by.clone()))?,
    };
    println!("in use: entry {}, by {}, {}", taken.entry, taken.by, taken.at);
    Ok(())
}

/// Where no node runs, the engine is started for this one entry.
async fn without_node(plan: &Plan, digest: String, by: Option<String>) -> Result<Release, Failure> {
    let engine = start_engine(plan).await?;
    let data = plan.data.clone();
    let taken = dmd::take_over(&engine, data, digest, by, "interlock import").await?;
    Ok(crate::change::release(&taken))
}
