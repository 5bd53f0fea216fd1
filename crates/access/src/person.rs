//! The people who act, as the site's configuration names them.

use serde::{Deserialize, Serialize};

use crate::Right;

/// What somebody is employed to do. The role decides the rights; nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A registered nurse or midwife.
    Nurse,
    /// A doctor or another prescriber.
    Prescriber,
    /// A registered pharmacist.
    Pharmacist,
    /// A pharmacy technician.
    Technician,
    /// A healthcare assistant: sees what is due, takes nothing.
    Assistant,
    /// An integration engineer: sees channels and messages, takes nothing.
    Engineer,
    /// The controlled-drug or information-governance lead.
    Governance,
}

impl Role {
    /// Whether somebody in this role has `right`.
    pub fn has(self, right: Right) -> bool {
        use Right::{
            Administer, ReadRecord, RemoveMedicine, ResolveCase, SeeLooks, SwitchOverride,
            VerifyOrder, Witness,
        };
        match self {
            Role::Nurse | Role::Prescriber => {
                matches!(right, RemoveMedicine | Administer | Witness | ReadRecord | ResolveCase)
            }
            Role::Pharmacist => {
                matches!(
                    right,
                    RemoveMedicine
                        | Witness
                        | ReadRecord
                        | ResolveCase
                        | VerifyOrder
                        | SwitchOverride
                )
            }
            Role::Technician => {
                matches!(right, RemoveMedicine | Witness | ReadRecord | ResolveCase)
            }
            Role::Assistant => matches!(right, ReadRecord),
            Role::Engineer => matches!(right, ReadRecord | ResolveCase | SwitchOverride),
            Role::Governance => {
                matches!(right, ReadRecord | ResolveCase | SwitchOverride | SeeLooks)
            }
        }
    }
}

/// Somebody who can sign in to a cabinet or to Interlock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The staff number, unique in the site.
    pub id: String,
    /// The name to show, family name first.
    pub name: String,
    /// The role, which decides the rights.
    pub role: Role,
    /// What the person was trained in, beside what the role brings: `iv`, `chemotherapy`. Items
    /// name the training that they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub training: Vec<String>,
}
