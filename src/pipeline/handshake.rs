//! Failures of TLS, by the words of rustls and OpenSSL: words and hints for a person, and whether they last.
//!
//! They decide hints and retries, never whether something was sent.

/// Whether another attempt would fail in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lasts {
    #[default]
    Unknown,
    /// It would at the same server; another one may stand behind the same address.
    Probably,
    Certainly,
}

/// Knowledge about the failure of a request that was not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) lasts: Lasts,
    pub(crate) words: Option<&'static str>,
    pub(crate) hint: Option<&'static str>,
}

impl Advice {
    pub(crate) fn permanent(hint: &'static str) -> Advice {
        Advice { lasts: Lasts::Certainly, words: None, hint: Some(hint) }
    }
}

const STORE: &str = if cfg!(feature = "native-tls") || cfg!(feature = "platform-verifier") {
    "by default heysync trusts the certificates of the operating system; to trust others, install them there, or use \
     Config::root_certificates or the variable SSL_CERT_FILE"
} else {
    "by default heysync trusts Mozilla's root certificates, compiled in; to trust others, such as those of a company that \
     inspects TLS, use Config::root_certificates or the variable SSL_CERT_FILE, or the feature \
     `platform-verifier` or `native-tls` of heysync to trust the operating system's"
};
const OTHER_NAME: &str = "the server's certificate is for another host name: check the base address; a \
    certificate cannot be overruled";
const DATES: &str = "check the date and time of this machine; if they are right, the server's operator has \
    to renew the certificate";
const OPERATOR: &str = "the server's operator has to replace the certificate; no setting of this machine makes it valid";
const SIGNATURE: &str = "the key of the authority is too weak or does not fit: if the authority is one of your own, check that \
    Config::root_certificates or SSL_CERT_FILE holds its present certificate; else the server's operator has to replace the \
    server's";
const CLIENT: &str =
    "the server wants a client certificate that it trusts: see Config::client_certificate";
const VERSION: &str =
    "the server and heysync have no version of TLS in common: heysync speaks TLS 1.2 and 1.3";
const CIPHER: &str = if cfg!(feature = "native-tls") {
    "the server and heysync have no cipher, key exchange or kind of key of TLS in common: those of OpenSSL and its settings \
     on this machine count"
} else {
    "the server and heysync have no cipher, key exchange or kind of key of TLS in common: the feature `native-tls` of heysync \
     accepts more than rustls does"
};
const UNKNOWN_NAME: &str =
    "the server serves no host of this name over TLS: check the base address";
const NO_TLS: &str = "what responds there does not speak TLS: check the scheme and the port of the base address, and of the \
    proxy if there is one";

const EXPIRED: &str = "the server's certificate has expired";
const TOO_EARLY: &str = "the server's certificate is not valid yet";
const FOR_ANOTHER: &str = "the server's certificate is for another host name";
const NOT_TRUSTED: &str = "the server's certificate was issued by an authority that is not trusted";
const SELF_SIGNED: &str = "the server's certificate is self-signed, and not trusted";
const AUTHORITYS_OWN: &str = "the server's certificate is that of a certificate authority, as self-signed ones often \
    are, and cannot stand for a server";
const PURPOSE: &str = "the server's certificate is not made for servers";
const WEAK: &str = "the key or the signature of the server's certificate is too weak";
const REVOKED: &str = "the server's certificate was revoked";
const BAD_SIGNATURE: &str = "the signature of the server's certificate is wrong";

