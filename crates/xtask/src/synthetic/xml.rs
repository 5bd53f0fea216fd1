//! Rows as XML text.

/// Rows of one section.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    fn push(&mut self, parts: &[&str]) {
        self.0.extend(parts.iter().copied());
    }

    pub(super) fn open(&mut self, name: &str) {
        self.push(&["<", name, ">"]);
    }

    pub(super) fn close(&mut self, name: &str) {
        self.push(&["</", name, ">\n"]);
    }

    pub(super) fn leaf(&mut self, name: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.push(&["<", name, ">", &text, "</", name, ">"]);
    }

    pub(super) fn row(&mut self, name: &str, fields: &[(&str, &str)]) {
        self.open(name);
        for (field, text) in fields {
            self.leaf(field, text);
        }
        self.close(name);
    }

    pub(super) fn texts(&mut self, name: &str, fields: &[(&str, String)]) {
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(field, text)| (*field, text.as_str())).collect();
        self.row(name, &fields);
    }

    /// Whether a text was written already.
    pub(super) fn has(&self, text: &str) -> bool {
        self.0.contains(&format!(">{text}<"))
    }
}

/// A file of sections; one without a name has its rows in the root.
pub(super) fn file(root: &str, sections: &[(&str, &Xml)]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<{root}>\n<!-- Made up for demonstrations and \
         tests by `cargo xtask synthetic`: no real product. -->\n"
    );
    for (name, rows) in sections {
        if name.is_empty() {
            out.push_str(&rows.0);
        } else {
            out.push_str(&["<", name, ">\n", &rows.0, "</", name, ">\n"].concat());
        }
    }
    out.push_str(&["</", root, ">\n"].concat());
    out
}
