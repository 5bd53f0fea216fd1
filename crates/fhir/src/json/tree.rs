//! A JSON document as a flat tree that borrows from its text: one allocation for all nodes.
//!
//! For what walks over a whole resource (FHIRPath, XML, validation). Numbers are their digits.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The deepest nesting of objects and arrays.
pub const MAX_TREE_DEPTH: usize = 256;
/// The most bytes of a text, so that offsets and counts fit into 32 bits.
const MAX_TREE_BYTES: usize = 1 << 30;

/// Why a text cannot become a tree, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The text is not JSON.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// Objects and arrays lie deeper in each other than [`MAX_TREE_DEPTH`].
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
    /// The text is longer than 1 GiB.
    #[error("the text is too long")]
    TooLong,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An object; its members are the nodes in it.
    Object,
    /// An array; its items are the nodes in it.
    Array,
    /// A string without its escapes.
    String(Cow<'a, str>),
    /// A number as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

#[derive(Debug)]
struct Entry<'a> {
    name: Cow<'a, str>,
    kind: Kind<'a>,
    /// The index after the last node inside this one.
    end: u32,
}

/// A parsed document. Nodes lie in the order of the text, each followed by what is in it.
#[derive(Debug)]
pub struct Tree<'a> {
    entries: Vec<Entry<'a>>,
}

/// One node of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree<'t>,
    index: u32,
}

impl PartialEq for Node<'_> {
    /// The same node of the same tree; [`Node::same`] compares what it says.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.tree, other.tree) && self.index == other.index
    }
}

impl Eq for Node<'_> {}

impl<'a> Tree<'a> {
    /// Parses a text. Names that come twice are kept; [`super::check`] refuses them before.
    pub fn parse(text: &'a str) -> Result<Self, TreeError> {
        if text.len() > MAX_TREE_BYTES {
            return Err(TreeError::TooLong);
        }
        let entries = Vec::with_capacity(text.len() / 24 + 1);
        let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, entries, depth: 0 };
        parser.space();
        parser.value(Cow::Borrowed(""))?;
        parser.space();
        if parser.at < text.len() {
            return Err(TreeError::Syntax(parser.at));
        }
        Ok(Self { entries: parser.entries })
    }

    /// The whole document.
    pub fn root(&self) -> Node<'_> {
        Node { tree: self, index: 0 }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: a document is at least one node.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'t> Node<'t> {
    fn entry(self) -> &'t Entry<'t> {
        &self.tree.entries[self.index as usize]
    }

    /// A number that tells the node from the others of its tree, in the order of the text.
    pub fn index(self) -> u32 {
        self.index
    }

    /// What it is.
    pub fn kind(self) -> &'t Kind<'t> {
        &self.entry().kind
    }

    /// The name that it has in its object; empty for an item of an array and for the root.
    pub fn name(self) -> &'t str {
        &self.entry().name
    }

    /// The members of an object or the items of an array, in their order.
    pub fn children(self) -> Children<'t> {
        Children { tree: self.tree, next: self.index + 1, end: self.entry().end }
    }

    /// The first member of that name.
    pub fn get(self, name: &str) -> Option<Self> {
        if !self.is_object() {
            return None;
        }
        self.children().find(|child| child.name() == name)
    }

    /// The text of the member of that name, when it is a string.
    pub fn text(self, name: &str) -> Option<&'t str> {
        self.get(name)?.as_str()
    }

    /// The text of a string.
    pub fn as_str(self) -> Option<&'t str> {
        match self.kind() {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        matches!(self.kind(), Kind::Object)
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        matches!(self.kind(), Kind::Array)
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        matches!(self.kind(), Kind::Null)
    }

    /// The items of an array, or the node alone where it is none.
    pub fn each(self) -> impl Iterator<Item = Self> + use<'t> {
        let array = self.is_array();
        let one = (!array).then_some(self);
        let many = array.then(|| self.children());
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether both say the same: order of members does not count, digits of numbers do.
    pub fn same(self, other: Node<'_>) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Object, Kind::Object) => {
                let count = self.children().count();
                count == other.children().count()
                    && self.children().all(|a| other.get(a.name()).is_some_and(|b| a.same(b)))
            }
            (Kind::Array, Kind::Array) => {
                self.children().count() == other.children().count()
                    && self.children().zip(other.children()).all(|(a, b)| a.same(b))
            }
            (Kind::String(a), Kind::String(b)) => a == b,
            (Kind::Number(a), Kind::Number(b)) => a == b,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Null, Kind::Null) => true,
            _ => false,
        }
    }

    /// Appends it as compact JSON.
    pub fn write(self, out: &mut String) {
        match self.kind() {
            Kind::Object => {
                out.push('{');
                for (i, child) in self.children().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(child.name(), out);
                    out.push(':');
                    child.write(out);
                }
                out.push('}');
            }
            Kind::Array => {
                out.push('[');
                for (i, child) in self.children().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    child.write(out);
                }
                out.push(']');
            }
            Kind::String(text) => write_string(text, out),
            Kind::Number(digits) => out.push_str(digits),
            Kind::Bool(true) => out.push_str("true"),
            Kind::Bool(false) => out.push_str("false"),
            Kind::Null => out.push_str("null"),
        }
    }
}

