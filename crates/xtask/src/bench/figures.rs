//! Figures: percentiles, medians, tables.

use std::time::Duration;

/// Durations of which the percentiles are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    pub(super) fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    pub(super) fn extend(&mut self, other: Samples) {
        self.0.extend(other.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The least sample that `percent` of all samples do not exceed; zero when there are none.
    pub(super) fn percentile(&mut self, percent: usize) -> Duration {
        self.per_mille(percent * 10)
    }

    /// The same, of a thousand.
    pub(super) fn per_mille(&mut self, part: usize) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        let at = (self.0.len() * part).div_ceil(1_000).max(1) - 1;
        let at = at.min(self.0.len() - 1);
        *self.0.select_nth_unstable(at).1
    }
}

/// The middle one; of an even number the lower of the two. Zero when there are none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// So many per second.
pub(super) fn rate(count: u64, elapsed: Duration) -> f64 {
    number(count) / elapsed.as_secs_f64()
}

/// A count as a number to divide. Counts here are far below 2^52, so that nothing is lost.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// Microseconds, as `123.4`.
pub(super) fn micros(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e6)
}

/// Milliseconds, as `1.23`.
pub(super) fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

/// A table of plain text: the first column to the left, all others to the right.
#[derive(Debug)]
pub(super) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with these headings.
    pub(super) fn new(headings: &[&str]) -> Self {
        Table(vec![headings.iter().map(|text| (*text).to_owned()).collect()])
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// Prints it, with an empty line after it.
    pub(super) fn print(&self) {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("  {cell:>width$}")
                };
                line.push_str(&cell);
            }
            say(line.trim_end());
        }
        say("");
    }
}

/// Prints a line of the figures.
#[expect(clippy::print_stdout, reason = "the figures are the command's output")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(milliseconds: impl IntoIterator<Item = u64>) -> Samples {
        Samples(milliseconds.into_iter().map(Duration::from_millis).collect())
    }

    #[test]
    fn a_percentile_is_a_sample() {
        let check = |count: u64, percent: usize, expected: u64| {
            let found = samples((1..=count).rev()).percentile(percent);
            assert_eq!(found, Duration::from_millis(expected), "{percent} of {count}");
        };
        check(100, 50, 50);
        check(100, 99, 99);
        check(100, 100, 100);
        check(3, 50, 2);
        check(1, 99, 1);
        assert_eq!(samples([]).percentile(50), Duration::ZERO);
    }

    #[test]
    fn the_median_is_the_middle() {
        let check = |values: &[f64], expected: f64| {
            let found = median(values.to_vec());
            assert!((found - expected).abs() < 1e-9, "{values:?}: {found}");
        };
        check(&[3.0, 1.0, 2.0], 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 2.0);
        check(&[], 0.0);
    }
}
