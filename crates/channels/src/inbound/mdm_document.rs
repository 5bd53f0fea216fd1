//! MDM^T01 to T11: documents.
//!
//! TXA is a DocumentReference, known by the document's number (TXA-12, else TXA-14 or TXA-15);
//! its content (OBX) is a Binary. A replacement (T09, T10) supersedes the document of TXA-13, an
//! addendum (T05, T06) is appended to it, a cancellation (T11) enters it as an error. T03 and T04
//! tell a new status, T07 and T08 an edited content, and keep the number. Parked: a document
//! without a number, content that is not in base64, a replacement that does not say of what.

use fhir::ResourceType;
use fhir::resources::{
    Binary, DocumentContent, DocumentReference, DocumentReferenceStatus, DocumentRelation,
    DocumentStatus, RelatedDocument,
};
use fhir::types::{Attachment, Identifier, Reference};
use hl7v2::{Repetition, Segment};
use medicines::filing::{Content, How, Sheet, id_of};
use medicines::{Problem, ProblemCode, Request};

use super::map::coded::{self, Local};
use super::map::{filing, staff, value};
use super::source::{Source, trimmed};

/// The most parts of one document.
const MAX_PARTS: usize = 64;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let txa = source.need("TXA")?;
    let event = source.event();
    let number =
        [12, 14, 15].iter().find_map(|&field| number(source, &txa.field(field).repetition(1)));
    let number = number.ok_or_else(|| {
        let text = "the document has no number";
        source.problem(ProblemCode::FieldMissing, &txa, 12, text)
    })?;
    let parent = number_of_parent(source, &txa);
    let mut sheets = Vec::new();
    let mut document = document(source, &txa, &number);
    for part in parts(source)? {
        document.content.push(content(source, part, &number, &mut sheets));
    }
    let relation = match &*event {
        "T05" | "T06" => Some((DocumentRelation::Appends, "adds to")),
        "T09" | "T10" => Some((DocumentRelation::Replaces, "takes the place of")),
        _ => None,
    };
    if let Some((code, what)) = relation {
        let Some(parent) = parent.filter(|parent| *parent != number) else {
            let text = format!("the message does not say which document this one {what}");
            return Err(source.problem(ProblemCode::FieldMissing, &txa, 13, &text));
        };
        let site = source.channel.site();
        let key = filing::number_of(&parent);
        let id = id_of(site, ResourceType::DocumentReference, &key);
        let mut target = Reference::to(ResourceType::DocumentReference, &id);
        target.identifier = Some(Box::new(parent));
        document.relates_to.push(RelatedDocument::new(code, target));
        if code == DocumentRelation::Replaces {
            sheets.push(superseded(key));
        }
    }
    let how = match &*event {
        // Without content it can only change a document that is there.
        "T03" | "T04" | "T07" | "T08" | "T11" if document.content.is_empty() => How::NeedsKnown,
        "T03" | "T04" | "T07" | "T08" | "T11" => How::Change,
        _ => How::Whole,
    };
    if event == "T11" {
        document.status = DocumentReferenceStatus::EnteredInError;
        document.doc_status = Some(DocumentStatus::EnteredInError);
    }
    if document.content.is_empty() && how == How::Whole {
        document.content.push(DocumentContent::new(announced(&txa)));
    }
    let content = Content::DocumentReference(Box::new(document));
    sheets.push(Sheet { number: filing::number_of(&number), content, how });
    filing::about_patient(source, sheets)
}

/// The document that is replaced: nothing but its status changes, where it is known at all.
fn superseded(number: String) -> Sheet {
    let old = DocumentReference::new(DocumentReferenceStatus::Superseded, Vec::new());
    let content = Content::DocumentReference(Box::new(old));
    Sheet { number, content, how: How::ChangeKnown }
}

fn number(source: &Source<'_, '_>, ei: &Repetition<'_>) -> Option<Identifier> {
    filing::entity(source, ei, "document").or_else(|| {
        // Senders that fill TXA-12 by its third component alone (HL7 2.5.1 §9.6.1.12, a file name).
        let name = trimmed(ei.component(3).text());
        (!name.is_empty()).then(|| Identifier::of(&source.systems().local("document"), &name))
    })
}

