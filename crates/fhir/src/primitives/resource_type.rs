//! The resource types of R4.

use crate::element::codes;

codes! {
    /// A resource type of R4. Any other is an error. Those that the platform itself acts on come
    /// first.
    pub enum ResourceType {
        /// A person who is cared for.
        Patient = "Patient",
        /// A stay or a visit.
        Encounter = "Encounter",
        /// An allergy, an intolerance, or the statement that there is none.
        AllergyIntolerance = "AllergyIntolerance",
        /// A medicine, used contained in the resources that name it.
        Medication = "Medication",
        /// A prescription item.
        MedicationRequest = "MedicationRequest",
        /// A supply to a patient, from a pharmacy or a cabinet.
        MedicationDispense = "MedicationDispense",
        /// A dose given, partly given or not given.
        MedicationAdministration = "MedicationAdministration",
        /// Who did what to which resource, and when.
        Provenance = "Provenance",
        /// A site, a ward, a bed or a cabinet.
        Location = "Location",
        /// A member of staff.
        Practitioner = "Practitioner",
        /// What a member of staff does, and where.
        PractitionerRole = "PractitionerRole",
        /// A result or a measurement.
        Observation = "Observation",
        /// The answer of a diagnostic service to a request.
        DiagnosticReport = "DiagnosticReport",
        /// A request for a test or another service.
        ServiceRequest = "ServiceRequest",
        /// A document, and where its content is.
        DocumentReference = "DocumentReference",
        /// Content that is not FHIR.
        Binary = "Binary",
        /// A time at which a patient is to be seen.
        Appointment = "Appointment",
        /// A list of resources, such as the answer to a search.
        Bundle = "Bundle",
        /// What went wrong with a request.
        OperationOutcome = "OperationOutcome",
        /// What a server can do.
        CapabilityStatement = "CapabilityStatement",
        /// What services cost a patient or a group, summed up.
        Account = "Account",
        /// A kind of activity, to be used in plans.
        ActivityDefinition = "ActivityDefinition",
        /// Harm, or what might have led to it.
        AdverseEvent = "AdverseEvent",
        /// Whether somebody comes to an appointment.
        AppointmentResponse = "AppointmentResponse",
        /// Something that matters to security or privacy.
        AuditEvent = "AuditEvent",
        /// A thing for which R4 has no type of its own.
        Basic = "Basic",
        /// Something made of a living being, such as blood.
        BiologicallyDerivedProduct = "BiologicallyDerivedProduct",
        /// A place in or on a body.
        BodyStructure = "BodyStructure",
        /// What is intended for a patient's care.
        CarePlan = "CarePlan",
        /// Those who take part in a patient's care.
        CareTeam = "CareTeam",
        /// An item of a catalogue.
        CatalogEntry = "CatalogEntry",
        /// What is charged for a service.
        ChargeItem = "ChargeItem",
        /// How a charge is worked out.
        ChargeItemDefinition = "ChargeItemDefinition",
        /// A bill to an insurer.
        Claim = "Claim",
        /// What an insurer says to a bill.
        ClaimResponse = "ClaimResponse",
        /// What somebody makes of a patient's state.
        ClinicalImpression = "ClinicalImpression",
        /// Codes and what they mean.
        CodeSystem = "CodeSystem",
        /// Something that was told.
        Communication = "Communication",
        /// A request to tell something.
        CommunicationRequest = "CommunicationRequest",
        /// Which resources belong together.
        CompartmentDefinition = "CompartmentDefinition",
        /// The outline of a document.
        Composition = "Composition",
        /// Which codes of two systems correspond.
        ConceptMap = "ConceptMap",
        /// A problem or a diagnosis.
        Condition = "Condition",
        /// What a patient agrees to.
        Consent = "Consent",
        /// An agreement.
        Contract = "Contract",
        /// An insurance.
        Coverage = "Coverage",
        /// A question to an insurer about cover.
        CoverageEligibilityRequest = "CoverageEligibilityRequest",
        /// The insurer's answer.
        CoverageEligibilityResponse = "CoverageEligibilityResponse",
        /// A hazard between treatments, or in one.
        DetectedIssue = "DetectedIssue",
        /// A thing that is used in care.
        Device = "Device",
        /// A kind of device.
        DeviceDefinition = "DeviceDefinition",
        /// A value that a device can measure.
        DeviceMetric = "DeviceMetric",
        /// A request for a device.
        DeviceRequest = "DeviceRequest",
        /// That a patient uses a device.
        DeviceUseStatement = "DeviceUseStatement",
        /// A set of documents.
        DocumentManifest = "DocumentManifest",
        /// How treatments compare, over several studies.
        EffectEvidenceSynthesis = "EffectEvidenceSynthesis",
        /// An address of an electronic service.
        Endpoint = "Endpoint",
        /// A request for an insurance.
        EnrollmentRequest = "EnrollmentRequest",
        /// The answer to it.
        EnrollmentResponse = "EnrollmentResponse",
        /// A time in which somebody is responsible for a patient.
        EpisodeOfCare = "EpisodeOfCare",
        /// An event on which something is to happen.
        EventDefinition = "EventDefinition",
        /// What is known of a question.
        Evidence = "Evidence",
        /// What the evidence is about.
        EvidenceVariable = "EvidenceVariable",
        /// A worked example of an exchange.
        ExampleScenario = "ExampleScenario",
        /// What an insurer paid and why.
        ExplanationOfBenefit = "ExplanationOfBenefit",
        /// The health of a relative.
        FamilyMemberHistory = "FamilyMemberHistory",
        /// A warning about a patient.
        Flag = "Flag",
        /// What care is to achieve.
        Goal = "Goal",
        /// How resources hang together.
        GraphDefinition = "GraphDefinition",
        /// Several people or things.
        Group = "Group",
        /// The answer of a decision aid.
        GuidanceResponse = "GuidanceResponse",
        /// A service that can be used at a place.
        HealthcareService = "HealthcareService",
        /// Images of one examination.
        ImagingStudy = "ImagingStudy",
        /// A vaccination.
        Immunization = "Immunization",
        /// Whether a vaccination counts.
        ImmunizationEvaluation = "ImmunizationEvaluation",
        /// Which vaccinations are due.
        ImmunizationRecommendation = "ImmunizationRecommendation",
        /// Rules for the use of FHIR.
        ImplementationGuide = "ImplementationGuide",
        /// What an insurer offers.
        InsurancePlan = "InsurancePlan",
        /// A bill.
        Invoice = "Invoice",
        /// Shared logic or knowledge.
        Library = "Library",
        /// That several resources are about one thing.
        Linkage = "Linkage",
        /// A list of resources.
        List = "List",
        /// How quality is measured.
        Measure = "Measure",
        /// A measurement of quality.
        MeasureReport = "MeasureReport",
        /// A picture, a film or a sound.
        Media = "Media",
        /// What is known of a medicine.
        MedicationKnowledge = "MedicationKnowledge",
        /// What a patient takes, as somebody says.
        MedicationStatement = "MedicationStatement",
        /// A product that may be authorised.
        MedicinalProduct = "MedicinalProduct",
        /// The authorisation of a product.
        MedicinalProductAuthorization = "MedicinalProductAuthorization",
        /// When a product must not be used.
        MedicinalProductContraindication = "MedicinalProductContraindication",
        /// What a product is used for.
        MedicinalProductIndication = "MedicinalProductIndication",
        /// What a product is made of.
        MedicinalProductIngredient = "MedicinalProductIngredient",
        /// What a product interacts with.
        MedicinalProductInteraction = "MedicinalProductInteraction",
        /// A product as it is made.
        MedicinalProductManufactured = "MedicinalProductManufactured",
        /// A product as it is packed.
        MedicinalProductPackaged = "MedicinalProductPackaged",
        /// A product as it is given.
        MedicinalProductPharmaceutical = "MedicinalProductPharmaceutical",
        /// What a product may do beside its use.
        MedicinalProductUndesirableEffect = "MedicinalProductUndesirableEffect",
        /// A kind of message.
        MessageDefinition = "MessageDefinition",
        /// The head of a message.
        MessageHeader = "MessageHeader",
        /// A sequence of a genome.
        MolecularSequence = "MolecularSequence",
        /// A system of identifiers or codes.
        NamingSystem = "NamingSystem",
        /// A diet.
        NutritionOrder = "NutritionOrder",
        /// A kind of observation.
        ObservationDefinition = "ObservationDefinition",
        /// An operation of a server.
        OperationDefinition = "OperationDefinition",
        /// A trust, a practice, a company.
        Organization = "Organization",
        /// How two organisations work together.
        OrganizationAffiliation = "OrganizationAffiliation",
        /// What goes into an operation and comes out; never stored.
        Parameters = "Parameters",
        /// That something was paid.
        PaymentNotice = "PaymentNotice",
        /// Payments set against bills.
        PaymentReconciliation = "PaymentReconciliation",
        /// A human being, whatever they are to the site.
        Person = "Person",
        /// A plan for a kind of situation.
        PlanDefinition = "PlanDefinition",
        /// Something done to or for a patient.
        Procedure = "Procedure",
        /// Questions.
        Questionnaire = "Questionnaire",
        /// Answers to them.
        QuestionnaireResponse = "QuestionnaireResponse",
        /// Somebody close to a patient.
        RelatedPerson = "RelatedPerson",
        /// Requests that depend on one another.
        RequestGroup = "RequestGroup",
        /// What a study asks.
        ResearchDefinition = "ResearchDefinition",
        /// A part of that.
        ResearchElementDefinition = "ResearchElementDefinition",
        /// A study.
        ResearchStudy = "ResearchStudy",
        /// Somebody in a study.
        ResearchSubject = "ResearchSubject",
        /// What may happen to a patient, and how likely.
        RiskAssessment = "RiskAssessment",
        /// How likely something is, over several studies.
        RiskEvidenceSynthesis = "RiskEvidenceSynthesis",
        /// When somebody or something can be booked.
        Schedule = "Schedule",
        /// By what a type can be searched.
        SearchParameter = "SearchParameter",
        /// A time that can be booked.
        Slot = "Slot",
        /// A sample.
        Specimen = "Specimen",
        /// A kind of sample.
        SpecimenDefinition = "SpecimenDefinition",
        /// A type or a profile.
        StructureDefinition = "StructureDefinition",
        /// How one structure becomes another.
        StructureMap = "StructureMap",
        /// A wish to be told.
        Subscription = "Subscription",
        /// A material.
        Substance = "Substance",
        /// A nucleic acid.
        SubstanceNucleicAcid = "SubstanceNucleicAcid",
        /// A polymer.
        SubstancePolymer = "SubstancePolymer",
        /// A protein.
        SubstanceProtein = "SubstanceProtein",
        /// What is published of a substance.
        SubstanceReferenceInformation = "SubstanceReferenceInformation",
        /// What a substance is won from.
        SubstanceSourceMaterial = "SubstanceSourceMaterial",
        /// A substance in detail.
        SubstanceSpecification = "SubstanceSpecification",
        /// A delivery of supplies.
        SupplyDelivery = "SupplyDelivery",
        /// A request for supplies.
        SupplyRequest = "SupplyRequest",
        /// Work to be done.
        Task = "Task",
        /// What a terminology server can do.
        TerminologyCapabilities = "TerminologyCapabilities",
        /// The outcome of a test script.
        TestReport = "TestReport",
        /// A test of an implementation.
        TestScript = "TestScript",
        /// A choice of codes.
        ValueSet = "ValueSet",
        /// Who checked a fact, and when.
        VerificationResult = "VerificationResult",
        /// Glasses or lenses.
        VisionPrescription = "VisionPrescription",
    }
}