/// A part of the message about a certificate, words for it unless it has some, and a hint. The first that fits counts.
type Known = (&'static str, Option<&'static str>, &'static str);
const CERTIFICATES: [Known; 28] = [
    ("CaUsedAsEndEntity", Some(AUTHORITYS_OWN), STORE),
    ("UnknownIssuer", Some(NOT_TRUSTED), STORE),
    ("certificate expired", Some(EXPIRED), DATES),
    ("certificate not valid yet", Some(TOO_EARLY), DATES),
    ("not valid for name", None, OTHER_NAME),
    ("NotValidForName", Some(FOR_ANOTHER), OTHER_NAME),
    ("Revoked", Some(REVOKED), OPERATOR),
    ("BadSignature", None, SIGNATURE),
    ("InvalidPurpose", Some(PURPOSE), OPERATOR),
    ("extended key usage", Some(PURPOSE), OPERATOR),
    ("certificate: Other(", None, STORE),
    ("invalid peer certificate", None, OPERATOR),
    // OpenSSL.
    ("certificate has expired", Some(EXPIRED), DATES),
    ("certificate is not yet valid", Some(TOO_EARLY), DATES),
    ("ostname mismatch", Some(FOR_ANOTHER), OTHER_NAME),
    ("IP address mismatch", Some(FOR_ANOTHER), OTHER_NAME),
    ("certificate purpose", Some(PURPOSE), OPERATOR),
    ("key too weak", Some(WEAK), OPERATOR),
    ("key too small", Some(WEAK), OPERATOR),
    ("md too weak", Some(WEAK), OPERATOR),
    ("digest algorithm too weak", Some(WEAK), OPERATOR),
    ("certificate signature failure", Some(BAD_SIGNATURE), SIGNATURE),
    ("certificate revoked", Some(REVOKED), OPERATOR),
    ("certificate chain", Some(NOT_TRUSTED), STORE),
    ("signed certificate", Some(SELF_SIGNED), STORE),
    ("local issuer certificate", Some(NOT_TRUSTED), STORE),
    // Windows.
    ("CN name does not match", Some(FOR_ANOTHER), OTHER_NAME),
    ("ertificate", None, STORE),
];

/// Signs that the two sides do not agree, in lower case and without blanks. The first that fits counts.
const DISAGREEMENTS: [(&str, &str); 20] = [
    ("alert:protocolversion", VERSION),
    ("alertprotocolversion", VERSION),
    ("tls12or13", VERSION),
    ("unsupportedprotocol", VERSION),
    ("noprotocolsavailable", VERSION),
    ("unrecognizedname", UNKNOWN_NAME),
    ("unrecognisedname", UNKNOWN_NAME),
    ("handshakefailure", CIPHER),
    ("insufficientsecurity", CIPHER),
    ("peerisincompatible", CIPHER),
    ("dhkeytoosmall", CIPHER),
    ("wrongcipherreturned", CIPHER),
    ("wrongcurve", CIPHER),
    ("wrongsignaturetype", CIPHER),
    ("nosuitablekeyshare", CIPHER),
    ("unsupportedellipticcurve", CIPHER),
    ("receivedcorruptmessage", NO_TLS),
    ("wrongversionnumber", NO_TLS),
    ("packetlengthtoolong", NO_TLS),
    ("httprequest", NO_TLS),
];

/// Alerts by which a server rejects the certificate of a client, in lower case and without blanks.
const REJECTIONS: [&str; 9] = [
    // Filters send this one too, when they have looked at a request.
    ACCESS_DENIED,
    "certificaterequired",
    "nocertificate",
    "badcertificate",
    "unsupportedcertificate",
    "certificaterevoked",
    "certificateexpired",
    "certificateunknown",
    "unknownca",
];
const ACCESS_DENIED: &str = "accessdenied";

/// Without blanks: rustls writes `UnknownCA`, OpenSSL `unknown ca`.
fn letters(message: &str) -> String {
    message.replace(' ', "").to_ascii_lowercase()
}

/// An alert is about something else than the certificate of the server.
fn is_alert(message: &str) -> bool {
    message.contains("alert")
}

pub(crate) fn advice(message: &str) -> Advice {
    let letters = letters(message);
    if let Some((_, hint)) = DISAGREEMENTS.iter().find(|(part, _)| letters.contains(part)) {
        return Advice { lasts: Lasts::Probably, words: None, hint: Some(hint) };
    }
    if is_alert(message) {
        let rejects_client = REJECTIONS.iter().any(|name| letters.contains(name));
        return if rejects_client { Advice::permanent(CLIENT) } else { Advice::default() };
    }
    let known = CERTIFICATES.iter().find(|(part, _, _)| message.contains(part));
    known.map_or_else(Advice::default, |(_, words, hint)| Advice {
        words: *words,
        ..Advice::permanent(hint)
    })
}

/// The hint of a request that may have been sent. In TLS 1.3, a client has made its part of the connection, and may have sent
/// a request, before a server rejects it for its certificate.
pub(crate) fn hint_if_sent(message: &str) -> Option<&'static str> {
    if !is_alert(message) {
        return None;
    }
    let letters = letters(message);
    let mut names = REJECTIONS.iter().filter(|name| **name != ACCESS_DENIED);
    names.any(|name| letters.contains(name)).then_some(CLIENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_without_agreement_is_explained() {
        for (text, hint) in [
            ("received fatal alert: ProtocolVersion", VERSION),
            ("peer is incompatible: ServerDoesNotSupportTls12Or13", VERSION),
            ("error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version", VERSION),
            ("error:0A000102:SSL routines:ssl_choose_client_version:unsupported protocol", VERSION),
            ("received fatal alert: HandshakeFailure", CIPHER),
            ("received fatal alert: InsufficientSecurity", CIPHER),
            ("peer is incompatible: NoCipherSuitesInCommon", CIPHER),
            ("error:0A000410:SSL routines::sslv3 alert handshake failure", CIPHER),
            ("error:0A00018A:SSL routines::dh key too small", CIPHER),
            ("received fatal alert: UnrecognisedName", UNKNOWN_NAME),
            (
                "error:0A000458:SSL routines::tlsv1 unrecognized name:SSL alert number 112",
                UNKNOWN_NAME,
            ),
            ("received corrupt message of type InvalidContentType", NO_TLS),
            ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number", NO_TLS),
        ] {
            let expected = Advice { lasts: Lasts::Probably, words: None, hint: Some(hint) };
            assert_eq!(advice(text), expected, "{text}");
        }
        for text in ["received fatal alert: InternalError", "connection reset by peer"] {
            assert_eq!(advice(text), Advice::default(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_certificate_of_a_server_is_told_whoever_verified_it() {
        let openssl = |reason: &str| {
            format!("error:0A000086:SSL routines::certificate verify failed:x.c:1889: ({reason})")
        };
        let rustls = |reason: &str| format!("invalid peer certificate: {reason}");
        for (text, hint) in [
            (rustls("UnknownIssuer"), STORE),
            (rustls("Other(OtherError(CaUsedAsEndEntity))"), STORE),
            (rustls("BadSignature"), SIGNATURE),
            (rustls("BadEncoding"), OPERATOR),
            (rustls("Revoked"), OPERATOR),
            (
                rustls("certificate does not allow extended key usage for server authentication"),
                OPERATOR,
            ),
            (rustls("InvalidPurpose"), OPERATOR),
            (rustls("UnsupportedSignatureAlgorithm"), OPERATOR),
            (openssl("self-signed certificate"), STORE),
            (openssl("self signed certificate in certificate chain"), STORE),
            (openssl("unable to get local issuer certificate"), STORE),
            (openssl("unable to verify the first certificate"), STORE),
            (openssl("certificate has expired"), DATES),
            (openssl("certificate is not yet valid"), DATES),
            (openssl("hostname mismatch"), OTHER_NAME),
            (openssl("IP address mismatch"), OTHER_NAME),
            (openssl("unsuitable certificate purpose"), OPERATOR),
            (openssl("EE certificate key too weak"), OPERATOR),
            (openssl("CA signature digest algorithm too weak"), OPERATOR),
            (openssl("certificate signature failure"), SIGNATURE),
            ("error:0A00018F:SSL routines::ee key too small".to_owned(), OPERATOR),
        ] {
            let advice = advice(&text);
            assert_eq!((advice.lasts, advice.hint), (Lasts::Certainly, Some(hint)), "{text}");
        }
    }

    #[test]
    fn an_alert_about_the_certificate_of_a_client_is_explained_also_if_a_request_was_sent() {
        for text in [
            "received fatal alert: CertificateRequired",
            "error:0A00045C:SSL routines::tlsv13 alert certificate required:SSL alert number 116",
            "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48",
        ] {
            assert_eq!(advice(text), Advice::permanent(CLIENT), "{text}");
            assert_eq!(hint_if_sent(text), Some(CLIENT), "{text}");
        }
        for text in [
            "received fatal alert: AccessDenied",
            "received fatal alert: HandshakeFailure",
            "invalid peer certificate: BadSignature",
        ] {
            assert_eq!(hint_if_sent(text), None, "{text}");
        }
    }
}
