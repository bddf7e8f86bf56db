//! Which addresses a short link may lead to.

use std::net::IpAddr;

use url::{Host, Url};

/// The longest address, in characters.
const LONGEST: usize = 2_048;

/// Says what is wrong with an address that a link shall lead to; `None` if nothing is. `authority` is host and port
/// under which the shortener itself is reached.
///
/// The address is looked at, never rewritten: a link leads to it letter for letter. So whatever a browser would drop or
/// change before following it, such as line breaks and blanks, is refused here.
pub(crate) fn objection(address: &str, authority: &str) -> Option<&'static str> {
    if address.is_empty() {
        return Some("is required");
    }
    if address.chars().count() > LONGEST {
        return Some("has more than 2,048 characters");
    }
    if address.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Some("may not have blanks, line breaks or backslashes; write a blank as %20");
    }
    let after_scheme = ["http://", "https://"].iter().find_map(|scheme| {
        let start = address.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| address.get(scheme.len()..))?
    });
    // `https:///host` and `http:host` are mended by browsers, each in its own way.
    if after_scheme.is_none_or(|rest| rest.starts_with('/')) {
        return Some("must begin with http:// or https:// and a host");
    }
    let Ok(url) = Url::parse(address) else { return Some("is not a valid address") };
    if !url.username().is_empty() || url.password().is_some() || after_scheme.is_some_and(has_credentials) {
        return Some("may not hold a user name or password");
    }
    if leads_back(&url, authority) {
        return Some("leads back to this site; give the address that the link shall lead to");
    }
    None
}

/// Whether the part before the path has an `@`, even one with nothing before it.
fn has_credentials(after_scheme: &str) -> bool {
    after_scheme.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn leads_back(url: &Url, authority: &str) -> bool {
    // Parsed by the same rules, so that capitals, other spellings of an IP address and international names agree.
    let Ok(here) = Url::parse(&format!("{}://{authority}", url.scheme())) else { return false };
    let (Some(there), Some(here_host)) = (url.host(), here.host()) else { return false };
    let same_port = url.port() == here.port();
    same_port && (same_host(&there, &here_host) || is_loopback(&there) && is_loopback(&here_host))
}

fn same_host(a: &Host<&str>, b: &Host<&str>) -> bool {
    match (a, b) {
        (Host::Domain(a), Host::Domain(b)) => a.trim_end_matches('.') == b.trim_end_matches('.'),
        _ => a == b,
    }
}

/// Whether the host is this machine under one of its names for itself; 0.0.0.0 is, on many systems.
fn is_loopback(host: &Host<&str>) -> bool {
    let ip = match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            return name == "localhost" || name.ends_with(".localhost");
        }
        Host::Ipv4(ip) => IpAddr::V4(*ip),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical(),
    };
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "sho.rt";

    #[test]
    fn addresses_of_the_web_are_taken() {
        let long = format!("https://example.com/{}", "a".repeat(LONGEST - "https://example.com/".len()));
        for address in [
            "https://example.com",
            "HTTP://EXAMPLE.com/Some/Path?q=1&q=2#there",
            "https://example.com/a%20b//c/../d;e=f",
            "https://exämple.de/straße?q=日本",
            "http://192.168.1.1:8080/",
            "http://[2001:db8::1]/",
            "https://user.example.com/a@b",
            "https://notsho.rt/x",
            "https://sho.rt:8443/x",
            "https://sho.rt.example.com/",
            long.as_str(),
        ] {
            assert_eq!(objection(address, HERE), None, "{address}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("https://example.com/{}", "ä".repeat(LONGEST));
        for address in [
            "",
            "example.com",
            "//example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "data:text/html,hello",
            "http:example.com",
            "https:///example.com",
            "http://",
            "https://exa mple.com",
            "https://example.com/a b",
            " https://example.com",
            "https://example.com\r\nSet-Cookie: a=b",
            "https://example.com/\t",
            "https://example.com\\@evil.example",
            "https://user:password@example.com",
            "https://user@example.com",
            "https://@example.com",
            "https://example.com:99999",
            "https://[::1",
            "https://exa<mple.com",
            long.as_str(),
        ] {
            assert!(objection(address, HERE).is_some(), "{address}");
        }
    }

    #[test]
    fn the_shortener_is_known_by_each_of_its_names() {
        for (address, authority) in [
            ("https://sho.rt/abc", "sho.rt"),
            ("http://SHO.RT./", "sho.rt"),
            ("http://sho.rt:80/", "sho.rt"),
            ("https://sho.rt:443/", "SHO.rt"),
            ("http://localhost:8000/", "127.0.0.1:8000"),
            ("http://127.0.0.1:8000/", "localhost:8000"),
            ("http://127.1:8000/", "127.0.0.1:8000"),
            ("http://0x7f000001:8000/", "127.0.0.1:8000"),
            ("http://0.0.0.0:8000/", "127.0.0.1:8000"),
            ("http://[::1]:8000/", "127.0.0.1:8000"),
            ("http://[::ffff:127.0.0.1]:8000/", "127.0.0.1:8000"),
            ("http://www.localhost:8000/", "localhost:8000"),
            ("https://xn--exmple-cua.de/", "exämple.de"),
        ] {
            assert!(objection(address, authority).is_some_and(|why| why.contains("back")), "{address} at {authority}");
        }
        assert_eq!(objection("http://127.0.0.1:3000/", "127.0.0.1:8000"), None, "another program on this machine");
    }
}
