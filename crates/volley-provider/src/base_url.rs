//! Where a provider is reached.
//!
//! Credentials, numbers and texts travel there, so it is `https://`; plain `http://` goes to this
//! machine only, where the simulator listens. Not here: resolving names, or telling whether a
//! host is up.

use std::net::{IpAddr, Ipv6Addr};

/// The checked start of every address of a provider, without a slash at its end:
/// `https://api.transmitsms.com`, `http://127.0.0.1:8080/gateway`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

/// Why a text is no address for a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlFault {
    /// Neither `https://` nor `http://`.
    #[error("base_url starts with neither https:// nor http://; write it like https://api.example.com")]
    Scheme,
    /// `http://` to another machine.
    #[error(
        "base_url is http:// to another machine, where everybody on the way could read it; \
         use https:// (http:// is for 127.0.0.1, [::1] and localhost)"
    )]
    PlainHttp,
    /// An address that is nobody's beyond one link, such as those at which clouds keep a machine's
    /// own credentials, or that is no machine's at all.
    #[error(
        "base_url is an address that no provider has: one of the local link, of a group, or none; \
         write the provider's own"
    )]
    NoProviders,
    /// A user or password before an `@`. It is not repeated, since it may be a secret.
    #[error("base_url holds a user or password; take out everything up to the @ and use [provider.auth]")]
    UserInfo,
    /// A `?`.
    #[error("base_url holds a query; take out the ? and what follows it")]
    Query,
    /// A `#`.
    #[error("base_url holds a fragment; take out the # and what follows it")]
    Fragment,
    /// No host, or one with signs that no host has.
    #[error("base_url has no valid host; write a name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// A port outside 1 to 65535.
    #[error("base_url has no valid port; write a number from 1 to 65535 after the colon")]
    Port,
    /// The path is not one.
    #[error("base_url: {0}")]
    Path(#[from] PathFault),
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Spaces, backslashes, `?`, `#`, letters beyond ASCII and the like.
    #[error("a path is made of ASCII letters, digits and / - . _ ~ : @ % and the like")]
    Characters,
    /// A segment that changes meaning on the way: empty, `.` or `..`.
    #[error("a path has no empty, . or .. part")]
    Segment,
}

