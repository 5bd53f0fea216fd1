//! The configuration file: what it holds, and what is wrong with it.

mod check;
mod file;
mod mistake;
mod watch;

use std::path::Path;

pub use file::{ChannelEntry, ClientEntry, ConsoleEntry, File, KeyEntry, NodeEntry, SiteEntry};
pub use mistake::Mistake;
pub use watch::{MailEntry, WatchEntry, WebhookEntry};

use crate::node::Plan;

/// Reads a configuration file. All mistakes that can be found at once are told at once.
pub fn load(path: &Path) -> Result<Plan, Vec<Mistake>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![Mistake::whole("the file cannot be read", &error.to_string(), "check the path")]
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    read(&text, folder)
}

/// Reads a configuration; relative paths in it start at `folder`.
pub fn read(text: &str, folder: &Path) -> Result<Plan, Vec<Mistake>> {
    let file: File = toml::from_str(text).map_err(|error| vec![Mistake::of_toml(text, &error)])?;
    check::plan(&file, text, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"
[node]
data = "data"

[site]
code = "RXX"

[[site.cabinet]]
system = "ADC"
station = "WARDA1"
wards = ["WARDA"]
channel = "to-a"

[dialect.adc]
version = "2.3"

[[channel]]
name = "to-a"
direction = "outbound"
connect = "127.0.0.1:2600"
dialect = "adc"

[[channel]]
name = "pas"
direction = "inbound"
listen = "127.0.0.1:2575"
accepts = ["ADT"]
"#;

    /// The mistakes in the right file with `old` put as `new`, as `line: what`.
    fn check(old: &str, new: &str, expected: &[&str]) {
        assert!(RIGHT.contains(old), "{old}");
        let text = RIGHT.replacen(old, new, 1);
        let mistakes = read(&text, Path::new("/nowhere")).err().unwrap_or_default();
        let found: Vec<String> = mistakes
            .iter()
            .map(|m| format!("{}: {}: {}", m.line.unwrap_or_default(), m.what, m.why))
            .collect();
        assert_eq!(found, expected, "{old} -> {new}");
        assert!(mistakes.iter().all(|mistake| !mistake.remedy.is_empty()));
    }

    #[test]
    fn a_right_file_is_a_plan() {
        check("RXX", "RXX", &[]);
        let plan = read(RIGHT, Path::new("/srv")).unwrap();
        assert_eq!(plan.journal(), Path::new("/srv/data/journal.sqlite3"));
        assert!(plan.http.ip().is_loopback(), "nobody else is let in unasked");
        assert_eq!(plan.channels[0].dialect.version, "2.3");
        assert_eq!(plan.channels[1].dialect.version, "2.5.1");
    }

    #[test]
    fn every_mistake_has_its_line_and_its_reason() {
        check("RXX", "R X", &["6: site code: an ODS code has 3 to 6 letters and digits"]);
        check(
            "channel = \"to-a\"",
            "channel = \"to-b\"",
            &["8: cabinet `ADC/WARDA1`: there is no channel `to-b`"],
        );
        check(
            "channel = \"to-a\"",
            "channel = \"pas\"",
            &["8: cabinet `ADC/WARDA1`: channel `pas` is not outbound"],
        );
        check(
            "dialect = \"adc\"",
            "dialect = \"omni\"",
            &["21: dialect: the file has no [dialect.omni]"],
        );
        check(
            "wards = [\"WARDA\"]",
            "wards = []",
            &["8: cabinet `ADC/WARDA1`: it serves no ward, so nothing could be taken from it"],
        );
        check("name = \"pas\"", "name = \"to-a\"", &["23: channel `to-a`: it is there twice"]);
        check(
            "data = \"data\"",
            "data = \"data\"\nprocessing_id = \"X\"",
            &["4: processing_id: MSH-11 is P (live), T (training) or D (debugging)"],
        );
        check(
            "listen = \"127.0.0.1:2575\"",
            "",
            &["23: this channel: channel `pas` is inbound and needs `listen`, as \"0.0.0.0:2575\""],
        );
    }

    #[test]
    fn several_mistakes_are_told_at_once() {
        let text = RIGHT.replace("RXX", "R X").replace("dialect = \"adc\"", "dialect = \"no\"");
        assert_eq!(read(&text, Path::new("/")).unwrap_err().len(), 2);
    }

    #[test]
    fn what_is_no_toml_or_no_field_is_told_with_its_line() {
        check("[site]", "[site", &["5: this cannot be read: unclosed table, expected `]`"]);
        let text = RIGHT.replace("accepts", "acepts");
        let mistakes = read(&text, Path::new("/")).unwrap_err();
        assert!(mistakes[0].line.is_some() && mistakes[0].why.contains("acepts"), "{mistakes:?}");
    }

    #[test]
    fn a_token_is_never_in_the_file_itself() {
        let client = "[[client]]\nname = \"ask\"\nroles = [\"cabinet\"]\ntoken = \"secret\"\n";
        assert!(read(&format!("{RIGHT}{client}"), Path::new("/")).is_err());
        let client = client.replace("\"secret\"", "{ env = \"INTERLOCK_NO_SUCH_TOKEN\" }");
        let mistakes = read(&format!("{RIGHT}{client}"), Path::new("/")).unwrap_err();
        assert!(mistakes[0].why.contains("INTERLOCK_NO_SUCH_TOKEN"));
    }

    #[test]
    fn what_is_watched_has_to_make_sense() {
        let check = |lines: &str, expected: &str| {
            let text = format!("{RIGHT}\n[watch]\n{lines}");
            let mistakes = read(&text, Path::new("/nowhere")).err().unwrap_or_default();
            let found: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), usize::from(!expected.is_empty()), "{found:?}");
            assert!(found.iter().all(|found| found.contains(expected)), "{found:?}");
        };
        check("limits = { silence_min = 30, channel.pas.silence_min = 0 }", "");
        check("limits = { channel.pass.silence_min = 1 }", "there is no channel `pass`");
        check("limits = { silence = 1 }", "unknown field `silence`");
        check("webhook = { url = \"alarms.example\" }", "`alarms.example` is no address");
        check(
            "mail = { host = \"mail.example\", from = \"a@b.example\", to = [] }",
            "1 to 50 addresses",
        );
        check(
            "mail = { host = \"m.example\", from = \"a@b.example\", to = [\"a@b.example\"], \
            user = \"n\" }",
            "give both or none",
        );
    }
}
