//! The kinds of things that are told by number.

use fhir::resources::{
    Appointment, AppointmentParticipant, Binary, DiagnosticReport, DocumentContext,
    DocumentReference, Medication, Observation, ParticipationStatus, Practitioner,
    PractitionerRole, Resource, ServiceRequest,
};
use fhir::types::{Extension, Meta, Reference};
use fhir::{ResourceType, profiles};

/// A thing that is told by number.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the resource of its name")]
pub enum Content {
    Observation(Box<Observation>),
    DiagnosticReport(Box<DiagnosticReport>),
    ServiceRequest(Box<ServiceRequest>),
    DocumentReference(Box<DocumentReference>),
    Binary(Box<Binary>),
    Appointment(Box<Appointment>),
    Practitioner(Box<Practitioner>),
    PractitionerRole(Box<PractitionerRole>),
    Medication(Box<Medication>),
}

/// Does the same with whichever resource it is.
macro_rules! each {
    ($content:expr, $it:ident => $does:expr) => {
        match $content {
            Content::Observation($it) => $does,
            Content::DiagnosticReport($it) => $does,
            Content::ServiceRequest($it) => $does,
            Content::DocumentReference($it) => $does,
            Content::Binary($it) => $does,
            Content::Appointment($it) => $does,
            Content::Practitioner($it) => $does,
            Content::PractitionerRole($it) => $does,
            Content::Medication($it) => $does,
        }
    };
}

impl Content {
    /// Its resource type.
    pub fn kind(&self) -> ResourceType {
        fn of<R: Resource>(_: &R) -> ResourceType {
            R::TYPE
        }
        each!(self, it => of(&**it))
    }

    /// The resource as JSON.
    pub fn to_json(&self) -> String {
        each!(self, it => it.to_json())
    }

    /// Whether what it says is settled, so that a preliminary word must not take its place.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Content::Observation(it) => it.status.is_settled(),
            Content::DiagnosticReport(it) => it.status.is_settled(),
            _ => true,
        }
    }

    /// Says whom and which stay it is about.
    pub(super) fn is_about(&mut self, patient: &Reference, encounter: Option<&Reference>) {
        let stay = encounter.cloned();
        match self {
            Content::Observation(it) => {
                it.subject = Some(patient.clone());
                it.encounter = stay;
            }
            Content::DiagnosticReport(it) => {
                it.subject = Some(patient.clone());
                it.encounter = stay;
            }
            Content::ServiceRequest(it) => {
                it.subject = patient.clone();
                it.encounter = stay;
            }
            Content::DocumentReference(it) => {
                it.subject = Some(patient.clone());
                if let Some(stay) = stay {
                    it.context.get_or_insert_default().encounter = vec![stay];
                } else if it.context.as_ref().is_some_and(|it| *it == DocumentContext::default()) {
                    it.context = None;
                }
            }
            Content::Binary(it) => it.security_context = Some(patient.clone()),
            Content::Appointment(it) => {
                let mut comes = AppointmentParticipant::new(ParticipationStatus::Accepted);
                comes.actor = Some(patient.clone());
                it.participant.insert(0, comes);
            }
            Content::Practitioner(_) | Content::PractitionerRole(_) | Content::Medication(_) => {}
        }
    }

    /// Says which profile it claims, and when the message that tells it was written.
    pub(super) fn is_told(&mut self, told: Extension) {
        let meta = profiles::of(self.kind()).map(|_| profiles::meta_of(self.kind()));
        let meta: Option<Meta> = meta;
        each!(self, it => {
            it.meta = meta;
            it.extension.push(told);
        });
    }
}
