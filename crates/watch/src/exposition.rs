//! Figures in the text format of Prometheus (version 0.0.4 of its exposition formats).
//!
//! Every family is written whole, with its HELP and TYPE before its samples, as the format asks.
//! Times come as whole microseconds and are written as decimal seconds, so that no figure passes
//! through a float on its way.

use std::fmt::Write as _;

/// What kind of figure a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from nothing at the start of the node.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Labels: names and values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A text that grows by families.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// What a histogram counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The upper bounds of the buckets.
    pub bounds: &'a [u64],
    /// How many values each bucket has for itself; one more than there are bounds.
    pub counts: &'a [u64],
    /// The sum of all values.
    pub sum: u64,
}

/// In what the values of a histogram are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds, which are written as seconds.
    Microseconds,
    /// Things.
    Count,
}

impl Exposition {
    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }

    /// A family of plain figures. A family without samples is left out.
    pub fn family<'a, L: AsRef<[(&'a str, &'a str)]>>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (L, String)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        self.head(name, kind, help);
        for (labels, value) in samples {
            self.sample(name, labels.as_ref(), None, &value);
        }
    }

    /// A figure without labels.
    pub fn one(&mut self, name: &str, kind: Kind, help: &str, value: u64) {
        self.family(name, kind, help, [([], value.to_string())]);
    }

    /// A family of histograms.
    pub fn histograms<'a, L: AsRef<[(&'a str, &'a str)]>>(
        &mut self,
        name: &str,
        unit: Unit,
        help: &str,
        samples: impl IntoIterator<Item = (L, Counted<'a>)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        self.head(name, "histogram", help);
        let shown = |value: u64| match unit {
            Unit::Microseconds => seconds(value),
            Unit::Count => value.to_string(),
        };
        let bucket = format!("{name}_bucket");
        for (labels, counted) in samples {
            let labels = labels.as_ref();
            let mut total = 0_u64;
            let bounds = counted.bounds.iter().map(|bound| shown(*bound));
            for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counted.counts) {
                total = total.saturating_add(*count);
                self.sample(&bucket, labels, Some(("le", &bound)), &total.to_string());
            }
            self.sample(&format!("{name}_sum"), labels, None, &shown(counted.sum));
            self.sample(&format!("{name}_count"), labels, None, &total.to_string());
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string never fails.
        let _ = writeln!(self.0, "# HELP {name} {}", escaped(help, false));
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, more: Option<(&str, &str)>, value: &str) {
        self.0.push_str(name);
        let mut before = '{';
        for (label, value) in labels.iter().copied().chain(more) {
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value, true));
            before = ',';
        }
        if before == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

/// Microseconds as decimal seconds, without zeros at the end.
pub fn seconds(microseconds: u64) -> String {
    let (whole, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    let rest = format!("{rest:06}");
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

fn escaped(text: &str, quoted: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quoted => out.push_str("\\\""),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_the_format_says() {
        let mut text = Exposition::default();
        text.one("up", Kind::Gauge, "Whether it runs.", 1);
        let samples = [([("channel", "a\"b\\c\nd"), ("code", "AA")], "7".to_owned())];
        text.family("answered_total", Kind::Counter, "By \\ code.\nMore.", samples);
        text.family("none", Kind::Gauge, "Nothing.", Vec::<([(&str, &str); 1], String)>::new());
        let counted = Counted { bounds: &[500, 2_000_000], counts: &[1, 2, 4], sum: 9_000_001 };
        text.histograms("took_seconds", Unit::Microseconds, "Time.", [([], counted)]);
        let counted = Counted { bounds: &[1, 2], counts: &[3, 0, 0], sum: 3 };
        text.histograms("batch", Unit::Count, "Size.", [([("x", "y")], counted)]);
        let expected = "# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n\
            # HELP answered_total By \\\\ code.\\nMore.\n# TYPE answered_total counter\n\
            answered_total{channel=\"a\\\"b\\\\c\\nd\",code=\"AA\"} 7\n\
            # HELP took_seconds Time.\n# TYPE took_seconds histogram\n\
            took_seconds_bucket{le=\"0.0005\"} 1\ntook_seconds_bucket{le=\"2\"} 3\n\
            took_seconds_bucket{le=\"+Inf\"} 7\ntook_seconds_sum 9.000001\ntook_seconds_count 7\n\
            # HELP batch Size.\n# TYPE batch histogram\nbatch_bucket{x=\"y\",le=\"1\"} 3\n\
            batch_bucket{x=\"y\",le=\"2\"} 3\nbatch_bucket{x=\"y\",le=\"+Inf\"} 3\n\
            batch_sum{x=\"y\"} 3\nbatch_count{x=\"y\"} 3\n";
        assert_eq!(text.into_text(), expected);
    }

    #[test]
    fn microseconds_are_decimal_seconds() {
        let check = |value, expected: &str| assert_eq!(seconds(value), expected);
        check(0, "0");
        check(50, "0.00005");
        check(1_000, "0.001");
        check(60_000_000, "60");
        check(1_500_000, "1.5");
        check(u64::MAX, "18446744073709.551615");
    }
}
