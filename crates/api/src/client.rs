//! The systems that may call: each with a bearer token and the roles that it has.

use std::fmt;
use std::str::FromStr;

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
    /// See cases and settle them.
    Cases,
    /// Act on parked messages again.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] =
        [Role::Cabinet, Role::Bedside, Role::FhirRead, Role::Cases, Role::Admin];

    /// The role as the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Cabinet => "cabinet",
            Role::Bedside => "bedside",
            Role::FhirRead => "fhir-read",
            Role::Cases => "cases",
            Role::Admin => "admin",
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
}

impl Client {
    /// Whether it has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
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
    /// There are more than 256.
    #[error("there are more than {MAX_CLIENTS} clients")]
    TooMany,
}

/// All systems that may call.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<Client>);

impl Clients {
    /// Checks the names, and that no two clients share a name or a token.
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
        }
        Ok(Clients(clients))
    }

    /// The client whose token this is. It takes as long for a wrong token as for a right one:
    /// hashes are compared, in constant time, and always all of them.
    pub(crate) fn find(&self, token: &str) -> Option<&Client> {
        let asked = TokenHash::of(token);
        let mut found = u64::MAX;
        for (at, client) in self.0.iter().enumerate() {
            let same: Choice = client.token_sha256.0.ct_eq(&asked.0);
            found.conditional_assign(&u64::try_from(at).unwrap_or(u64::MAX), same);
        }
        usize::try_from(found).ok().and_then(|at| self.0.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str, token: &str) -> Client {
        let roles = vec![Role::Cabinet];
        Client { name: name.to_owned(), token_sha256: TokenHash::of(token), roles }
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
        let wrong = json.replace("roles", "role");
        assert!(serde_json::from_str::<Client>(&wrong).is_err());
        for role in Role::ALL {
            let read: Role = serde_json::from_str(&format!("{:?}", role.as_str())).unwrap();
            assert_eq!(read, role);
        }
    }
}
