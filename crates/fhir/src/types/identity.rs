//! Who somebody or something is, and how to reach them.

use crate::element::{codes, element};
use crate::nhs_number;
use crate::systems;

use super::{CodeableConcept, Extension, Period, Reference};

codes! {
    /// What an identifier is for (R4 identifier-use).
    pub enum IdentifierUse {
        /// The first choice.
        Usual = "usual",
        /// The most trusted.
        Official = "official",
        /// Only for now.
        Temp = "temp",
        /// Not the main one.
        Secondary = "secondary",
        /// No longer in use.
        Old = "old",
    }
}

element! {
    /// A number or name given by somebody to somebody or something (R4 Identifier).
    pub struct Identifier {
        /// What it is for.
        #[serde(rename = "use")]
        purpose: Option<IdentifierUse>,
        /// What kind it is.
        #[serde(rename = "type")]
        kind: Option<CodeableConcept>,
        /// Who gives such numbers, as a URI; see [`crate::systems`].
        system: Option<String>,
        /// The number, unique within the system.
        value: Option<String>,
        /// When it was in use.
        period: Option<Period>,
        /// Who gave it.
        assigner: Option<Reference>,
        /// Extensions, such as the verification status of an NHS number.
        extension: Vec<Extension>,
    }
}

impl Identifier {
    /// A value of a system.
    pub fn of(system: &str, value: &str) -> Self {
        Self { system: Some(system.to_owned()), value: Some(value.to_owned()), ..Self::default() }
    }

    /// The NHS number, when this is one and its check digit is right.
    pub fn nhs_number(&self) -> Option<&str> {
        let value = self.value.as_deref()?;
        let is_one = self.system.as_deref() == Some(systems::NHS_NUMBER);
        (is_one && nhs_number::valid(value)).then_some(value)
    }
}

codes! {
    /// What a name is for (R4 name-use).
    pub enum NameUse {
        /// The name in use.
        Usual = "usual",
        /// The legal name.
        Official = "official",
        /// Only for now.
        Temp = "temp",
        /// What friends say.
        Nickname = "nickname",
        /// To protect the person.
        Anonymous = "anonymous",
        /// No longer in use.
        Old = "old",
        /// Before marriage.
        Maiden = "maiden",
    }
}

element! {
    /// The name of a person (R4 HumanName).
    pub struct HumanName {
        /// What it is for.
        #[serde(rename = "use")]
        purpose: Option<NameUse>,
        /// The whole name in words.
        text: Option<String>,
        /// The family name.
        family: Option<String>,
        /// Given names, the first one first.
        given: Vec<String>,
        /// Titles before the name.
        prefix: Vec<String>,
        /// What follows the name.
        suffix: Vec<String>,
        /// When it was in use.
        period: Option<Period>,
    }
}

codes! {
    /// What an address is for (R4 address-use).
    pub enum AddressUse {
        /// Where somebody lives.
        Home = "home",
        /// Where somebody works.
        Work = "work",
        /// Only for now.
        Temp = "temp",
        /// No longer in use.
        Old = "old",
        /// For invoices.
        Billing = "billing",
    }
}

codes! {
    /// What can be sent to an address (R4 address-type).
    pub enum AddressType {
        /// Letters.
        Postal = "postal",
        /// Visitors.
        Physical = "physical",
        /// Both.
        Both = "both",
    }
}

element! {
    /// A postal address (R4 Address).
    pub struct Address {
        /// What it is for.
        #[serde(rename = "use")]
        purpose: Option<AddressUse>,
        /// What can be sent to it.
        #[serde(rename = "type")]
        kind: Option<AddressType>,
        /// The whole address in words.
        text: Option<String>,
        /// Street and house.
        line: Vec<String>,
        /// Town.
        city: Option<String>,
        /// County.
        district: Option<String>,
        /// Country of a union.
        state: Option<String>,
        /// Postcode.
        postal_code: Option<String>,
        /// Country.
        country: Option<String>,
        /// When it was in use.
        period: Option<Period>,
    }
}

codes! {
    /// How to reach somebody (R4 contact-point-system).
    pub enum ContactPointSystem {
        /// By telephone.
        Phone = "phone",
        /// By fax.
        Fax = "fax",
        /// By e-mail.
        Email = "email",
        /// By pager or bleep.
        Pager = "pager",
        /// At a web address.
        Url = "url",
        /// By text message.
        Sms = "sms",
        /// Some other way.
        Other = "other",
    }
}

codes! {
    /// What a way to reach somebody is for (R4 contact-point-use).
    pub enum ContactPointUse {
        /// At home.
        Home = "home",
        /// At work.
        Work = "work",
        /// Only for now.
        Temp = "temp",
        /// No longer in use.
        Old = "old",
        /// Goes with the person.
        Mobile = "mobile",
    }
}

element! {
    /// A way to reach somebody (R4 ContactPoint).
    pub struct ContactPoint {
        /// How.
        system: Option<ContactPointSystem>,
        /// The number or address.
        value: Option<String>,
        /// What it is for.
        #[serde(rename = "use")]
        purpose: Option<ContactPointUse>,
        /// Which to try first, from 1.
        rank: Option<u32>,
        /// When it was in use.
        period: Option<Period>,
    }
}
