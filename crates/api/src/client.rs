//! The systems that may call: each with a bearer token and the roles that it has.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The most characters in a client's name.
const MAX_NAME_CHARS: usize = 64;
/// The most clients of one node; each request compares its token with all of them.
const MAX_CLIENTS: usize = 256;

/// What a client may do. A client has any number of roles; no role includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ask for removals and tell how they ended.
    Cabinet,
    /// Tell what was given to patients.
    Bedside,
    /// Read and search FHIR resources.
    FhirRead,
    /// Create, change and delete FHIR resources.
    FhirWrite,
    /// Export FHIR resources in bulk; the client needs `fhir-read` beside it.
    FhirExport,
    /// Prescribe: the inpatient orders that it writes as FHIR are in force, and nobody else
    /// changes them; the client needs `fhir-write` beside it.
    Prescriber,
    /// See where stock is; move, count and recall it.
    Stock,
    /// See the registers of controlled drugs, and enter in them what no cabinet tells.
    ControlledDrugs,
    /// Sign as the second person for an act with controlled drugs.
    Witness,
    /// See cases and settle them.
    Cases,
    /// See the orders that wait for a pharmacist, and tell a pharmacist's word.
    Verification,
    /// See who looked at patient data, and who was refused; no patient data beside it.
    Audit,
    /// Find messages and read them, with all that they hold.
    Messages,
    /// Act on parked messages again, mended or not, and send messages again.
    Admin,
    /// Read the node's figures, which tell of no patient.
    Metrics,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 15] = [
        Role::Cabinet,
        Role::Bedside,
        Role::FhirRead,
        Role::FhirWrite,
        Role::FhirExport,
        Role::Prescriber,
        Role::Stock,
        Role::ControlledDrugs,
        Role::Witness,
        Role::Cases,
        Role::Verification,
        Role::Audit,
        Role::Messages,
        Role::Admin,
        Role::Metrics,
    ];

    /// The role as the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Cabinet => "cabinet",
            Role::Bedside => "bedside",
            Role::FhirRead => "fhir-read",
            Role::FhirWrite => "fhir-write",
            Role::FhirExport => "fhir-export",
            Role::Prescriber => "prescriber",
            Role::Stock => "stock",
            Role::ControlledDrugs => "controlled-drugs",
            Role::Witness => "witness",
            Role::Cases => "cases",
            Role::Verification => "verification",
            Role::Audit => "audit",
            Role::Messages => "messages",
            Role::Admin => "admin",
            Role::Metrics => "metrics",
        }
    }
}

/// The SHA-256 of a bearer token. Tokens themselves are kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// The text is not the SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's SHA-256 is 64 hexadecimal digits")]
pub struct TokenHashError;

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        TokenHash(Sha256::digest(token.as_bytes()).into())
    }
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(TokenHashError);
        }
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| TokenHashError)?;
        }
        Ok(TokenHash(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What becomes of what a client writes and is not valid FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validation {
    /// It is not looked at.
    #[default]
    Off,
    /// It is stored with a tag, and a case opens.
    Warn,
    /// It is refused.
    Strict,
}

/// A system that may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name: 1 to 64 letters, digits, `.`, `-` and `_`. The journal says who asked by it, and
    /// its idempotency keys are its own, so it stays the same when the token changes.
    pub name: String,
    /// The SHA-256 of its token, 64 hexadecimal digits.
    pub token_sha256: TokenHash,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The cabinets for which it may ask and tell: `system/station`, or `system/*` for all of a
    /// system. Where it is empty, all cabinets are the client's.
    #[serde(default)]
    pub cabinets: Vec<String>,
    /// What becomes of resources that it writes and that are not valid.
    #[serde(default)]
    pub validation: Validation,
    /// The staff number of the one person to whom it belongs: it signs as a witness for nobody
    /// else. Without one it signs in several, as a cabinet or a tablet does.
    #[serde(default)]
    pub person: Option<String>,
    /// What it may export in bulk, beside that it needs the role for it.
    #[serde(default)]
    pub export: Export,
}

/// What a client may export in bulk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The types, by their names; all where it is empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// The ids of the Groups; where there are any, nothing but these: not all patients, and not
    /// everything.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Client {
    /// Whether the cabinet, `system/station`, is one of its own.
    pub fn is_for(&self, cabinet: &str) -> bool {
        self.cabinets.is_empty() || self.cabinets.iter().any(|own| covers(own, cabinet))
    }

    /// Whether it may export this Group, or everybody. Who is for some cabinets alone is not for
    /// everybody.
    pub fn exports(&self, group: Option<&str>) -> bool {
        let groups = &self.export.groups;
        match group {
            Some(group) if !groups.is_empty() => groups.iter().any(|own| own == group),
            Some(_) | None => groups.is_empty() && self.cabinets.is_empty(),
        }
    }

    /// Whether it has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Whether `own`, a cabinet or all those of a system (`system/*`), has the cabinet in it.
pub fn covers(own: &str, cabinet: &str) -> bool {
    match own.strip_suffix('*').filter(|system| system.ends_with('/')) {
        Some(system) => cabinet.strip_prefix(system).is_some_and(|station| !station.is_empty()),
        None => own == cabinet,
    }
}

/// Whether this is `system/station` or `system/*`.
fn is_cabinets(own: &str) -> bool {
    let parts = own.split_once('/');
    parts.is_some_and(|(system, station)| {
        let named = |part: &str| !part.is_empty() && !part.contains('*');
        named(system) && (station == "*" || named(station))
    })
}

/// Why a list of clients cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The name is empty, too long, or has other characters.
    #[error("client {0:?}: a name has 1 to 64 letters, digits, \".\", \"-\" and \"_\"")]
    Name(String),
    /// Two clients have one name.
    #[error("client {0:?} is there twice; give each client a name of its own")]
    SameName(String),
    /// Two clients have one token, so that nobody could tell them apart.
    #[error("client {0:?} has the token of another one; give each client a token of its own")]
    SameToken(String),
    /// One of its cabinets is not written as one.
    #[error("client {0:?}: {1:?} is no cabinet; write \"system/station\" or \"system/*\"")]
    Cabinet(String, String),
    /// There are more than 256.
    #[error("there are more than {MAX_CLIENTS} clients")]
    TooMany,
}

