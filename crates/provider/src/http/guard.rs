//! The addresses that users may make Trunkline call. A name is judged by the address that it resolves to at the moment
//! of connecting, and the connection goes to exactly that address: there is no second lookup that could answer
//! differently.

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The rules, and the declared exceptions.
pub(super) struct Guard {
    private_hosts: BTreeSet<String>,
}

impl Guard {
    pub(super) fn new(private_hosts: &[String]) -> Self {
        Self { private_hosts: private_hosts.iter().map(|host| plain(host)).collect() }
    }

    /// Checks the address before anything is sent. Host names are checked later, by [`GuardedResolver`]; an IP address
    /// in the URL never reaches a resolver.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused);
        }
        let public = match url.host() {
            Some(Host::Ipv4(ip)) => is_public(ip.into()),
            Some(Host::Ipv6(ip)) => is_public(ip.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if public || url.host_str().is_some_and(|host| self.is_declared(host)) { Ok(()) } else { Err(Refused) }
    }

    fn is_declared(&self, host: &str) -> bool {
        self.private_hosts.contains(&plain(host))
    }
}

/// Normalises host names for comparison: `Internal.Example.`, `[::1]`.
fn plain(host: &str) -> String {
    host.trim().trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase()
}

/// The address leads into a network that is not public.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is not a public one")
    }
}

impl StdError for Refused {}

/// Resolves names to public addresses only.
pub(super) struct GuardedResolver(pub(super) Arc<Guard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let declared = self.0.is_declared(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|address| declared || is_public(address.ip())).collect();
            if good.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// Returns whether an address is public, so that a user could reach it without us.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The special ranges of IPv4, by first address and length of prefix.
const SPECIAL_V4: [(Ipv4Addr, u32, &str); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "between a provider and its customers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local: the metadata services of clouds"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relays, withdrawn"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved, broadcast"),
];

/// The special ranges of 2000::/3, outside of which no IPv6 address is public.
const SPECIAL_V6: [(Ipv6Addr, u32, &str); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "Teredo and other protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4: an IPv4 address in disguise"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation"),
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let is_in = |(first, prefix, _): &(Ipv4Addr, u32, _)| (ip.to_bits() ^ first.to_bits()) >> (32 - prefix) == 0;
    !SPECIAL_V4.iter().any(is_in)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = ip.segments() {
        // NAT64: in an IPv6-only network, every IPv4 host of the internet has such an address.
        return is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    }
    // Outside of 2000::/3 are ::, ::1, mapped IPv4, fc00::/7, fe80::/10 and ff00::/8.
    let is_in = |(first, prefix, _): &(Ipv6Addr, u32, _)| (ip.to_bits() ^ first.to_bits()) >> (128 - prefix) == 0;
    ip.segments()[0] >> 13 == 1 && !SPECIAL_V6.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(host: &str) -> bool {
        Guard::new(&[]).check(&Url::parse(&format!("https://{host}/hook")).unwrap()).is_err()
    }

    #[test]
    fn special_ipv4_addresses_are_refused_from_their_first_to_their_last() {
        for range in [
            ["0.0.0.0", "0.255.255.255"],
            ["10.0.0.0", "10.255.255.255"],
            ["100.64.0.0", "100.127.255.255"],
            ["127.0.0.1", "127.255.255.255"],
            ["169.254.0.0", "169.254.169.254"],
            ["172.16.0.0", "172.31.255.255"],
            ["192.0.0.0", "192.0.0.255"],
            ["192.0.2.0", "192.0.2.255"],
            ["192.88.99.0", "192.88.99.255"],
            ["192.168.0.0", "192.168.255.255"],
            ["198.18.0.0", "198.19.255.255"],
            ["198.51.100.0", "198.51.100.255"],
            ["203.0.113.0", "203.0.113.255"],
            ["224.0.0.0", "239.255.255.255"],
            ["240.0.0.0", "255.255.255.255"],
        ] {
            for host in range {
                assert!(refuses(host), "{host}");
            }
        }
    }

    #[test]
    fn special_ipv6_addresses_are_refused() {
        for host in [
            "[::]",
            "[::1]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            assert!(refuses(host), "{host}");
        }
    }

    #[test]
    fn addresses_in_disguise_are_refused() {
        for host in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1."] {
            assert!(refuses(host), "{host}");
        }
        let other_scheme = Url::parse("ftp://example.com/").unwrap();
        assert!(Guard::new(&[]).check(&other_scheme).is_err());
    }

    #[test]
    fn public_addresses_and_names_pass() {
        for host in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "[2606:4700::1111]",
            "[2001:4860:4860::8888]",
            "[64:ff9b::808:808]",
            "hooks.example.com",
        ] {
            assert!(!refuses(host), "{host}");
        }
    }

    #[test]
    fn declared_private_hosts_pass_by_exact_name_only() {
        let guard = Guard::new(&["10.0.0.7".into(), "[::1]".into(), "Crm.Internal.".into()]);
        for (host, passes) in [("10.0.0.7", true), ("[::1]", true), ("10.0.0.8", false)] {
            assert_eq!(guard.check(&Url::parse(&format!("http://{host}/")).unwrap()).is_ok(), passes, "{host}");
        }
        assert!(guard.is_declared("crm.internal") && !guard.is_declared("x.crm.internal"));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_does_not_resolve() {
        for (declared, resolves) in [(vec![], false), (vec!["localhost".to_owned()], true)] {
            let resolver = GuardedResolver(Arc::new(Guard::new(&declared)));
            assert_eq!(resolver.resolve("localhost".parse().unwrap()).await.is_ok(), resolves);
        }
    }
}
