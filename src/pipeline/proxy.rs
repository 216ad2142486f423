//! Which proxy a request goes through: settings of the program and of the environment.

use std::env;
use std::net::IpAddr;

use http::Uri;
use ureq::{Proxy, ProxyProtocol};
use url::{Host, Url};

/// The proxies that are set, and the hosts that are reached without one.
///
/// A setting that cannot be used is kept as the reason, and is an error for a request that it applies to:
/// such a request must not go past the proxy.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    /// Set in the program: for every host.
    explicit: Option<Proxy>,
    https: Setting,
    http: Setting,
    exceptions: Exceptions,
}

#[derive(Debug, Default)]
enum Setting {
    #[default]
    Absent,
    Usable(Proxy),
    Unusable(String),
}

impl Proxies {
    /// The one proxy that a program has set.
    pub(crate) fn explicit(address: &str) -> Result<Proxies, String> {
        Ok(Proxies { explicit: Some(parse(address)?), ..Proxies::default() })
    }

    pub(crate) fn from_env() -> Proxies {
        Proxies::from_variables(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let setting =
            |names: &[&str]| names.iter().find_map(|name| Some(Setting::read(name, &set(name)?)));
        // A CGI script has the header `Proxy` of whoever calls it in HTTP_PROXY.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http: &[&str] = if is_cgi { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
        let all = || setting(&["all_proxy", "ALL_PROXY"]);
        let list = |name: &str| variable(name).filter(|list| !list.is_empty());
        let exceptions = list("no_proxy").or_else(|| list("NO_PROXY")).unwrap_or_default();
        Proxies {
            explicit: None,
            https: setting(&["https_proxy", "HTTPS_PROXY"]).or_else(all).unwrap_or_default(),
            http: setting(http).or_else(all).unwrap_or_default(),
            exceptions: Exceptions::parse(&exceptions),
        }
    }

    /// All that can be used.
    pub(crate) fn usable(&self) -> impl Iterator<Item = &Proxy> {
        let of_env = [&self.https, &self.http].into_iter().filter_map(|setting| match setting {
            Setting::Usable(proxy) => Some(proxy),
            Setting::Absent | Setting::Unusable(_) => None,
        });
        self.explicit.iter().chain(of_env)
    }

    fn are_absent(&self) -> bool {
        let is_absent = |setting: &Setting| matches!(setting, Setting::Absent);
        self.explicit.is_none() && is_absent(&self.https) && is_absent(&self.http)
    }

    /// Returns the proxy for a request to `uri`, or why it can be sent neither through one nor without one.
    pub(crate) fn of(&self, uri: &Uri) -> Result<Option<&Proxy>, String> {
        if self.are_absent() {
            return Ok(None);
        }
        let host = uri.host().unwrap_or_default();
        let is_https = uri.scheme_str() == Some("https");
        if let Some(proxy) = &self.explicit {
            if !is_https && is_loopback(host) && !is_loopback(proxy.host()) {
                return Err(
                    "a server on this machine cannot be reached by http through a proxy on \
                     another, which would also see the key"
                        .to_owned(),
                );
            }
            return Ok(Some(proxy));
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if is_loopback(host) || self.exceptions.contain(host, port) {
            return Ok(None);
        }
        match if is_https { &self.https } else { &self.http } {
            Setting::Absent => Ok(None),
            Setting::Usable(proxy) => Ok(Some(proxy)),
            Setting::Unusable(reason) => Err(reason.clone()),
        }
    }
}

impl Setting {
    fn read(name: &str, value: &str) -> Setting {
        parse(value).map_or_else(
            |reason| {
                Setting::Unusable(format!(
                    "the variable {name} cannot be used as a proxy: {reason}"
                ))
            },
            Setting::Usable,
        )
    }
}

/// Returns how messages name a proxy: without its user and password.
pub(crate) fn name(proxy: &Proxy) -> String {
    format!("{}:{}", proxy.host(), proxy.port())
}

const NO_HOST: &str = "the address has no valid host and port";

/// Reads the address of a proxy. The reason of a failure quotes nothing of it, since it may hold a password.
fn parse(address: &str) -> Result<Proxy, String> {
    const UNUSABLE: [char; 3] = ['"', '\'', char::REPLACEMENT_CHARACTER];
    let address = address.trim();
    if address.contains(|c: char| c.is_whitespace() || c.is_control() || UNUSABLE.contains(&c)) {
        return Err("the address contains quotes, blanks or line breaks".to_owned());
    }
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    if rest.starts_with(['/', '\\']) {
        return Err(NO_HOST.to_owned());
    }
    let address = format!("{}://{rest}", scheme.to_ascii_lowercase());
    let url = Url::parse(&address).map_err(|error| format!("the address is invalid: {error}"))?;
    check(&url)?;
    // Unlike ureq, `Url` encodes what should have been encoded in a password, and reads what comes before the last @.
    let proxy = Proxy::new(url.as_str()).map_err(|_| "the address is invalid".to_owned())?;
    check_credentials(&proxy)?;
    Ok(proxy)
}

/// A value that a protocol cannot transmit would be left out, or fail at every request.
fn check_credentials(proxy: &Proxy) -> Result<(), String> {
    let (user, password) = (proxy.username(), proxy.password());
    if user.is_none() && password.is_none() {
        return Ok(());
    }
    let is_sendable = |it: Option<&str>| (1..=255).contains(&it.unwrap_or_default().len());
    let reason = match proxy.protocol() {
        ProxyProtocol::Socks4 | ProxyProtocol::Socks4A => {
            "SOCKS4 has no user name and password; use socks5 or socks5h"
        }
        ProxyProtocol::Socks5 | ProxyProtocol::Socks5h
            if !is_sendable(user) || !is_sendable(password) =>
        {
            "SOCKS5 needs both a user name and a password, of 255 bytes at most"
        }
        ProxyProtocol::Http | ProxyProtocol::Https if user.is_some_and(|it| it.contains(':')) => {
            "a user name with a colon cannot be sent to it"
        }
        _ => return Ok(()),
    };
    Err(reason.to_owned())
}

fn check(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "http" | "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {}
        "https" if cfg!(any(feature = "rustls", feature = "native-tls")) => {}
        "https" => {
            return Err("an https proxy needs the feature `rustls` or `native-tls`".to_owned());
        }
        _ => {
            return Err(
                "the scheme must be http, https, socks4, socks4a, socks5 or socks5h".to_owned()
            );
        }
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.contains(['%', '*', '<', '>']) || url.port() == Some(0) {
        return Err(NO_HOST.to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("the address must end after the host and the port".to_owned());
    }
    Ok(())
}

/// The list in `NO_PROXY`, as curl reads it, and with ports, which curl does not know.
#[derive(Debug)]
enum Exceptions {
    /// The list is `*` and nothing else; within a list, `*` is the name of no host.
    Everything,
    Listed(Vec<Exception>),
}

impl Default for Exceptions {
    fn default() -> Exceptions {
        Exceptions::Listed(Vec::new())
    }
}

#[derive(Debug)]
struct Exception {
    host: ExceptionHost,
    /// One port, or all.
    port: Option<u16>,
}

#[derive(Debug)]
enum ExceptionHost {
    /// A host and all hosts below it.
    Domain(String),
    /// The addresses that share so many leading bits with this one.
    Network(IpAddr, u32),
}

impl Exceptions {
    fn parse(list: &str) -> Exceptions {
        if list == "*" {
            return Exceptions::Everything;
        }
        let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Exceptions::Listed(entries.map(Exception::parse).collect())
    }

    fn contain(&self, host: &str, port: u16) -> bool {
        let Exceptions::Listed(entries) = self else { return true };
        let host = bare(host.strip_suffix('.').unwrap_or(host)).to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        entries.iter().any(|entry| entry.contains(&host, address, port))
    }
}

impl Exception {
    fn parse(entry: &str) -> Exception {
        // The colons of an IPv6 address are not followed by a port.
        let split = entry.rsplit_once(':').filter(|_| ExceptionHost::network(entry).is_none());
        let with_port = split.and_then(|(host, port)| Some((bare(host), Some(port.parse().ok()?))));
        let (host, port) = with_port.unwrap_or((entry, None));
        let domain = || {
            let host = host.strip_suffix('.').unwrap_or(host);
            ExceptionHost::Domain(host.strip_prefix('.').unwrap_or(host).to_ascii_lowercase())
        };
        Exception { host: ExceptionHost::network(host).unwrap_or_else(domain), port }
    }

    fn contains(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let is_of_host = match (&self.host, address) {
            (ExceptionHost::Network(network, bits), Some(address)) => {
                shares_bits(address, *network, *bits)
            }
            (ExceptionHost::Domain(domain), None) => {
                let above = host.strip_suffix(domain.as_str()).filter(|_| !domain.is_empty());
                above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        };
        is_of_host && self.port.is_none_or(|it| it == port)
    }
}

impl ExceptionHost {
    /// As curl, reads a number of bits of 0, or without digits, as all bits.
    fn network(text: &str) -> Option<ExceptionHost> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.strip_prefix('+').unwrap_or(bits);
        let end = bits.find(|c: char| !c.is_ascii_digit()).unwrap_or(bits.len());
        // A number that is negative or too large has more bits than any address, and matches none.
        let bits = match (&bits[..end], bits.starts_with('-')) {
            (_, true) => u32::MAX,
            ("", false) => 0,
            (digits, false) => digits.parse().unwrap_or(u32::MAX),
        };
        let bits = if bits == 0 { width } else { bits };
        Some(ExceptionHost::Network(address, if bits > width { u32::MAX } else { bits }))
    }
}

fn shares_bits(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let difference = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            u128::from(one.to_bits() ^ other.to_bits()) << (u128::BITS - u32::BITS)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        _ => return false,
    };
    difference.leading_zeros() >= bits
}

/// A host as it is written in an address, without the brackets of IPv6.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// Whether `host`, as it is written in an address, is this machine: the name `localhost` alone, since `localhost.example.com` is anybody's,
/// and 0.0.0.0 is every interface.
pub(crate) fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The proxy of `address`, `direct`, or why there is neither.
    fn way(proxies: &Proxies, address: &str) -> String {
        let uri = address.parse().expect("an address");
        match proxies.of(&uri) {
            Ok(Some(proxy)) => name(proxy),
            Ok(None) => "direct".to_owned(),
            Err(reason) => reason,
        }
    }

    #[test]
    fn the_variable_of_the_scheme_comes_before_the_one_for_all() {
        let all = ("ALL_PROXY", "http://all:1");
        let https = ("HTTPS_PROXY", "http://https:2");
        let http = ("HTTP_PROXY", "http://http:3");
        for (variables, of_https, of_http) in [
            (&[][..], "direct", "direct"),
            (&[all], "all:1", "all:1"),
            (&[all, https], "https:2", "all:1"),
            (&[all, http], "all:1", "http:3"),
            (&[http], "direct", "http:3"),
            (&[all, https, http], "https:2", "http:3"),
            (&[https, ("https_proxy", "lower:4")], "lower:4", "direct"),
            (&[https, ("https_proxy", " ")], "https:2", "direct"),
            (&[all, ("HTTPS_PROXY", "")], "all:1", "all:1"),
            (&[("all_proxy", "lower:4"), all], "lower:4", "lower:4"),
        ] {
            let proxies = proxies(variables);
            let told = format!("{variables:?}");
            assert_eq!(way(&proxies, "https://heylerts.com/api"), of_https, "{told}");
            assert_eq!(way(&proxies, "http://heylerts.com/api"), of_http, "{told}");
        }
    }

    #[test]
    fn a_cgi_script_does_not_take_http_proxy_from_its_caller() {
        let cgi = ("REQUEST_METHOD", "GET");
        let caller = ("HTTP_PROXY", "http://evil:1");
        let address = "http://heylerts.com";
        assert_eq!(way(&proxies(&[cgi, caller]), address), "direct");
        assert_eq!(way(&proxies(&[cgi, caller, ("http_proxy", "good:1")]), address), "good:1");
        assert_eq!(way(&proxies(&[cgi, caller, ("ALL_PROXY", "good:1")]), address), "good:1");
    }

    #[test]
    fn every_kind_of_proxy_is_read() {
        for (address, expected) in [
            ("http://proxy.example:3128", "proxy.example:3128"),
            ("http://proxy.example", "proxy.example:80"),
            ("http://proxy.example/", "proxy.example:80"),
            ("HTTP://proxy.example:1", "proxy.example:1"),
            ("proxy.example:3128", "proxy.example:3128"),
            ("proxy.example", "proxy.example:80"),
            ("user:pass@proxy.example:3128", "proxy.example:3128"),
            ("http://us%40er:p%3Ass@10.0.0.7:3128", "10.0.0.7:3128"),
            ("http://user@10.0.0.7:3128", "10.0.0.7:3128"),
            ("http://:pass@10.0.0.7:3128", "10.0.0.7:3128"),
            ("socks5://us%3Aer:p%3Ass@10.0.0.7", "10.0.0.7:1080"),
            ("http://[2001:db8::1]:3128", "[2001:db8::1]:3128"),
            ("socks5://proxy.example:1080", "proxy.example:1080"),
            ("SOCKS5h://proxy.example", "proxy.example:1080"),
            ("socks4://10.0.0.7", "10.0.0.7:1080"),
            ("socks4a://proxy.example:9", "proxy.example:9"),
            ("socks://proxy.example:9", "proxy.example:9"),
            (" \thttp://proxy.example:3128\r\n", "proxy.example:3128"),
        ] {
            let proxy = parse(address).unwrap_or_else(|reason| unreachable!("{address}: {reason}"));
            assert_eq!(name(&proxy), expected, "{address}");
        }
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        assert!(parse("https://proxy.example:3129").is_ok());
    }

    #[test]
    fn a_password_is_read_as_it_is_written_or_decoded() {
        for (address, user, password) in [
            ("http://me:p%40ss@proxy", "me", "p@ss"),
            ("http://me:p@ss@proxy:3128", "me", "p@ss"),
            ("http://me:p^|{}<>`@proxy", "me", "p^|{}<>`"),
            ("socks5h://me:p@s^s@proxy", "me", "p@s^s"),
            ("m\u{e9}:gr\u{fc}n@proxy:1", "m\u{e9}", "gr\u{fc}n"),
        ] {
            let proxy = parse(address).unwrap_or_else(|reason| unreachable!("{address}: {reason}"));
            assert_eq!(
                (proxy.username(), proxy.password()),
                (Some(user), Some(password)),
                "{address}"
            );
            assert_eq!(proxy.host(), "proxy", "{address}");
        }
    }

    #[test]
    fn a_user_name_that_is_too_long_for_socks_is_an_error() {
        let address = |length| format!("socks5://{}:x@proxy:1", "u".repeat(length));
        assert!(parse(&address(255)).is_ok());
        assert!(parse(&address(256)).is_err());
    }

    #[test]
    fn a_setting_that_cannot_be_used_is_an_error_that_does_not_quote_it() {
        for value in [
            "nonsense://sesame",
            "ftp://sesame:1",
            "http://",
            "http://:3128",
            "://sesame",
            "\"http://sesame:1\"",
            "'http://sesame:1'",
            "http://ses ame:1",
            "http://ses\name:1",
            "http://sesame:1\u{0}",
            "http://sesame:99999",
            "http://sesame:port",
            "http://sesame:0",
            "http://sesame:1/pac",
            "http://sesame:1?x",
            "http://user:ses#ame@proxy:1",
            "http://sesam\u{e9}%:1",
            "http://sesame\u{fffd}:1",
            "http://*:1",
            "socks5://",
            "socks5://sesame%20:1",
            "/sesame",
            "///sesame",
            "\\sesame",
            "http:///sesame",
            "http://proxy\\sesame",
            "socks4://sesame@proxy:1",
            "socks4a://me:sesame@proxy:1",
            "socks5://sesame@proxy:1",
            "socks5h://:sesame@proxy:1",
            "socks5h://sesame:@proxy:1",
            "http://me%3Asesame@proxy:1",
        ] {
            for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
                let proxies = proxies(&[(name, value), ("NO_PROXY", "none.example")]);
                let reason = way(&proxies, "https://heylerts.com");
                let expected = format!("the variable {name} cannot be used as a proxy: ");
                assert!(reason.starts_with(&expected), "{value:?}: {reason}");
                assert!(!reason.contains("sesame") && !reason.contains('\n'), "{reason}");
                assert_eq!(way(&proxies, "https://none.example"), "direct");
                assert_eq!(way(&proxies, "https://localhost:1"), "direct");
            }
        }
    }