/// All systems that may call.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<Arc<Client>>);

impl Clients {
    /// Checks the names and the cabinets, and that no two clients share a name or a token.
    pub fn new(clients: Vec<Client>) -> Result<Self, ClientError> {
        if clients.len() > MAX_CLIENTS {
            return Err(ClientError::TooMany);
        }
        for (at, client) in clients.iter().enumerate() {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            let fits = (1..=MAX_NAME_CHARS).contains(&client.name.len());
            if !fits || !client.name.chars().all(allowed) {
                return Err(ClientError::Name(client.name.clone()));
            }
            if clients[..at].iter().any(|other| other.name == client.name) {
                return Err(ClientError::SameName(client.name.clone()));
            }
            if clients[..at].iter().any(|other| other.token_sha256 == client.token_sha256) {
                return Err(ClientError::SameToken(client.name.clone()));
            }
            if let Some(wrong) = client.cabinets.iter().find(|own| !is_cabinets(own)) {
                return Err(ClientError::Cabinet(client.name.clone(), wrong.clone()));
            }
        }
        Ok(Clients(clients.into_iter().map(Arc::new).collect()))
    }

    /// The client whose token this is. It takes as long for a wrong token as for a right one:
    /// hashes are compared, in constant time, and always all of them.
    pub(crate) fn find(&self, token: &str) -> Option<&Arc<Client>> {
        let asked = TokenHash::of(token);
        let mut found = u64::MAX;
        for (at, client) in self.0.iter().enumerate() {
            let same: Choice = client.token_sha256.0.ct_eq(&asked.0);
            found.conditional_assign(&u64::try_from(at).unwrap_or(u64::MAX), same);
        }
        usize::try_from(found).ok().and_then(|at| self.0.get(at))
    }
}

/// The clients of a node that serves: they can be replaced at any time. A clone is another handle.
#[derive(Debug, Clone, Default)]
pub struct Roster(Arc<RwLock<Clients>>);

impl Roster {
    /// A roster of these clients.
    pub(crate) fn new(clients: Clients) -> Self {
        Roster(Arc::new(RwLock::new(clients)))
    }

