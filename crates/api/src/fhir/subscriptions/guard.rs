//! Where notifications may go: to the endpoints of the configuration and to nothing else.
//!
//! A client names the address that the node is to call, so that without a guard it could have the
//! node call what only the node can reach. The configuration lists scheme, host and port; the
//! addresses to which the host's name leads are looked at each time before the node connects, and
//! it connects to exactly what was looked at. Redirects are not followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use serde::Deserialize;

/// The most endpoints of a configuration.
const MAX_ALLOWED: usize = 256;
/// The longest address of an endpoint, in bytes.
pub(crate) const MAX_ENDPOINT_BYTES: usize = 2048;

/// An endpoint that may be called, as the configuration writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowEntry {
    /// Scheme, host and port: `https://receiver.example`, `http://10.1.2.3:8080`. Any path there
    /// may be called.
    pub url: String,
    /// Addresses and networks of the node's own world to which the host's name may lead, as
    /// `10.20.0.0/16`. Without any, a name has to lead to an address of the open internet; a host
    /// that is an address is listed by itself.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// Why an entry of the list cannot be used. Its words have a remedy after the semicolon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// The address is none.
    #[error(
        "`{0}` is no endpoint; write scheme, host and port alone, as \"https://receiver.example\""
    )]
    Url(String),
    /// A network is none.
    #[error(
        "`{0}` is no network; write an address with the length of its prefix, as \"10.20.0.0/16\""
    )]
    Network(String),
    /// There are too many.
    #[error("there are more than {MAX_ALLOWED} endpoints; list those that are in use")]
    TooMany,
}

/// An endpoint as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) is_https: bool,
    /// In small letters, without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
}

impl Endpoint {
    /// Reads an address. Names and passwords in it, and what stands after `#`, are refused.
    pub(crate) fn read(url: &str) -> Option<Self> {
        if url.len() > MAX_ENDPOINT_BYTES || url.contains(['#', '@', '\\']) {
            return None;
        }
        let uri: Uri = url.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(plain) {
            return None;
        }
        let written = uri.authority()?.as_str().rsplit_once(':').map(|(_, port)| port);
        let port = match uri.port_u16() {
            Some(0) => return None,
            Some(port) => port,
            // A colon with nothing after it, or with no number.
            None if written.is_some_and(|port| !port.ends_with(']')) => return None,
            None if is_https => 443,
            None => 80,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        Some(Endpoint { is_https, host: host.trim_end_matches('.').to_lowercase(), port, path })
    }

    /// The host and the port as the header Host writes them.
    pub(crate) fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// A network: an address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    mask: u128,
    is_v4: bool,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, is_v4) = bits(address);
        let most = if is_v4 { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        if prefix > most {
            return None;
        }
        let free = most - prefix;
        let mask = if free == 128 { 0 } else { u128::MAX << free };
        Some(Network { bits: bits & mask, mask, is_v4 })
    }

    fn has(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && bits & self.mask == self.bits
    }
}

/// The bits of an address; one of IPv4 that is written as one of IPv6 is what it is.
fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

#[derive(Debug, Clone)]
struct Allowed {
    is_https: bool,
    host: String,
    port: u16,
    networks: Vec<Network>,
}

/// The endpoints that may be called. There are none unless the configuration says so.
#[derive(Debug, Clone, Default)]
pub struct AllowList(Vec<Allowed>);

