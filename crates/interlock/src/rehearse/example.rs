//! Golden examples: messages beside their channel, and what is to come of them.
//!
//! `channels/NAME/examples/WORD.hl7` holds one or more messages as the peer sends them, each
//! beginning with MSH at the start of a line; segments end with CR, LF or both.
//! `WORD.given.hl7` beside it, or `given.hl7` for all, holds messages that came before, in plain
//! HL7 2.5.1 and UTF-8. `WORD.expected.json` holds what is to come of them.

use std::io;
use std::path::{Path, PathBuf};

/// The largest example, in bytes.
const MAX_EXAMPLE_BYTES: u64 = 16 * 1024 * 1024;
/// The most examples of one channel.
const MAX_EXAMPLES: usize = 10_000;

/// One example.
#[derive(Debug)]
pub(crate) struct Example {
    /// Its file.
    pub(crate) path: PathBuf,
    /// Where its expectation is, whether it is there or not.
    pub(crate) expected: PathBuf,
    /// Messages that came before, as they would have come.
    pub(crate) given: Vec<Vec<u8>>,
    /// Its messages.
    pub(crate) messages: Vec<Vec<u8>>,
}

/// The examples of one channel.
#[derive(Debug)]
pub(crate) struct Found {
    /// The channel's name.
    pub(crate) channel: String,
    /// Its examples, by their names.
    pub(crate) examples: Vec<Example>,
}

/// The examples beside the channels of a folder.
pub(crate) fn find(channels: &Path, only: Option<&str>) -> io::Result<Vec<Found>> {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(channels)? {
        let entry = entry?;
        if entry.path().join("examples").is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    names.retain(|name| only.is_none_or(|only| only == name));
    let found = names.into_iter().map(|channel| {
        let examples = of_folder(&channels.join(&channel).join("examples"))?;
        Ok(Found { channel, examples })
    });
    found.collect()
}

fn of_folder(folder: &Path) -> io::Result<Vec<Example>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let given = name == "given.hl7" || name.ends_with(".given.hl7");
        if path.extension().is_some_and(|ending| ending == "hl7") && !given {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > MAX_EXAMPLES {
        return Err(io::Error::other(format!("there are more than {MAX_EXAMPLES} examples")));
    }
    files.into_iter().map(|path| read(folder, path)).collect()
}

fn read(folder: &Path, path: PathBuf) -> io::Result<Example> {
    let own = path.with_extension("given.hl7");
    let shared = folder.join("given.hl7");
    let given = [own, shared].into_iter().find(|path| path.is_file());
    Ok(Example {
        expected: path.with_extension("expected.json"),
        given: given.map(|path| messages(&path)).transpose()?.unwrap_or_default(),
        messages: messages(&path)?,
        path,
    })
}

fn messages(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    if std::fs::metadata(path)?.len() > MAX_EXAMPLE_BYTES {
        return Err(io::Error::other("the example is longer than 16 MiB"));
    }
    Ok(split(&std::fs::read(path)?))
}

/// The messages of a file, with their segments ended as they are on the wire.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
    for line in lines {
        if line.starts_with(b"MSH") || messages.is_empty() {
            messages.push(Vec::new());
        }
        if let Some(message) = messages.last_mut() {
            message.extend_from_slice(line);
            message.push(b'\r');
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_split_where_a_header_begins() {
        let check = |text: &str, expect: &[&str]| {
            let found = split(text.as_bytes());
            let found: Vec<_> = found.iter().map(|m| String::from_utf8_lossy(m)).collect();
            assert_eq!(found, expect);
        };
        check("", &[]);
        check("MSH|a\r\nPID|1\r\n\r\nMSH|b\nPID|2", &["MSH|a\rPID|1\r", "MSH|b\rPID|2\r"]);
        check("MSH|a\rNTE|MSH\r", &["MSH|a\rNTE|MSH\r"]);
        check("no message", &["no message\r"]);
    }
}
