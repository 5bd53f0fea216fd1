//! Trials: long runs of the real product under faults, checked from outside, that end in figures.
//!
//! Each is a function of its settings, so that the test suite runs a small one of the same kind.

pub mod child;
pub mod corpus;
pub mod crash;
pub mod day;
pub mod files;
pub mod fuzz;
pub mod index;
pub mod queue;
pub mod retention;
pub mod ward;
pub mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use child::run;

/// The exit code of a trial that this machine does not permit.
const NOT_PERMITTED: u8 = 3;

/// Why a trial did not end well.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// What the trial is about went wrong.
    #[error("{0}")]
    Found(String),
    /// The trial could not be carried out.
    #[error("the trial could not be carried out: {0}")]
    Broken(String),
    /// The machine does not let it happen.
    #[error("not permitted here: {0}")]
    NotPermitted(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
}

impl From<String> for TrialError {
    fn from(why: String) -> Self {
        TrialError::Broken(why)
    }
}

/// One trial.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// The word on the command line.
    pub name: &'static str,
    /// What it shows, and its options.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&Options) -> Result<(), TrialError>,
}

/// Every trial.
pub const TRIALS: &[Trial] = &[
    Trial {
        name: "crash",
        about: "kills and power cuts under load: --kills 50 --cuts 10, --sealing or --control",
        run: crash::command,
    },
    Trial {
        name: "day",
        about: "a simulated day with every fault: --seeds 1..10 --hours 24 --storm or --calm",
        run: day::command,
    },
    Trial {
        name: "ward",
        about: "a ward's day with planted irregularities: --seeds 1..10",
        run: ward::command,
    },
    Trial {
        name: "queue",
        about: "a destination down while very much is queued: --messages 1000000 --patients 20000",
        run: queue::command,
    },
    Trial {
        name: "corpus",
        about: "every message of the corpus through a socket, cut at random: --seed 1",
        run: corpus::command,
    },
    Trial {
        name: "fuzz",
        about: "nonsense of all kinds at every route of the API: --minutes 10 --seed 1",
        run: fuzz::command,
    },
    Trial {
        name: "retention",
        about: "messages removed and segments sealed beside traffic: --messages 400000, --node",
        run: retention::command,
    },
    Trial {
        name: "index",
        about: "the message index at size, and searches in it: --messages 2000000",
        run: index::command,
    },
];

/// The options of a trial: `--name value` or `--name`.
#[derive(Debug, Default)]
pub struct Options(Vec<(String, Option<String>)>);

impl Options {
    fn read(arguments: &[String]) -> Result<Self, TrialError> {
        let mut options: Vec<(String, Option<String>)> = Vec::new();
        for argument in arguments {
            match (argument.strip_prefix("--"), options.last_mut()) {
                (Some(name), _) => options.push((name.to_owned(), None)),
                (None, Some((_, value @ None))) => *value = Some(argument.clone()),
                (None, _) => return Err(TrialError::Usage(format!("what is `{argument}`?"))),
            }
        }
        Ok(Options(options))
    }

    /// Whether an option is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// The value of an option, or what it is by default.
    pub fn get<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, TrialError> {
        let Some((_, value)) = self.0.iter().find(|(found, _)| found == name) else {
            return Ok(default);
        };
        let value = value.as_deref().unwrap_or_default();
        value.parse().map_err(|_| TrialError::Usage(format!("--{name} `{value}` cannot be read")))
    }
}

/// The `trial` task. Exit codes: 0 well, 1 something was found, 2 the command line, 3 not
/// permitted on this machine.
pub fn command(arguments: &[String]) -> ExitCode {
    let named = arguments.first().and_then(|name| TRIALS.iter().find(|t| t.name == *name));
    let Some(trial) = named else {
        eprintln!("cargo xtask trial <name> [--option value…]\n");
        for trial in TRIALS {
            eprintln!("  {:<8} {}", trial.name, trial.about);
        }
        return ExitCode::from(2);
    };
    let done = Options::read(arguments.get(1..).unwrap_or_default())
        .and_then(|options| (trial.run)(&options));
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("{}: {error}", trial.name);
    match error {
        TrialError::Found(_) | TrialError::Broken(_) => ExitCode::FAILURE,
        TrialError::Usage(_) => ExitCode::from(2),
        TrialError::NotPermitted(_) => ExitCode::from(NOT_PERMITTED),
    }
}

/// A line of a trial's output.
#[expect(clippy::print_stdout, reason = "the figures are the trial's output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The program that `--binary` names; without it the node is built as it is shipped.
pub fn release_binary(options: &Options) -> Result<PathBuf, TrialError> {
    if options.has("binary") {
        return options.get("binary", PathBuf::new());
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = crate::workspace_root().join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let arguments =
        ["build", "--quiet", "--release", "-p", "interlock", "--manifest-path", &manifest];
    run(&cargo, &arguments)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let target =
        own.ancestors().find(|folder| folder.ends_with("release") || folder.ends_with("debug"));
    let target = target.and_then(|folder| folder.parent()).ok_or("no target folder".to_owned())?;
    Ok(target.join("release/interlock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read = |text: &str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            Options::read(&words)
        };
        let options = read("--kills 7 --control --seed 3").unwrap();
        assert_eq!(options.get("kills", 50).unwrap(), 7);
        assert_eq!(options.get("cuts", 10).unwrap(), 10);
        assert!(options.has("control") && !options.has("cuts"));
        assert!(options.get("control", 1).is_err());
        assert!(read("crash").is_err());
    }
}