impl AllowList {
    /// Reads the entries; the first mistake ends it, with the number of its entry.
    pub fn read(entries: &[AllowEntry]) -> Result<Self, (usize, AllowError)> {
        if entries.len() > MAX_ALLOWED {
            return Err((MAX_ALLOWED, AllowError::TooMany));
        }
        let read = |(n, entry): (usize, &AllowEntry)| {
            let wrong = || (n, AllowError::Url(entry.url.clone()));
            let endpoint = Endpoint::read(&entry.url).filter(|read| read.path == "/");
            let Endpoint { is_https, host, port, .. } = endpoint.ok_or_else(wrong)?;
            let network = |text: &String| {
                Network::read(text).ok_or_else(|| (n, AllowError::Network(text.clone())))
            };
            let networks = entry.networks.iter().map(network).collect::<Result<_, _>>()?;
            Ok(Allowed { is_https, host, port, networks })
        };
        Ok(AllowList(entries.iter().enumerate().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether an endpoint may be called at all.
    pub(crate) fn allows(&self, endpoint: &Endpoint) -> bool {
        self.entries(endpoint).next().is_some()
    }

    /// Whether it may be called at the address to which its name leads.
    pub(crate) fn allows_at(&self, endpoint: &Endpoint, address: IpAddr) -> bool {
        let by_itself =
            endpoint.host.parse::<IpAddr>().is_ok_and(|host| bits(host) == bits(address));
        self.entries(endpoint).any(|entry| {
            let listed = entry.networks.iter().any(|network| network.has(address));
            by_itself || listed || (entry.networks.is_empty() && is_open(address))
        })
    }

    fn entries<'a>(&'a self, endpoint: &'a Endpoint) -> impl Iterator<Item = &'a Allowed> {
        self.0.iter().filter(move |entry| {
            entry.is_https == endpoint.is_https
                && entry.host == endpoint.host
                && entry.port == endpoint.port
        })
    }
}

/// Whether an address is of the open internet: not of the node itself, of its own networks, of
/// the link, nor one that stands for another or for many (the registries of special-purpose
/// addresses, RFC 6890).
fn is_open(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_open_v4(v4),
        IpAddr::V6(v6) => is_open_v6(v6),
    }
}

fn is_open_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        // This network, carriers' own, protocol assignments, benchmarks, reserved, broadcast.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !special
}

fn is_open_v6(v6: Ipv6Addr) -> bool {
    let parts = v6.segments();
    // Only 2000::/3 is given out. What carries an address of IPv4 within is as good as that one.
    let embedded = match parts[0] {
        0x2002 => Some((parts[1], parts[2])),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        return is_open_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    let given_out = parts[0] & 0xE000 == 0x2000;
    let special = parts[0] == 0x2001 && (parts[1] < 0x0200 || parts[1] == 0x0DB8);
    given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, &[&str])]) -> AllowList {
        let entry = |(url, networks): &(&str, &[&str])| AllowEntry {
            url: (*url).to_owned(),
            networks: networks.iter().map(|&network| network.to_owned()).collect(),
        };
        AllowList::read(&entries.iter().map(entry).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_endpoint_is_read_exactly() {
        let check = |url: &str, expected: Option<(bool, &str, u16, &str)>| {
            let found = Endpoint::read(url);
            let found =
                found.as_ref().map(|e| (e.is_https, e.host.as_str(), e.port, e.path.as_str()));
            assert_eq!(found, expected, "{url}");
        };
        check("https://A.Example/in?x=1", Some((true, "a.example", 443, "/in?x=1")));
        check("http://a.example:8080", Some((false, "a.example", 8080, "/")));
        check("https://a.example./", Some((true, "a.example", 443, "/")));
        check("https://[fd00::1]:8443/x", Some((true, "fd00::1", 8443, "/x")));
        for wrong in [
            "",
            "a.example",
            "/in",
            "ftp://a.example",
            "https://",
            "https://u:p@a.example/",
            "https://a.example/#x",
            "https://a.example:0/",
            "https://a.example:99999/",
            "https://a.example:/",
            "file:///etc/passwd",
            "https://a example/",
            "https://a\\b/",
            "gopher://127.0.0.1:70/",
            "https://[fe80::1%25eth0]/",
        ] {
            check(wrong, None);
        }
        check(&format!("https://a.example/{}", "x".repeat(MAX_ENDPOINT_BYTES)), None);
    }

    #[test]
    fn only_what_is_listed_may_be_called() {
        let list = list(&[("https://a.example", &[]), ("http://10.1.2.3:8080", &[])]);
        let check = |url: &str, expected: bool| {
            assert_eq!(list.allows(&Endpoint::read(url).unwrap()), expected, "{url}");
        };
        check("https://a.example/any/path?x", true);
        check("https://A.EXAMPLE:443/", true);
        check("http://a.example/", false);
        check("https://a.example:8443/", false);
        check("https://b.example/", false);
        check("https://a.example.evil/", false);
        check("https://sub.a.example/", false);
        check("http://10.1.2.3:8080/x", true);
        check("http://10.1.2.3/x", false);
        check("http://127.0.0.1:8080/", false);
        assert!(!AllowList::default().allows(&Endpoint::read("https://a.example/").unwrap()));
    }

    #[test]
    fn a_name_leads_nowhere_but_where_it_may() {
        let list = list(&[
            ("https://open.example", &[]),
            ("https://own.example", &["10.20.0.0/16", "fd00:1::/32"]),
            ("http://127.0.0.1:9000", &[]),
        ]);
        let check = |url: &str, address: &str, expected: bool| {
            let endpoint = Endpoint::read(url).unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(list.allows_at(&endpoint, address), expected, "{url} {address}");
        };
        let open = "https://open.example/";
        check(open, "8.8.8.8", true);
        check(open, "2a00:1450::1", true);
        for own in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            check(open, own, false);
        }
        let own = "https://own.example/";
        check(own, "10.20.255.1", true);
        check(own, "::ffff:10.20.0.1", true);
        check(own, "10.21.0.1", false);
        check(own, "fd00:1::7", true);
        check(own, "fd00:2::7", false);
        check(own, "8.8.8.8", false);
        check("http://127.0.0.1:9000/", "127.0.0.1", true);
        check("http://127.0.0.1:9000/", "127.0.0.2", false);
        check("https://other.example/", "8.8.8.8", false);
    }

    #[test]
    fn a_list_says_what_is_wrong_with_it() {
        let check = |url: &str, network: Option<&str>, expected: AllowError| {
            let networks = network.into_iter().map(str::to_owned).collect();
            let entries = [AllowEntry { url: url.to_owned(), networks }];
            assert_eq!(AllowList::read(&entries).unwrap_err(), (0, expected));
        };
        let url = |url: &str| check(url, None, AllowError::Url(url.to_owned()));
        url("a.example");
        url("https://a.example/path");
        url("https://*.example");
        for wrong in ["10.0.0.0/33", "10.0.0", "x/8", "10.0.0.0/", "fd00::/129"] {
            check("https://a.example", Some(wrong), AllowError::Network(wrong.to_owned()));
        }
    }
}
