//! How a FHIR element becomes a struct: what R4 requires first, then what may be absent.

/// A value that is left out of the JSON when there is nothing in it.
///
/// FHIR R4 JSON has neither nulls nor empty arrays (<https://hl7.org/fhir/R4/json.html>).
pub(crate) trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Declares a FHIR element whose members may all be absent, or one with a `required` part, which
/// then has a `new` that takes exactly that part. An element with a required part refuses to be
/// read without it; unknown members are ignored.
macro_rules! element {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $( $(#[$of:meta])* $field:ident : $ty:ty, )*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$of])*
                #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
                pub $field: $ty,
            )*
        }
    };
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            required { $( $(#[$rof:meta])* $required:ident : $rty:ty, )+ }
            optional { $( $(#[$of:meta])* $field:ident : $ty:ty, )* }
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$rof])*
                pub $required: $rty,
            )+
            $(
                $(#[$of])*
                #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
                pub $field: $ty,
            )*
        }

        impl $name {
            /// Holds what FHIR R4 requires and nothing else.
            pub fn new($($required: $rty),+) -> Self {
                Self { $($required,)+ $($field: Default::default(),)* }
            }
        }
    };
}

/// Declares a resource: an element that also says its `resourceType`, refuses to be read from
/// another type, and carries what every resource may carry.
macro_rules! resource {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            required {}
            optional $optional:tt
        }
    ) => {
        crate::element::resource! {
            @all
            $(#[$about])*
            pub struct $name { required {} optional $optional }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (
        $(#[$about:meta])*
        pub struct $name:ident { required $required:tt optional $optional:tt }
    ) => {
        crate::element::resource! {
            @all
            $(#[$about])*
            pub struct $name { required $required optional $optional }
        }
    };
    (
        @all
        $(#[$about:meta])*
        pub struct $name:ident {
            required { $( $(#[$rof:meta])* $required:ident : $rty:ty, )* }
            optional { $( $(#[$of:meta])* $field:ident : $ty:ty, )* }
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            resource_type: crate::resources::tag::$name,
            /// The logical id at this server; absent before the resource is first stored.
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub id: Option<crate::primitives::Id>,
            /// Version, time of last change, profiles and labels.
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub meta: Option<crate::types::Meta>,
            /// The words a person would read.
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub text: Option<crate::types::Narrative>,
            /// Resources that live only inside this one, as they were written.
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub contained: Vec<crate::json::Json>,
            /// Extensions that may be ignored.
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub extension: Vec<crate::types::Extension>,
            /// Extensions that change the meaning and must be understood (R4 §2.4.1.1).
            #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
            pub modifier_extension: Vec<crate::types::Extension>,
            $(
                $(#[$rof])*
                pub $required: $rty,
            )*
            $(
                $(#[$of])*
                #[serde(default, skip_serializing_if = "crate::element::Absent::is_absent")]
                pub $field: $ty,
            )*
        }

        impl $name {
            /// Holds what FHIR R4 requires and nothing else.
            pub fn new($($required: $rty),*) -> Self {
                Self {
                    resource_type: crate::resources::tag::$name,
                    id: None,
                    meta: None,
                    text: None,
                    contained: Vec::new(),
                    extension: Vec::new(),
                    modifier_extension: Vec::new(),
                    $($required,)*
                    $($field: Default::default(),)*
                }
            }

            /// Reads the resource from JSON. Unknown members are ignored; call
            /// [`crate::json::check`] first on anything from outside.
            pub fn from_slice(json: &[u8]) -> Result<Self, crate::resources::ReadError> {
                serde_json::from_slice(json).map_err(|error| {
                    crate::resources::ReadError::new(crate::ResourceType::$name, json, &error)
                })
            }

            /// Writes the resource as compact JSON, `resourceType` first.
            pub fn to_json(&self) -> String {
                serde_json::to_string(self).expect("no member of a resource fails to be written")
            }
        }

        impl crate::resources::Resource for $name {
            const TYPE: crate::ResourceType = crate::ResourceType::$name;

            fn from_slice(json: &[u8]) -> Result<Self, crate::resources::ReadError> {
                Self::from_slice(json)
            }

            fn to_json(&self) -> String {
                self.to_json()
            }
        }
    };
}

/// Declares a closed list of codes that R4 binds as required: any other code is an error.
macro_rules! codes {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $( $(#[$of:meta])* $variant:ident = $code:literal, )+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[$of])* $variant, )+ }

        impl $name {
            /// Every code of the list, in the order of the standard.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as FHIR writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::primitives::UnknownCode;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(crate::primitives::UnknownCode::new(stringify!($name), code)),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                crate::primitives::parse_string(from, concat!("a code of ", stringify!($name)))
            }
        }
    };
}

pub(crate) use {codes, element, resource};
