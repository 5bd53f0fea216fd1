//! The narrative of a resource: which XHTML may stand in it (FHIR R4 §2.4.0).

/// The longest narrative that is looked at, in bytes.
pub const MAX_NARRATIVE_BYTES: usize = 8 * 1024 * 1024;
/// How deep elements may lie in each other.
const MAX_DEPTH: usize = 200;

/// Why a narrative may not stand in a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XhtmlError {
    /// It is not well-formed.
    #[error("the narrative is not well-formed XHTML")]
    Form,
    /// It is not one `div` in the namespace of XHTML.
    #[error("the narrative is not a div in the namespace of XHTML")]
    NoDiv,
    /// It has nothing to read in it.
    #[error("the narrative is empty")]
    Empty,
    /// An element that a narrative may not have.
    #[error("the narrative may not have the element {0}")]
    Element(String),
    /// An attribute that a narrative may not have.
    #[error("the narrative may not have the attribute {0}")]
    Attribute(String),
    /// Larger or deeper than the limits.
    #[error("the narrative is too large")]
    TooLarge,
}

/// HTML 4.0 chapters 7 to 11 without 4 of 9 and 15, `a`, and images (FHIR R4, txt-1).
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "area",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "bdo",
    "center",
    "font",
    "label",
];

const ATTRIBUTES: &[&str] = &[
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "clear",
    "color",
    "cols",
    "colspan",
    "compact",
    "coords",
    "dir",
    "face",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "lang",
    "longdesc",
    "name",
    "nohref",
    "noshade",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "size",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "target",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "vlink",
    "vspace",
    "width",
    "xml:lang",
    "xml:space",
    "data-fhir",
    "datetime",
];

/// Checks a narrative. Well-formed, one `div`, only what a narrative may have, something to read.
pub fn check(text: &str) -> Result<(), XhtmlError> {
    if text.len() > MAX_NARRATIVE_BYTES {
        return Err(XhtmlError::TooLarge);
    }
    let mut open: Vec<&str> = Vec::new();
    let mut content = false;
    let mut rest = text.trim();
    if !rest.starts_with("<div") {
        return Err(XhtmlError::NoDiv);
    }
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            return Err(XhtmlError::Form);
        };
        content |= !rest[..at].trim().is_empty();
        check_entities(&rest[..at])?;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = &after[after.find("-->").ok_or(XhtmlError::Form)? + 3..];
            continue;
        }
        let end = end_of_tag(rest).ok_or(XhtmlError::Form)?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return Err(XhtmlError::Form);
            }
        } else {
            let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let name = check_tag(tag, open.is_empty())?;
            content |= name == "img";
            if !closed {
                open.push(name);
            }
        }
        if open.len() > MAX_DEPTH {
            return Err(XhtmlError::TooLarge);
        }
        if open.is_empty() {
            break;
        }
    }
    if !open.is_empty() || !rest.trim().is_empty() {
        return Err(XhtmlError::Form);
    }
    if content { Ok(()) } else { Err(XhtmlError::Empty) }
}

/// The `>` that ends a tag, outside the values of attributes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn check_tag(tag: &str, is_root: bool) -> Result<&str, XhtmlError> {
    let end = tag.find(|c: char| c.is_whitespace()).unwrap_or(tag.len());
    let (name, mut rest) = tag.split_at(end);
    if !ELEMENTS.contains(&name) {
        return Err(XhtmlError::Element(name.chars().take(40).collect()));
    }
    let mut has_namespace = false;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let (attribute, after) = rest.split_once('=').ok_or(XhtmlError::Form)?;
        let attribute = attribute.trim_end();
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or(XhtmlError::Form)?;
        let close = after[1..].find(quote).ok_or(XhtmlError::Form)? + 1;
        let value = &after[1..close];
        check_entities(value)?;
        rest = &after[close + 1..];
        if attribute == "xmlns" {
            has_namespace = value == "http://www.w3.org/1999/xhtml";
        } else if !ATTRIBUTES.contains(&attribute) && !attribute.starts_with("xmlns:") {
            return Err(XhtmlError::Attribute(attribute.chars().take(40).collect()));
        }
    }
    if is_root && (name != "div" || !has_namespace) {
        return Err(XhtmlError::NoDiv);
    }
    Ok(name)
}

/// An ampersand begins an entity; HTML's names are known to browsers, so their form is enough.
fn check_entities(text: &str) -> Result<(), XhtmlError> {
    for (at, _) in text.match_indices('&') {
        let after = &text[at + 1..];
        let end = after.find(';').filter(|end| (1..=10).contains(end)).ok_or(XhtmlError::Form)?;
        if !after[..end].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#') {
            return Err(XhtmlError::Form);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &XhtmlError) {
        assert_eq!(check(text).as_ref(), Err(expected), "{text}");
    }

    #[test]
    fn narratives_are_judged() {
        const NS: &str = "xmlns=\"http://www.w3.org/1999/xhtml\"";
        for good in [
            format!("<div {NS}>a</div>"),
            format!("<div {NS}><p class='x'>a &lt; b &#160; <br/></p><!-- c --></div>"),
            format!("<div {NS}><img src=\"#a\" alt=\"x>y\"/></div>"),
        ] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        refused("<p>x</p>", &XhtmlError::NoDiv);
        refused("<div>x</div>", &XhtmlError::NoDiv);
        refused(&format!("<div {NS}> </div>"), &XhtmlError::Empty);
        refused(&format!("<div {NS}><p>x</div>"), &XhtmlError::Form);
        refused(&format!("<div {NS}>x</div><div>y</div>"), &XhtmlError::Form);
        refused(&format!("<div {NS}>a & b</div>"), &XhtmlError::Form);
        let script = XhtmlError::Element("script".to_owned());
        refused(&format!("<div {NS}><script>x</script></div>"), &script);
        let click = XhtmlError::Attribute("onclick".to_owned());
        refused(&format!("<div {NS}><p onclick=\"x\">x</p></div>"), &click);
        refused(&format!("<div {NS}>"), &XhtmlError::Form);
        refused("<div", &XhtmlError::Form);
    }
}