fn number_of_parent(source: &Source<'_, '_>, txa: &Segment<'_>) -> Option<Identifier> {
    number(source, &txa.field(13).repetition(1))
}

fn document(source: &Source<'_, '_>, txa: &Segment<'_>, number: &Identifier) -> DocumentReference {
    let mut document = DocumentReference::new(DocumentReferenceStatus::Current, Vec::new());
    document.master_identifier = Some(number.clone());
    document.identifier.push(number.clone());
    document.kind = coded::first(source, &txa.field(2), Local::Of("document-type"));
    document.doc_status = match txa.text(17, 1).trim() {
        "AU" | "LA" | "DO" => Some(DocumentStatus::Final),
        "DI" | "IP" | "IN" | "PA" => Some(DocumentStatus::Preliminary),
        _ => None,
    };
    // TXA-19 (HL7 table 0273): obsolete, or cancelled.
    document.status = match txa.text(19, 1).trim() {
        "OB" => DocumentReferenceStatus::Superseded,
        "CA" => DocumentReferenceStatus::EnteredInError,
        _ => DocumentReferenceStatus::Current,
    };
    document.date = [6, 8, 7, 4].iter().find_map(|&field| filing::instant(source, txa, field));
    let authors = txa.field(9).repetitions().take(16);
    document.author = authors.filter_map(|xcn| staff::reference(source, &xcn)).collect();
    document.authenticator = staff::reference(source, &txa.field(22).repetition(1))
        .or_else(|| staff::reference(source, &txa.field(10).repetition(1)));
    let title = trimmed(txa.text(25, 1));
    document.description = (!title.is_empty()).then(|| title.into_owned());
    document
}

/// What is known of a document whose content comes later (T01).
fn announced(txa: &Segment<'_>) -> Attachment {
    let name = trimmed(txa.text(16, 1));
    let title = (!name.is_empty()).then(|| name.into_owned());
    let content_type = filing::media_type(&txa.text(3, 1), "");
    Attachment { title, content_type, ..Attachment::default() }
}

/// The parts of the content. Lines of text are one part; each embedded document is one.
fn parts(source: &Source<'_, '_>) -> Result<Vec<Attachment>, Problem> {
    let mut parts: Vec<Attachment> = Vec::new();
    let mut text = String::new();
    for obx in source.message.segments("OBX") {
        if parts.len() == MAX_PARTS {
            let text = "the document has more parts than are taken";
            return Err(source.problem(ProblemCode::BadValue, &obx, 5, text));
        }
        if matches!(obx.text(2, 1).trim(), "ED" | "RP") {
            parts.extend(filing::attachment(source, &obx)?);
            continue;
        }
        if let Some(words) = value::words(&obx) {
            text.push_str(&words);
            text.push('\n');
        }
    }
    if !text.is_empty() {
        parts.insert(
            0,
            Attachment {
                content_type: Some("text/plain;charset=utf-8".to_owned()),
                data: Some(fhir::base64::encode(text.as_bytes())),
                ..Attachment::default()
            },
        );
    }
    Ok(parts)
}

/// A part as the document names it; what is embedded becomes a Binary.
fn content(
    source: &Source<'_, '_>,
    mut part: Attachment,
    number: &Identifier,
    sheets: &mut Vec<Sheet>,
) -> DocumentContent {
    if let Some(data) = part.data.take() {
        let key = format!("{}|{}", filing::number_of(number), sheets.len() + 1);
        let kind = part.content_type.clone();
        let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
        let mut binary = Binary::new(kind);
        binary.data = Some(data);
        let id = id_of(source.channel.site(), ResourceType::Binary, &key);
        part.url = Some(format!("{}/{id}", ResourceType::Binary));
        let content = Content::Binary(Box::new(binary));
        sheets.push(Sheet { number: key, content, how: How::Whole });
    }
    DocumentContent::new(part)
}