/// Appends a string as JSON writes it.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

/// The nodes directly inside a node.
#[derive(Debug, Clone)]
pub struct Children<'t> {
    tree: &'t Tree<'t>,
    next: u32,
    end: u32,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.next >= self.end {
            return None;
        }
        let node = Node { tree: self.tree, index: self.next };
        self.next = node.entry().end;
        Some(node)
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    entries: Vec<Entry<'a>>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn syntax<T>(&self) -> Result<T, TreeError> {
        Err(TreeError::Syntax(self.at))
    }

    fn value(&mut self, name: Cow<'a, str>) -> Result<(), TreeError> {
        let kind = match self.peek() {
            Some(b'{') => return self.container(name, Kind::Object, b'}'),
            Some(b'[') => return self.container(name, Kind::Array, b']'),
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Kind::Number(self.number()?),
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return self.syntax(),
        };
        let end = count(self.entries.len() + 1);
        self.entries.push(Entry { name, kind, end });
        Ok(())
    }

    fn container(
        &mut self,
        name: Cow<'a, str>,
        kind: Kind<'a>,
        close: u8,
    ) -> Result<(), TreeError> {
        if self.depth >= MAX_TREE_DEPTH {
            return Err(TreeError::TooDeep(self.at));
        }
        self.depth += 1;
        self.at += 1;
        let object = kind == Kind::Object;
        let index = self.entries.len();
        self.entries.push(Entry { name, kind, end: 0 });
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
        } else {
            self.inside(object, close)?;
        }
        self.entries[index].end = count(self.entries.len());
        self.depth -= 1;
        Ok(())
    }

    fn inside(&mut self, object: bool, close: u8) -> Result<(), TreeError> {
        loop {
            self.space();
            let mut name = Cow::Borrowed("");
            if object {
                if self.peek() != Some(b'"') {
                    return self.syntax();
                }
                name = self.string()?;
                self.space();
                if self.peek() != Some(b':') {
                    return self.syntax();
                }
                self.at += 1;
                self.space();
            }
            self.value(name)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.syntax(),
            }
        }
    }

    fn word(&mut self, word: &str, kind: Kind<'a>) -> Result<Kind<'a>, TreeError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.syntax();
        }
        self.at += word.len();
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), TreeError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(()) }
    }

    fn number(&mut self) -> Result<&'a str, TreeError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let first = self.at;
        self.digits()?;
        if zero && self.at > first + 1 {
            return self.syntax();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn string(&mut self) -> Result<Cow<'a, str>, TreeError> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.syntax(),
            }
        }
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        serde_json::from_str(&self.text[start..self.at])
            .map(Cow::Owned)
            .map_err(|_| TreeError::Syntax(start))
    }
}

fn count(entries: usize) -> u32 {
    u32::try_from(entries).expect("a text of at most 1 GiB has fewer nodes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let tree = Tree::parse(json).unwrap();
        let mut out = String::new();
        tree.root().write(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn a_document_is_kept_to_the_digit() {
        check(
            r#" { "a" : [ 1.50, -0, 1E+3, {"b":{}} , [] ], "c\u00e9\n" : "\"x", "n":null } "#,
            "{\"a\":[1.50,-0,1E+3,{\"b\":{}},[]],\"cé\\n\":\"\\\"x\",\"n\":null}",
        );
        check("true", "true");
        let tree = Tree::parse(r#"{"a":[1,2],"b":"c"}"#).unwrap();
        let root = tree.root();
        assert_eq!(root.text("b"), Some("c"));
        assert_eq!(root.get("a").unwrap().each().count(), 2);
        assert_eq!(root.get("b").unwrap().each().count(), 1);
        let other = Tree::parse(r#"{"b":"c","a":[1,2]}"#).unwrap();
        assert!(root.same(other.root()));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for wrong in ["", "{", "[1,]", "{\"a\"}", "01", "1.", "tru", "\"\\u12\"", "\"\n\"", "1 2"] {
            assert!(matches!(Tree::parse(wrong), Err(TreeError::Syntax(_))), "{wrong}");
        }
        let deep = "[".repeat(MAX_TREE_DEPTH + 1);
        assert!(matches!(Tree::parse(&deep), Err(TreeError::TooDeep(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_reads_it(text in "[\\[\\]{}:,\"a1.\\\\e \\-0ntrulfs]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(Tree::parse(&text).is_ok(), theirs);
        }
    }
}
