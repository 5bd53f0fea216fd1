//! HL7 v2 as text: segments written field by field, and read again.

/// The separators that the estate writes; it reads with those that MSH names.
const ENCODING: &str = "^~\\&";

/// Text with its separators escaped (HL7 2.5.1 §2.7).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '&' => out.push_str("\\T\\"),
            '~' => out.push_str("\\R\\"),
            '\\' => out.push_str("\\E\\"),
            '\r' | '\n' => out.push_str("\\.br\\"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let Some((code, next)) = after.split_once('\\') else {
            out.push('\\');
            rest = after;
            break;
        };
        match code {
            "F" => out.push('|'),
            "S" => out.push('^'),
            "T" => out.push('&'),
            "R" => out.push('~'),
            "E" => out.push('\\'),
            ".br" => out.push('\n'),
            other => {
                out.push('\\');
                out.push_str(other);
                out.push('\\');
            }
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// One segment that is being written. Fields are numbered as the standard numbers them.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    name: &'static str,
    fields: Vec<String>,
}

impl Segment {
    pub(crate) fn new(name: &'static str) -> Self {
        Segment { name, fields: Vec::new() }
    }

    /// Writes a field that is one text.
    pub(crate) fn put(self, field: usize, text: &str) -> Self {
        let text = escaped(text);
        self.raw(field, text)
    }

    /// Writes a field of components.
    pub(crate) fn parts(self, field: usize, components: &[&str]) -> Self {
        let text = joined(components);
        self.raw(field, text)
    }

    /// Writes a field whose separators are meant.
    pub(crate) fn raw(mut self, field: usize, text: String) -> Self {
        if self.fields.len() < field {
            self.fields.resize(field, String::new());
        }
        if let Some(place) = field.checked_sub(1).and_then(|index| self.fields.get_mut(index)) {
            *place = text;
        }
        self
    }
}

/// Components with `^` between them, without empty ones at the end.
pub(crate) fn joined(components: &[&str]) -> String {
    let parts: Vec<String> = components.iter().map(|part| escaped(part)).collect();
    parts.join("^").trim_end_matches('^').to_owned()
}

/// Writes a message: each segment ends with a carriage return. MSH carries its separators itself,
/// and its fields are numbered from MSH-3 on.
pub(crate) fn message(segments: &[Segment]) -> String {
    let mut out = String::new();
    for segment in segments {
        out.push_str(segment.name);
        let mut fields: &[String] = &segment.fields;
        if segment.name == "MSH" {
            out.push('|');
            out.push_str(ENCODING);
            fields = fields.get(2..).unwrap_or_default();
        }
        for field in fields {
            out.push('|');
            out.push_str(field);
        }
        while out.ends_with('|') && segment.name != "MSH" {
            out.pop();
        }
        out.push('\r');
    }
    out
}

/// A message that was read.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    segments: Vec<Vec<String>>,
    component: char,
    repetition: char,
}

impl Text {
    /// Reads a message; `None` where it does not begin with a message header.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let header = text.strip_prefix("MSH")?;
        let mut separators = header.chars();
        let field = separators.next()?;
        let component = separators.next()?;
        let repetition = separators.next().unwrap_or('~');
        let segments = text
            .split(['\r', '\n'])
            .filter(|line| !line.is_empty())
            .map(|line| line.split(field).map(str::to_owned).collect())
            .collect();
        Some(Text { segments, component, repetition })
    }

    fn is(segment: &[String], name: &str) -> bool {
        segment.first().is_some_and(|first| first == name)
    }

    /// How many segments of that name there are.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.segments.iter().filter(|segment| Self::is(segment, name)).count()
    }

    fn field(&self, name: &str, nth: usize, field: usize) -> &str {
        let segment = self.segments.iter().filter(|segment| Self::is(segment, name)).nth(nth);
        // MSH-1 is the separator itself, so that MSH-n is the part n - 1.
        let index = if name == "MSH" { field.saturating_sub(1) } else { field };
        segment.and_then(|segment| segment.get(index)).map_or("", String::as_str)
    }

    /// A component of the first repetition of a field of the first such segment.
    pub(crate) fn get(&self, name: &str, field: usize, component: usize) -> String {
        self.nth(name, 0, field, component)
    }

    /// The same of the `nth` segment of that name, from 0.
    pub(crate) fn nth(&self, name: &str, nth: usize, field: usize, component: usize) -> String {
        let field = self.field(name, nth, field);
        let first = field.split(self.repetition).next().unwrap_or_default();
        unescaped(self.part(first, component))
    }

    /// One component of all repetitions of a field.
    pub(crate) fn all(&self, name: &str, field: usize, component: usize) -> Vec<String> {
        let field = self.field(name, 0, field);
        let parts = field.split(self.repetition).map(|one| unescaped(self.part(one, component)));
        parts.filter(|part| !part.is_empty()).collect()
    }

    fn part<'a>(&self, repetition: &'a str, component: usize) -> &'a str {
        repetition.split(self.component).nth(component.saturating_sub(1)).unwrap_or_default()
    }

    /// The groups of the message: each begins with a segment of that name and goes on to the next.
    pub(crate) fn groups(&self, name: &str) -> Vec<Text> {
        let mut groups: Vec<Text> = Vec::new();
        for segment in &self.segments {
            if Self::is(segment, name) {
                groups.push(Text { segments: Vec::new(), ..*self });
            }
            if let Some(group) = groups.last_mut() {
                group.segments.push(segment.clone());
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let awkward = "A|B^C&D~E\\F";
        let text = message(&[
            Segment::new("MSH").put(3, "EPMA").parts(9, &["RDE", "O11"]).put(10, "42"),
            Segment::new("PID").raw(3, "1^^^NHS^NH~2^^^RXX^MR".to_owned()).put(5, awkward),
            Segment::new("ORC").put(1, "NW"),
            Segment::new("RXE").put(2, "X"),
            Segment::new("ORC").put(1, "DC"),
        ]);
        assert!(text.starts_with("MSH|^~\\&|EPMA||||||RDE^O11|42\r"), "{text}");
        let read = Text::read(text.as_bytes()).unwrap();
        assert_eq!(read.get("MSH", 9, 2), "O11");
        assert_eq!(read.get("MSH", 10, 1), "42");
        assert_eq!(read.get("PID", 5, 1), awkward);
        assert_eq!(read.all("PID", 3, 1), ["1", "2"]);
        assert_eq!(read.nth("ORC", 1, 1, 1), "DC");
        let groups = read.groups("ORC");
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].count("RXE"), groups[1].count("RXE")), (1, 0));
        assert_eq!(read.get("ZZZ", 99, 9), "");
    }

    #[test]
    fn no_header_is_no_message() {
        for bytes in [&b""[..], b"MSH", b"MSH|", b"PID|1", b"\xff\xfe"] {
            assert!(Text::read(bytes).is_none());
        }
    }

    #[test]
    fn escapes_that_mean_nothing_stay() {
        assert_eq!(unescaped("a\\X41\\b\\F\\c\\"), "a\\X41\\b|c\\");
    }
}