impl BaseUrl {
    /// Reads an absolute address; slashes at its end are taken off.
    pub fn parse(text: &str) -> Result<Self, BaseUrlFault> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(BaseUrlFault::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(BaseUrlFault::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(BaseUrlFault::UserInfo);
        }
        if path.contains('?') {
            return Err(BaseUrlFault::Query);
        }
        if path.contains('#') {
            return Err(BaseUrlFault::Fragment);
        }
        let (host, port) = split_port(authority)?;
        let place = place_of(host)?;
        if place == Place::Nowhere {
            return Err(BaseUrlFault::NoProviders);
        }
        if !secure && place == Place::Elsewhere {
            return Err(BaseUrlFault::PlainHttp);
        }
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        let scheme = if secure { "https" } else { "http" };
        Ok(Self(format!("{scheme}://{}{port}{}", host.to_ascii_lowercase(), path_of(path)?)))
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` as the path of an address: with a slash in front and none at its end, or empty.
pub(crate) fn path_of(text: &str) -> Result<String, PathFault> {
    let path = text.trim_end_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~:@%!$&'()*+,;=".contains(&byte);
    if !path.bytes().all(allowed) {
        return Err(PathFault::Characters);
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(PathFault::Segment);
    }
    Ok(format!("/{path}"))
}

/// Host (IPv6 with its brackets) and port.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), BaseUrlFault> {
    let colon = authority.rfind(':').filter(|&colon| !authority[colon..].contains(']'));
    let Some(colon) = colon else { return Ok((authority, None)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|&port: &u16| digits && port > 0).ok_or(BaseUrlFault::Port)?;
    Ok((host, Some(port)))
}

#[derive(PartialEq, Eq)]
enum Place {
    ThisMachine,
    Elsewhere,
    /// Where no provider is.
    Nowhere,
}

fn place_of(host: &str) -> Result<Place, BaseUrlFault> {
    if let Some(rest) = host.strip_prefix('[') {
        let inside = rest.strip_suffix(']').ok_or(BaseUrlFault::Host)?;
        return Ok(place_of_address(IpAddr::V6(inside.parse().map_err(|_| BaseUrlFault::Host)?)));
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |part: &str| !part.is_empty() && part.bytes().all(allowed);
    if !name.split('.').all(label) {
        return Err(BaseUrlFault::Host);
    }
    // What ends in a number is an IPv4 address to whoever connects, also as one number, in hexadecimal
    // or with parts left out (WHATWG URL section 3.5, "ends in a number"); here only in full.
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits(&last) || last.strip_prefix("0x").is_some_and(hexadecimal) {
        return Ok(place_of_address(IpAddr::V4(host.parse().map_err(|_| BaseUrlFault::Host)?)));
    }
    Ok(if host.eq_ignore_ascii_case("localhost") { Place::ThisMachine } else { Place::Elsewhere })
}

/// Link-local addresses (RFC 3927, RFC 4291 section 2.5.6) hold the metadata service of clouds, which
/// has an address among the unique local ones too.
fn place_of_address(address: IpAddr) -> Place {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xFD00, 0x0EC2, 0, 0, 0, 0, 0, 0x254);
    let inner = match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    let is_local_link = match inner {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address == METADATA,
    };
    if is_local_link || inner.is_unspecified() || inner.is_multicast() {
        Place::Nowhere
    } else if address.is_loopback() {
        Place::ThisMachine
    } else {
        Place::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn https_goes_anywhere_and_http_stays_on_this_machine() {
        for (text, normal) in [
            ("https://api.transmitsms.com", "https://api.transmitsms.com"),
            ("https://api.transmitsms.com/", "https://api.transmitsms.com"),
            ("HTTPS://API.Example.com:8443//", "https://api.example.com:8443"),
            ("https://192.0.2.1/sms/v1/", "https://192.0.2.1/sms/v1"),
            ("https://[2001:db8::1]:444", "https://[2001:db8::1]:444"),
            ("https://sms_gw.example.", "https://sms_gw.example."),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.9.8.7/x", "http://127.9.8.7/x"),
            ("http://[::1]:80/", "http://[::1]:80"),
            ("http://LocalHost", "http://localhost"),
            ("  https://api.example.com\n", "https://api.example.com"),
        ] {
            assert_eq!(BaseUrl::parse(text).as_ref().map(BaseUrl::as_str), Ok(normal), "{text}");
        }
    }

    #[test]
    fn what_could_leak_or_mislead_is_refused_with_its_reason() {
        use BaseUrlFault as F;
        for (text, fault) in [
            ("", F::Scheme),
            ("api.transmitsms.com", F::Scheme),
            ("ftp://127.0.0.1", F::Scheme),
            ("https:/api.example.com", F::Scheme),
            ("http://api.transmitsms.com", F::PlainHttp),
            ("http://127.0.0.1.example.com", F::PlainHttp),
            ("http://localhost.example.com", F::PlainHttp),
            ("http://localhost.", F::PlainHttp),
            ("http://128.0.0.1", F::PlainHttp),
            ("http://127.1", F::Host),
            ("https://2852039166", F::Host),
            ("https://0xA9FEA9FE", F::Host),
            ("https://169.254.43518", F::Host),
            ("https://169.254.169.0xfe", F::Host),
            ("https://169.254.169.254.", F::Host),
            ("https://example.1", F::Host),
            ("http://[::2]", F::PlainHttp),
            ("http://[::ffff:127.0.0.1]", F::PlainHttp),
            ("http://127.0.0.1@example.com", F::UserInfo),
            ("https://key:secret@example.com", F::UserInfo),
            ("https://example.com?key=1", F::Query),
            ("https://example.com/?key=1", F::Query),
            ("https://example.com#top", F::Fragment),
            ("https://example.com/a#top", F::Fragment),
            ("https://", F::Host),
            ("https:///path", F::Host),
            ("https://exa mple.com", F::Host),
            ("https://exa%6Dple.com", F::Host),
            ("https://bücher.example", F::Host),
            ("https://a..b", F::Host),
            ("https://[::1", F::Host),
            ("https://[example]", F::Host),
            ("https://[::1]x", F::Host),
            ("https://::1", F::Host),
            ("https://example.com:", F::Port),
            ("https://example.com:0", F::Port),
            ("https://example.com:65536", F::Port),
            ("https://example.com:+80", F::Port),
            ("http://127.0.0.1\\@example.com", F::Path(PathFault::Characters)),
            ("https://example.com/a b", F::Path(PathFault::Characters)),
            ("https://example.com/é", F::Path(PathFault::Characters)),
            ("https://example.com/a//b", F::Path(PathFault::Segment)),
            ("https://example.com/a/../b", F::Path(PathFault::Segment)),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn no_address_of_the_local_link_and_none_that_is_nobodys_is_a_provider() {
        for host in [
            "169.254.169.254",
            "169.254.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "224.0.0.1",
            "[fe80::1]",
            "[febf::1]",
            "[fd00:ec2::254]",
            "[::]",
            "[ff02::1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0.0.0.0]",
        ] {
            for scheme in ["http", "https"] {
                let text = format!("{scheme}://{host}:8443/latest");
                assert_eq!(BaseUrl::parse(&text), Err(BaseUrlFault::NoProviders), "{text}");
            }
        }
    }

    #[test]
    fn a_refused_address_is_not_repeated_in_the_message() {
        let fault = BaseUrl::parse("https://sim-key:sim-secret@example.com").expect_err("holds a password");
        assert!(!fault.to_string().contains("sim-"), "{fault}");
    }

    proptest! {
        #[test]
        fn an_accepted_address_reads_back_as_itself(text in "(https?|HTTP)://[a-z0-9.:@\\[\\]/?#\\\\ -]{0,30}") {
            if let Ok(url) = BaseUrl::parse(&text) {
                let (_, rest) = url.as_str().split_once("://").expect("a scheme");
                prop_assert!(!rest.ends_with('/') && !rest.contains(['?', '#', ' ', '\\']), "{}", url.as_str());
                prop_assert!(!rest.split('/').next().expect("a host").contains('@'), "{}", url.as_str());
                prop_assert_eq!(BaseUrl::parse(url.as_str()), Ok(url));
            }
        }
    }
}
