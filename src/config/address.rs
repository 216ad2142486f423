//! Base addresses: which are accepted, what is shown of them, and which are the same service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::{Error, Result};
use crate::pipeline::proxy::is_loopback;

/// Reads a base address. One without a path gets `path`. Errors call it `name`.
pub(crate) fn parse(text: &str, path: &str, name: &str) -> Result<Url> {
    let rejected = |why: &str| Error::configuration(format!("{name} {why}"));
    if text.trim().is_empty() {
        return Err(rejected("is empty, which is no address: give it with https://"));
    }
    // `localhost:8080` would be an address of the scheme `localhost`.
    if !text.contains("://") {
        return Err(rejected("is no address: give it with https://, or http:// on this machine"));
    }
    let mut url = Url::parse(text.trim())
        .map_err(|error| rejected("is no address: give it with https://").with_source(error))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(rejected("must hold no user name or password"));
    }
    // `Call::to_uri` adds segments and a query of its own.
    if url.query().is_some() || url.fragment().is_some() {
        return Err(rejected("must end before ? and #"));
    }
    // "Your integration must call HTTPS endpoints" (Heylo). Loopback shows the key to no network.
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url.host_str().unwrap_or_default()) => {}
        "http" => return Err(rejected("must be https: http would show the key to the network")),
        _ => return Err(rejected("must be https")),
    }
    // `url` gives an address without a path this one.
    if url.path() == "/" {
        url.set_path(path);
    }
    Ok(url)
}

/// The part of an address that may be shown before it is checked: no user, password, query or fragment.
pub(crate) fn shown(address: &str) -> &str {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    address[..end].rsplit('@').next().unwrap_or_default()
}

/// One string for all spellings of one service's address, for clients that share a bucket.
pub(crate) fn identity(url: &Url) -> String {
    let host = match url.host() {
        Some(Host::Ipv4(ip)) => host_of(ip.into()),
        Some(Host::Ipv6(ip)) => host_of(ip.to_canonical()),
        Some(Host::Domain(name)) => name.to_owned(),
        None => String::new(),
    };
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}{}", host.trim_end_matches('.'), url.path().trim_end_matches('/'))
}

/// The name that this machine has for itself, or the number.
fn host_of(ip: IpAddr) -> String {
    let is_localhost = ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST;
    if is_localhost { "localhost".to_owned() } else { ip.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> String {
        parse(text, "", "the base address").expect_err(text).to_string()
    }

    #[test]
    fn an_address_without_a_path_gets_the_services_own() {
        for text in ["https://a.example", "https://a.example/", " https://a.example\n"] {
            assert_eq!(
                parse(text, "/api/v1", "the base address").expect(text).as_str(),
                "https://a.example/api/v1"
            );
        }
        let given =
            parse("http://127.0.0.1:80/x/", "/api/v1", "the base address").expect("loopback");
        assert_eq!(given.as_str(), "http://127.0.0.1/x/");
    }

    #[test]
    fn http_is_for_loopback_only() {
        for text in
            ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"]
        {
            assert!(parse(text, "", "the base address").is_ok(), "{text}");
        }
        for text in
            ["http://heylerts.com", "http://localhost.evil.example", "http://0.0.0.0", "ftp://a"]
        {
            assert!(rejection(text).contains("https"), "{text}");
        }
    }

    #[test]
    fn an_address_that_would_lose_something_is_rejected() {
        assert!(rejection("https://me:secret@a.example").contains("user name"));
        assert!(!rejection("https://me:secret@a.example").contains("secret"));
        assert!(rejection("https://a.example/?x=1").contains('?'));
        for text in ["a.example", "localhost:8080", "127.0.0.1:8080", "//a.example"] {
            assert!(rejection(text).contains("give it with https://"), "{text}");
        }
    }

    #[test]
    fn secrets_in_an_address_are_not_shown() {
        for (address, expected) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://me:secret@a.example/x", "a.example/x"),
            ("https://a.example/x?key=secret", "https://a.example/x"),
            ("https://a.example/x?key=sec@ret", "https://a.example/x"),
            ("https://a.example#secret", "https://a.example"),
            ("?secret", ""),
        ] {
            assert_eq!(shown(address), expected);
        }
    }

    #[test]
    fn one_service_has_one_identity_in_every_spelling() {
        let of =
            |text| identity(&parse(text, "/api/v1", "the base address").expect("a valid address"));
        for same in [
            &["https://a.example", "https://A.example:443/", "https://a.example./api/v1/"][..],
            &["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080/api/v1"],
            &["http://LocalHost:8080", "http://127.1:8080", "http://0x7f.0.0.1.:8080/api/v1/"],
            &["https://localhost", "https://localhost.", "https://127.0.0.1:443"],
            &["https://localhost", "https://[0:0::0:1]", "https://[::FFFF:127.0.0.1]"],
            &["https://192.0.2.1", "https://192.0.513", "https://[::ffff:192.0.2.1]:443"],
            &["https://[2001:db8::1]", "https://[2001:DB8:0:0::1]/api/./v1"],
            &[
                "https://b\u{fc}cher.example",
                "https://B\u{dc}CHER.example",
                "https://xn--bcher-kva.example.",
            ],
        ] {
            assert!(same.iter().all(|it| of(it) == of(same[0])), "{same:?}");
        }
        for other in ["https://b.example", "https://a.example:8443", "https://a.example/v2"] {
            assert_ne!(of(other), of("https://a.example"), "{other}");
        }
        for other in ["https://127.0.0.2", "https://[::2]", "https://[::ffff:127.0.0.2]"] {
            assert_ne!(of(other), of("https://localhost"), "{other}");
        }
    }
}