    /// Knows these clients from now on, and no others.
    pub fn replace(&self, clients: Clients) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = clients;
    }

    /// The client whose token this is.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Client>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).find(token).cloned()
    }

    /// The client of that name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Client>> {
        let clients = self.0.read().unwrap_or_else(PoisonError::into_inner);
        clients.0.iter().find(|client| client.name == name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str, token: &str) -> Client {
        let roles = vec![Role::Cabinet];
        let token_sha256 = TokenHash::of(token);
        let name = name.to_owned();
        Client {
            name,
            token_sha256,
            roles,
            cabinets: vec![],
            validation: Validation::Off,
            person: None,
            export: Export::default(),
        }
    }

    fn client_of(cabinets: &[&str]) -> Client {
        let cabinets = cabinets.iter().map(|&own| own.to_owned()).collect();
        Client { cabinets, ..client("a", "a") }
    }

    #[test]
    fn a_client_is_for_its_own_cabinets_alone() {
        let check = |own: &[&str], cabinet: &str, expected| {
            assert_eq!(client_of(own).is_for(cabinet), expected, "{own:?} {cabinet}");
        };
        check(&[], "ASK/WARDC1", true);
        check(&["ASK/WARDC1"], "ASK/WARDC1", true);
        check(&["ASK/WARDC1"], "ASK/WARDC2", false);
        check(&["ASK/WARDC1"], "ASK/WARDC11", false);
        check(&["ASK/WARDC1"], "ask/WARDC1", false);
        check(&["ASK/A", "ASK/B"], "ASK/B", true);
        check(&["ASK/*"], "ASK/WARDC2", true);
        check(&["ASK/*"], "ASK/", false);
        check(&["ASK/*"], "ASK2/WARDC2", false);
        check(&["ASK/*"], "ASK", false);
        check(&["ASK/*"], "X/ASK/WARDC2", false);
    }

    #[test]
    fn cabinets_have_a_system_and_a_station() {
        let check = |own: &str, right: bool| {
            let checked = Clients::new(vec![client_of(&["ASK/A", own])]);
            let wrong = || ClientError::Cabinet("a".to_owned(), own.to_owned());
            assert_eq!(checked.err(), (!right).then(wrong), "{own}");
        };
        check("ASK/WARDC1", true);
        check("ASK/*", true);
        for wrong in ["", "*", "ASK", "ASK/", "/A", "/*", "*/*", "*/A", "ASK/WARD*"] {
            check(wrong, false);
        }
    }

    #[track_caller]
    fn check(clients: &[(&str, &str)], expected: Option<&ClientError>) {
        let clients = clients.iter().map(|(name, token)| client(name, token)).collect();
        assert_eq!(Clients::new(clients).err().as_ref(), expected);
    }

    #[test]
    fn names_and_tokens_are_each_clients_own() {
        check(&[("ask.1", "a"), ("ask-2_b", "b")], None);
        check(&[("", "a")], Some(&ClientError::Name(String::new())));
        check(&[("a|b", "a")], Some(&ClientError::Name("a|b".to_owned())));
        let long = "x".repeat(65);
        check(&[(&long, "a")], Some(&ClientError::Name(long.clone())));
        check(&[("a", "a"), ("a", "b")], Some(&ClientError::SameName("a".to_owned())));
        check(&[("a", "a"), ("b", "a")], Some(&ClientError::SameToken("b".to_owned())));
        let many: Vec<_> = (0..=MAX_CLIENTS).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(|n| (n.as_str(), n.as_str())).collect();
        check(&many, Some(&ClientError::TooMany));
    }

    #[test]
    fn a_token_finds_its_client_alone() {
        let clients = Clients::new(vec![client("a", "one"), client("b", "two")]).unwrap();
        let find = |token: &str| clients.find(token).map(|client| client.name.as_str());
        assert_eq!((find("one"), find("two")), (Some("a"), Some("b")));
        assert_eq!((find(""), find("One"), find("three")), (None, None, None));
        assert!(Clients::default().find("one").is_none());
    }

    #[test]
    fn a_hash_is_written_as_it_is_read() {
        let hash = TokenHash::of("secret");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)] {
            assert_eq!(bad.parse::<TokenHash>(), Err(TokenHashError), "{bad}");
        }
    }

    #[test]
    fn the_configuration_is_read_strictly() {
        let hash = TokenHash::of("t");
        let json = format!(r#"{{"name":"a","token_sha256":"{hash}","roles":["fhir-read"]}}"#);
        let client: Client = serde_json::from_str(&json).unwrap();
        assert!(client.has(Role::FhirRead) && !client.has(Role::Admin));
        assert!(client.cabinets.is_empty(), "all, where nothing is said");
        let wrong = json.replace("roles", "role");
        assert!(serde_json::from_str::<Client>(&wrong).is_err());
        for role in Role::ALL {
            let read: Role = serde_json::from_str(&format!("{:?}", role.as_str())).unwrap();
            assert_eq!(read, role);
        }
    }
}