    #[test]
    fn exceptions_are_read_as_curl_reads_them() {
        for (list, host, is_exception) in [
            ("heylerts.com", "heylerts.com", true),
            ("HEYLERTS.com", "heylerts.COM", true),
            ("heylerts.com", "heylerts.com.", true),
            ("heylerts.com.", "heylerts.com", true),
            ("heylerts.com", "api.heylerts.com", true),
            (".heylerts.com", "api.heylerts.com", true),
            (".heylerts.com", "heylerts.com", true),
            ("..heylerts.com", "api.heylerts.com", false),
            ("*.heylerts.com", "api.heylerts.com", false),
            ("*heylerts.com", "heylerts.com", false),
            ("'heylerts.com'", "heylerts.com", false),
            ("heylerts.com", "notheylerts.com", false),
            ("heylerts.com", "heylerts.com.evil.example", false),
            ("api.heylerts.com", "heylerts.com", false),
            ("com", "heylerts.com", true),
            ("a.example, heylerts.com", "heylerts.com", true),
            ("a.example heylerts.com", "heylerts.com", true),
            ("a.example,,\theylerts.com ,", "heylerts.com", true),
            ("*", "heylerts.com", true),
            ("*", "10.0.0.7", true),
            ("*", "[2001:db8::1]", true),
            ("a.example,*", "heylerts.com", false),
            ("*,", "heylerts.com", false),
            (" *", "heylerts.com", false),
            ("a.example,\nheylerts.com", "heylerts.com", false),
            ("a.example\theylerts.com", "heylerts.com", true),
            ("a.example;heylerts.com", "heylerts.com", false),
            ("", "heylerts.com", false),
            (",", "heylerts.com", false),
            (".", "heylerts.com", false),
            ("heylerts.com:443", "heylerts.com", true),
            ("heylerts.com:8443", "heylerts.com", false),
            ("heylerts.com:8443", "heylerts.com:8443", true),
            ("heylerts.com", "heylerts.com:8443", true),
            (".heylerts.com:8443", "api.heylerts.com:8443", true),
            ("heylerts.com:x", "heylerts.com", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.70", false),
            ("10.0.0.7:443", "10.0.0.7", true),
            ("10.0.0.7:80", "10.0.0.7", false),
            ("10.0.0.0/8", "10.9.9.9", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8:443", "10.9.9.9", true),
            ("192.168.1.77/31", "192.168.1.76", true),
            ("192.168.1.77/31", "192.168.1.78", false),
            ("0.0.0.0/0", "8.8.8.8", false),
            ("8.8.8.8/0", "8.8.8.8", true),
            ("8.8.8.8/", "8.8.8.8", true),
            ("8.8.8.0/24x", "8.8.8.8", true),
            ("8.8.8.0/+024", "8.8.8.8", true),
            ("8.8.8.0/-24", "8.8.8.8", false),
            ("8.8.8.8/99999999999", "8.8.8.8", false),
            ("8.8.8.8.", "8.8.8.8", false),
            ("008.8.8.8", "8.8.8.8", false),
            ("0.0.0.0/0", "[2001:db8::1]", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("10.0.0.0/x", "10.0.0.0", true),
            ("10", "10.0.0.7", false),
            ("0.7", "10.0.0.7", false),
            ("2001:db8::1", "[2001:db8::1]", true),
            ("2001:DB8:0::1", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:db8::1]", false),
            ("[2001:db8::1]:443", "[2001:db8::1]", true),
            ("[2001:db8::1]:80", "[2001:db8::1]", false),
            ("2001:db8::/32", "[2001:db8:ffff::1]", true),
            ("2001:db8::/32", "[2001:db9::1]", false),
            ("::/0", "10.0.0.7", false),
            ("::/0", "[2001:db8::1]", false),
            ("2001:db8::/129", "[2001:db8::1]", false),
            ("fe80::1%eth0", "[fe80::1]", false),
            ("10.0.0.7", "[::ffff:10.0.0.7]", false),
            ("::ffff:10.0.0.0/104", "[::ffff:10.0.0.7]", true),
        ] {
            let proxies = proxies(&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", list)]);
            let expected = if is_exception { "direct" } else { "proxy:1" };
            assert_eq!(way(&proxies, &format!("https://{host}/x")), expected, "{list:?} {host}");
        }
    }

    #[test]
    fn the_list_of_exceptions_in_lower_case_comes_first() {
        let https = ("HTTPS_PROXY", "proxy:1");
        for (variables, expected) in [
            (&[https, ("no_proxy", "a.example"), ("NO_PROXY", "b.example")][..], "proxy:1"),
            (&[https, ("no_proxy", ""), ("NO_PROXY", "b.example")], "direct"),
            (&[https, ("no_proxy", " "), ("NO_PROXY", "b.example")], "proxy:1"),
        ] {
            assert_eq!(way(&proxies(variables), "https://b.example"), expected, "{variables:?}");
        }
    }

    #[test]
    fn loopback_is_reached_directly_unless_the_program_sets_a_proxy() {
        let of_env = proxies(&[("ALL_PROXY", "proxy:1")]);
        let remote = Proxies::explicit("proxy:1").expect("a proxy");
        let local = Proxies::explicit("127.0.0.1:1").expect("a proxy");
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]"] {
            for scheme in ["http", "https"] {
                let address = format!("{scheme}://{host}:8080/x");
                assert_eq!(way(&of_env, &address), "direct", "{address}");
                assert_eq!(way(&local, &address), "127.0.0.1:1", "{address}");
            }
            assert_eq!(way(&remote, &format!("https://{host}")), "proxy:1");
            assert!(way(&remote, &format!("http://{host}")).contains("see the key"));
        }
        for host in ["localhost.example", "0.0.0.0", "128.0.0.1", "[::2]"] {
            assert_eq!(way(&of_env, &format!("https://{host}")), "proxy:1", "{host}");
        }
    }
}
