//! TLS on loopback sockets: which certificates are trusted, and what was sent when a connection fails.

#![cfg(all(feature = "sandbox", any(feature = "rustls", feature = "native-tls")))]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::error::Error as _;
use std::io::{Read, Write};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use heysync::heylerts::NewAlert;
use heysync::heylo::NewMember;
use heysync::limiter::Rate;
use heysync::sandbox::TestClock;
use heysync::{Call, Config, ErrorKind, Result, Safety};
use rustls::ServerConfig;

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;
#[path = "support/tls.rs"]
mod tls;

use sockets::{Clients, GOOD, Limit, SAMPLES, response_bytes};
use tls::{Authority, Handshake, Identity, KeyForm, Stream, TlsServer, receive, self_signed};

fn good() -> Vec<u8> {
    response_bytes(200, &[], GOOD)
}

/// Clients of a server that trust an authority, for whom waiting takes no time.
fn clients(server: &TlsServer, authority: &Authority) -> Clients {
    Clients::with(config(server, authority))
}

fn config(server: &TlsServer, authority: &Authority) -> Config {
    let config = Config::new().base_url(server.url()).root_certificates(authority.pem());
    config.clock(TestClock::new())
}

/// The ways in which a handshake can fail for no fault of the certificate.
fn broken_handshakes() -> Vec<(&'static str, Handshake)> {
    let alert = |description| Handshake::Bytes(vec![21, 3, 3, 0, 2, 2, description]);
    vec![
        ("reset", Handshake::Reset),
        ("closed", Handshake::Bytes(Vec::new())),
        ("alert handshake_failure", alert(40)),
        ("alert protocol_version", alert(70)),
        ("alert internal_error", alert(80)),
        ("alert unrecognized_name", alert(112)),
        ("nonsense", Handshake::Bytes(vec![0; 64])),
        ("half a record", Handshake::Bytes(vec![22, 3, 3, 0, 90, 2])),
        ("a plain 502", Handshake::Bytes(response_bytes(502, &[], "Bad Gateway"))),
    ]
}

#[test]
fn calls_over_tls_succeed_and_reads_use_one_connection() {
    let authority = Authority::new();
    let server = TlsServer::start([Handshake::Serve(authority.certify(|_| {}), good())]);
    let by_name = server.url().replace("127.0.0.1", "localhost");
    for address in [server.url(), by_name] {
        let config = config(&server, &authority).base_url(address);
        let call_all = |is_called: fn(Safety) -> bool| {
            let (before, clients) = (server.accepted(), Clients::with(config.clone()));
            for call in SAMPLES.iter().filter(|call| is_called(call.safety)).cycle().take(14) {
                let outcome = (call.make)(&clients);
                assert!(outcome.is_ok(), "{}: {outcome:?}", call.name);
            }
            server.accepted() - before
        };
        call_all(|_| true);
        // Heylo and Heylerts are two clients, each with a connection of its own. A change may open another one on a machine
        // that stands still for most of a second.
        assert_eq!(call_all(|safety| safety == Safety::Read), 2);
    }
}

#[test]
fn a_certificate_that_cannot_be_trusted_ends_a_call_at_once_with_a_hint() {
    let authority = Authority::new();
    let certify = |change: fn(&mut rcgen::CertificateParams)| authority.certify(change);
    let imitation = authority.imitation();
    let other_host = |params: &mut rcgen::CertificateParams| {
        *params = rcgen::CertificateParams::new(["other.example".to_owned()]).unwrap();
    };
    for (what, presented, hint) in [
        ("expired", certify(|it| it.not_after = rcgen::date_time_ymd(2001, 1, 1)), "date and time"),
        (
            "not yet valid",
            certify(|it| it.not_before = rcgen::date_time_ymd(4000, 1, 1)),
            "date and time",
        ),
        ("for another host", certify(other_host), "another host name"),
        (
            "for clients",
            certify(|it| it.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth]),
            "has to replace the certificate",
        ),
        ("of an authority of the same name", imitation.certify(|_| {}), "its present certificate"),
        ("of an unknown authority", Authority::new().certify(|_| {}), "root_certificates"),
        ("self-signed", self_signed(false), "root_certificates"),
        ("self-signed, of an authority", self_signed(true), "SSL_CERT_FILE"),
    ] {
        let server = TlsServer::start([Handshake::Serve(presented, good())]);
        let clients = clients(&server, &authority);
        for call in SAMPLES {
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{}, {what}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 1), "{context}");
            assert!(error.message().contains("127.0.0.1:"), "{context}");
            assert!(error.hint().is_some_and(|it| it.contains(hint)), "{context}");
            assert!(error.source().is_some(), "{context}");
        }
        assert!(server.received().is_empty(), "{what}");
    }
}

#[test]
fn a_certificate_that_names_the_key_shows_it_in_no_error() {
    let authority = Authority::new();
    let names = || {
        let name = format!("{}.example", sockets::HEYLO_KEY);
        let mut params = rcgen::CertificateParams::new([name.clone()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params
    };
    for signer in [&authority, &Authority::new()] {
        let presented = signer.certify(|params| *params = names());
        let server = TlsServer::start([Handshake::Serve(presented, good())]);
        let error = clients(&server, &authority).heylo.community("c-1").roles().unwrap_err();
        let causes = std::iter::successors(error.source(), |&error| error.source());
        let causes: String = causes.map(|error| format!("{error} {error:?}")).collect();
        assert_eq!(error.kind(), ErrorKind::NotSent);
        let shown = format!("{error} {error:?} {:?} {causes}", error.hint());
        assert!(!shown.contains(sockets::HEYLO_KEY), "{shown}");
    }
}

#[test]
fn the_certificate_of_an_authority_in_place_of_a_servers_is_explained_in_words() {
    let server = TlsServer::start([Handshake::Serve(self_signed(true), good())]);
    let authority = Authority::new();
    let error = clients(&server, &authority).heylerts.stats().unwrap_err();
    let source = error.source().unwrap().to_string();
    if !cfg!(feature = "native-tls") {
        assert!(source.contains("is that of a certificate authority"), "{source}");
    }
}

#[test]
fn a_handshake_that_fails_sends_nothing_and_every_call_is_retried() {
    let authority = Authority::new();
    for (what, handshake) in broken_handshakes() {
        let server = TlsServer::start([handshake]);
        let clients = Clients::with(config(&server, &authority).retries(1));
        for call in SAMPLES {
            let before = server.accepted();
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{}, {what}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 2), "{context}");
            assert_eq!(server.accepted() - before, 2, "{context}");
        }
    }
}

#[test]
fn a_handshake_without_agreement_names_the_reason_and_is_tried_no_more_than_twice() {
    let authority = Authority::new();
    let alert = |description| vec![21, 3, 3, 0, 2, 2, description];
    for (what, bytes, hint) in [
        ("handshake_failure", alert(40), "cipher"),
        ("insufficient_security", alert(71), "cipher"),
        ("protocol_version", alert(70), "version of TLS"),
        ("unrecognized_name", alert(112), "of this name"),
        ("HTTP", response_bytes(400, &[], "Bad Request"), "does not speak TLS"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec(), "does not speak TLS"),
    ] {
        let server = TlsServer::start([Handshake::Bytes(bytes)]);
        let clients = clients(&server, &authority);
        for call in SAMPLES {
            let before = server.accepted();
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{}, {what}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 2), "{context}");
            assert_eq!(server.accepted() - before, 2, "{context}");
            assert!(!error.is_temporary() && error.exit_code() == 69, "{context}");
            assert!(error.hint().is_some_and(|it| it.contains(hint)), "{context}");
        }
    }
}

#[test]
fn a_call_that_follows_a_failed_handshake_is_made_once() {
    let authority = Authority::new();
    for (what, handshake) in broken_handshakes() {
        for call in SAMPLES {
            let serve = Handshake::Serve(authority.certify(|_| {}), good());
            let server = TlsServer::start([handshake.clone(), serve]);
            let outcome = (call.make)(&clients(&server, &authority));
            assert!(outcome.is_ok(), "{}, {what}: {outcome:?}", call.name);
            assert_eq!(server.received().len(), 1, "{}, {what}", call.name);
        }
    }
}

#[test]
fn a_failed_handshake_costs_no_token() {
    let (authority, clock) = (Authority::new(), TestClock::new());
    let day = Duration::from_secs(24 * 60 * 60);
    let server = TlsServer::start([Handshake::Reset]);
    let config = config(&server, &authority).clock(clock.clone());
    let error = Clients::with(config.rate(Rate::new(1, day))).heylerts.stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 5));
    assert!(clock.elapsed() < day);
}

#[test]
fn a_handshake_without_an_end_is_given_up_at_the_connect_timeout() {
    let authority = Authority::new();
    let server = TlsServer::start([Handshake::Silence]);
    let config = config(&server, &authority).connect_timeout(Duration::from_millis(20)).retries(0);
    let clients = Clients::with(config);
    for call in SAMPLES {
        let error = (call.make)(&clients).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{}: {error:?}", call.name);
    }
}

#[test]
fn bytes_behind_a_response_over_tls_are_not_taken_for_the_next_one() {
    let authority = Authority::new();
    // A record of TLS holds so many bytes, and nobody reads the next one before it is asked for.
    let record = 16 * 1024;
    let mut first = good();
    let length = GOOD.len() + record - first.len() - 3;
    first = response_bytes(200, &[], format!("{GOOD:length$}"));
    assert_eq!(first.len(), record);
    let smuggled = response_bytes(200, &[], format!("{:9000}", r#"{"total": 666}"#));
    for behind in [smuggled, vec![b' '; 9000]] {
        let response = [first.clone(), behind].concat();
        let server = TlsServer::start([Handshake::Serve(authority.certify(|_| {}), response)]);
        let clients = clients(&server, &authority);
        let totals = [(); 3].map(|()| clients.heylerts.stats().unwrap().total);
        assert_eq!((totals, server.accepted()), ([3; 3], 3));
    }
}

#[test]
fn a_second_response_that_comes_late_over_tls_is_not_taken_for_the_next_one() {
    let _limit = Limit::start();
    let authority = Authority::new();
    let (config, turn) = (authority.certify(|_| {}), Arc::new(Barrier::new(2)));
    let smuggled = response_bytes(200, &[], r#"{"total": 666}"#);
    for late in [smuggled, b"nonsense".to_vec(), b"\n".to_vec()] {
        let servers_turn = Arc::clone(&turn);
        let run = move |mut stream: tls::Stream| {
            // Else it waits for an acknowledgement of the first response, which comes with the next request.
            stream.sock.set_nodelay(true).unwrap();
            while receive(&mut stream).is_some() {
                stream.write_all(&good()).unwrap();
                // The client has the response.
                servers_turn.wait();
                drop(stream.write_all(&late));
                servers_turn.wait();
            }
        };
        let server = TlsServer::start([Handshake::Run(Arc::clone(&config), Arc::new(run))]);
        let clients = clients(&server, &authority);
        let totals = [(); 3].map(|()| {
            let total = clients.heylerts.stats().unwrap().total;
            turn.wait();
            turn.wait();
            total
        });
        assert_eq!((totals, server.accepted()), ([3; 3], 3));
    }
}

#[test]
fn a_batch_over_tls_invites_again_whom_the_service_denied_and_nobody_else() {
    let authority = Authority::new();
    let bodies = [
        (r#"{"success": true}"#, Ok(())),
        (r#"{"ok": false, "error": "e-mail is not valid"}"#, Err(ErrorKind::Rejected)),
        (r#"{"error": "sms failed", "emailSent": true}"#, Err(ErrorKind::OutcomeUnknown)),
        (r#"{"detail": "Member can't be invited"}"#, Err(ErrorKind::Rejected)),
        (r#"{"failedUserIds": ["u4"]}"#, Err(ErrorKind::OutcomeUnknown)),
        (r#"{"status": 404, "error": "Not Found"}"#, Err(ErrorKind::Rejected)),
    ];
    let answered = Arc::new(Mutex::new(Vec::new()));
    let (asked, config) = (Arc::clone(&answered), authority.certify(|_| {}));
    let run = move |mut stream: tls::Stream| {
        while let Some(request) = receive(&mut stream) {
            let nth = asked.lock().unwrap().len();
            asked.lock().unwrap().push(request);
            let (body, _) = bodies.get(nth).unwrap_or(&bodies[0]);
            stream.write_all(&response_bytes(200, &[], body)).unwrap();
        }
    };
    let server = TlsServer::start([Handshake::Run(config, Arc::new(run))]);
    let community = clients(&server, &authority).heylo.community("c-1");
    let people = || (0..bodies.len()).map(|nth| NewMember::new(format!("u{nth}")));

    let mut invites = community.invite_members(people());
    let kinds: Vec<_> =
        invites.by_ref().map(|it| it.result.map(drop).map_err(|it| it.kind())).collect();
    assert_eq!(kinds, bodies.map(|(_, kind)| kind));
    let mut rest = community.invite_members(people()).resume_at(invites.journal()).unwrap();
    let again: Vec<String> = rest.by_ref().map(|outcome| outcome.user_id).collect();
    assert_eq!(again, ["u1", "u3", "u5"]);
    assert_eq!((answered.lock().unwrap().len(), server.accepted()), (9, 1));
}

#[test]
fn a_request_that_arrived_over_tls_was_sent_whatever_the_response() {
    let authority = Authority::new();
    let certificate = || authority.certify(|_| {});
    for (what, handshake) in [
        (
            "a plain 502",
            Handshake::Unencrypted(certificate(), response_bytes(502, &[], "Bad Gateway")),
        ),
        (
            "an alert, unencrypted",
            Handshake::Unencrypted(certificate(), vec![21, 3, 3, 0, 2, 2, 80]),
        ),
        ("nonsense", Handshake::Unencrypted(certificate(), vec![0; 64])),
        ("the end", Handshake::Cut(certificate())),
    ] {
        for call in SAMPLES {
            let serve = Handshake::Serve(certificate(), good());
            let server = TlsServer::start([handshake.clone(), serve]);
            let outcome = (call.make)(&clients(&server, &authority));
            let context = format!("{}, {what}: {outcome:?}", call.name);
            call.assert_retried_if_safe(outcome, server.received().len(), &context);
        }
    }
}

#[test]
fn a_response_that_arrives_over_tls_before_the_request_was_read_is_the_outcome() {
    let _limit = Limit::start();
    let authority = Authority::new();
    let response = response_bytes(413, &["connection: close"], "{}");
    let server = TlsServer::start([Handshake::Early(authority.certify(|_| {}), response)]);
    // More than the buffers of two sockets hold.
    let call = Call::post(["x"]).json(&"x".repeat(16 * 1024 * 1024));
    let error = clients(&server, &authority).heylo.send_raw(&call).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(413), "{error:?}");
    assert_eq!((error.kind(), server.received().len()), (ErrorKind::Rejected, 1));
}

#[test]
fn removing_what_never_existed_is_not_found_after_a_failed_handshake() {
    let authority = Authority::new();
    let absent = || {
        let body = r#"{"detail": "Not Found"}"#;
        Handshake::Serve(authority.certify(|_| {}), response_bytes(404, &[], body))
    };
    for (what, handshake) in broken_handshakes() {
        let server = TlsServer::start([handshake, absent()]);
        let clients = clients(&server, &authority);
        let error = clients.heylerts.delete_alert("a-1").unwrap_err();
        assert_eq!((error.kind(), server.received().len()), (ErrorKind::NotFound, 1), "{what}");
    }
    // After a request that may have arrived, it is what was to be.
    let server = TlsServer::start([Handshake::Cut(authority.certify(|_| {})), absent()]);
    clients(&server, &authority).heylerts.delete_alert("a-1").unwrap();
    assert_eq!(server.received().len(), 2);
}

/// The outcome of `call` if nothing was sent. The end of a connection may be late, and the request just in time.
fn never_sent<T>(mut call: impl FnMut() -> Result<T>) -> bool {
    (0..50).any(|_| call().is_err_and(|error| error.kind() == ErrorKind::NotSent))
}

#[test]
fn a_response_that_arrives_although_nothing_could_be_sent_is_no_outcome() {
    let authority = Authority::new();
    for status in [503, 500, 408, 404, 303, 200] {
        let hasty = Handshake::Hasty(authority.certify(|_| {}), response_bytes(status, &[], "{}"));
        for call in SAMPLES {
            let server = TlsServer::start([hasty.clone()]);
            let clients = Clients::with(config(&server, &authority).retries(1));
            assert!(never_sent(|| (call.make)(&clients)), "{} {status}", call.name);
        }
    }
    let body = r#"{"detail": "Not Found"}"#;
    let hasty = Handshake::Hasty(authority.certify(|_| {}), response_bytes(503, &[], ""));
    let absent = Handshake::Serve(authority.certify(|_| {}), response_bytes(404, &[], body));
    let is_not_found = |_| {
        let server = TlsServer::start([hasty.clone(), absent.clone()]);
        let outcome = clients(&server, &authority).heylerts.delete_alert("a-1");
        outcome.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    assert!((0..50).any(is_not_found));
}

#[test]
fn a_server_that_responds_before_anything_could_be_sent_is_given_the_time_that_it_asks_for() {
    let authority = Authority::new();
    let busy = response_bytes(503, &["retry-after: 70"], "");
    let server = TlsServer::start([Handshake::Hasty(authority.certify(|_| {}), busy)]);
    let waits = |_| {
        let clock = TestClock::new();
        let config = config(&server, &authority).clock(clock.clone()).retries(1);
        let error = Clients::with(config).heylerts.stats().unwrap_err();
        let waited = (error.retry_after(), clock.elapsed() >= Duration::from_secs(70));
        assert_eq!(waited, (Some(Duration::from_secs(70)), true), "{error}");
        error.kind() == ErrorKind::NotSent
    };
    assert!((0..50).any(waits));
}

#[test]
fn only_the_given_root_certificates_are_trusted() {
    let (one, other) = (Authority::new(), Authority::new());
    let serve = |authority: &Authority| {
        TlsServer::start([Handshake::Serve(authority.certify(|_| {}), good())])
    };
    let (server, other_server) = (serve(&one), serve(&other));
    let both = |server| config(server, &one).root_certificates(other.pem());
    for server in [&server, &other_server] {
        assert!(Clients::with(both(server)).heylerts.stats().is_ok());
    }
    let error = clients(&other_server, &one).heylerts.stats().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
}

#[test]
fn root_certificates_are_read_however_editors_and_tools_write_them() {
    let authority = Authority::new();
    let server = TlsServer::start([Handshake::Serve(authority.certify(|_| {}), good())]);
    let (pem, unreadable) = (
        authority.pem().replace("\r\n", "\n"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    );
    for pem in [
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\r"),
        format!("\u{feff}{pem}"),
        pem.lines().map(|line| format!("    {line} \n")).collect(),
        format!("Bag Attributes\n  friendlyName: x\nsubject=CN = x\n{pem}the end"),
        pem.trim_end().to_owned(),
        format!("{unreadable}{pem}{pem}"),
        format!("{pem}{unreadable}"),
    ] {
        let config = Config::new().base_url(server.url()).clock(TestClock::new()).retries(0);
        let config = config.root_certificates(pem.as_str());
        Clients::with(config).heylerts.stats().unwrap_or_else(|error| panic!("{pem}: {error:?}"));
    }
}

#[test]
fn extra_root_certificates_are_trusted_beside_the_others() {
    let (one, other, third) = (Authority::new(), Authority::new(), Authority::new());
    let call = |server: &TlsServer, config: Config| {
        Clients::with(config.base_url(server.url()).clock(TestClock::new())).heylerts.stats()
    };
    let [server, other_server, third_server] = [&one, &other, &third]
        .map(|authority| TlsServer::start([Handshake::Serve(authority.certify(|_| {}), good())]));
    let beside_the_built_in = Config::new().extra_root_certificates(one.pem());
    call(&server, beside_the_built_in.clone()).unwrap();
    let error = call(&other_server, beside_the_built_in.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    let beside_others = beside_the_built_in.root_certificates(other.pem());
    for server in [&server, &other_server] {
        call(server, beside_others.clone()).unwrap();
    }
    call(&third_server, beside_others.clone()).unwrap_err();
    call(&third_server, beside_others.extra_root_certificates(third.pem())).unwrap();
}

#[test]
fn a_client_certificate_identifies_the_client_whatever_the_form_of_its_key() {
    let authority = Authority::new();
    for form in [KeyForm::Pkcs8, KeyForm::Pkcs1, KeyForm::Sec1] {
        let server = TlsServer::start([Handshake::Serve(authority.certify_for_clients(), good())]);
        let Identity { certificate, key } = authority.identify(form);
        let chain = authority.pem();
        let usual = format!("{certificate}{key}");
        let on_windows = format!("\u{feff}{}", usual.replace("\r\n", "\n").replace('\n', "\r\n"));
        for pem in [usual, on_windows, format!("{key}\n{certificate}{chain}")] {
            let config = config(&server, &authority).client_certificate(pem);
            Clients::with(config)
                .heylerts
                .stats()
                .unwrap_or_else(|error| panic!("{form:?}: {error:?}"));
        }
        assert_eq!(server.received().len(), 3);
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_rejects_clients_without_one_and_with_anothers() {
    let authority = Authority::new();
    let server = TlsServer::start([Handshake::Serve(authority.certify_for_clients(), good())]);
    let Identity { certificate, key } = Authority::new().identify(KeyForm::Pkcs8);
    let stranger = config(&server, &authority).client_certificate(certificate + &key);
    for config in [config(&server, &authority), stranger] {
        let clients = Clients::with(config);
        for call in SAMPLES {
            let error = (call.make)(&clients).unwrap_err();
            // OpenSSL reports the alert in words alone, and words do not decide what was sent.
            if cfg!(not(feature = "native-tls")) {
                let context = format!("{}: {error:?}", call.name);
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 1), "{context}");
                assert!(error.hint().unwrap().contains("client_certificate"), "{context}");
            }
        }
    }
    assert!(server.received().is_empty());
}

#[test]
fn a_connection_of_which_tls_has_ended_is_not_used_again_although_its_socket_is_open() {
    let authority = Authority::new();
    for config in [authority.certify(|_| {}), authority.certify_for_tls_12()] {
        // How much of the record that announces the end comes with the response. OpenSSL leaves a part of its header in the
        // socket, where it is found.
        for part in [1, 4, 5, 6, usize::MAX] {
            let run = move |mut tls: Stream| {
                receive(&mut tls).unwrap();
                let mut together = encrypted(&mut tls, &response_bytes(200, &[], GOOD));
                tls.conn.send_close_notify();
                let end = encrypted(&mut tls, b"");
                together.extend_from_slice(end.get(..part).unwrap_or(&end));
                tls.sock.write_all(&together).unwrap();
                // Until the client closes it.
                drop(tls.sock.read_to_end(&mut Vec::new()));
            };
            let server = TlsServer::start([Handshake::Run(Arc::clone(&config), Arc::new(run))]);
            let clients = clients(&server, &authority);
            for _ in 0..3 {
                clients.heylerts.create_alert(&NewAlert::new("n", "k")).unwrap();
                clients.heylerts.stats().unwrap();
            }
            assert_eq!(server.accepted(), 6, "{part} bytes");
        }
    }
}

#[test]
fn a_response_is_the_outcome_although_tls_fails_right_behind_it() {
    let authority = Authority::new();
    let garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let forged = [&[23, 3, 3, 0, 40][..], &[0xAA; 40]].concat();
    // In TLS 1.2 it is not encrypted after all.
    let alert = vec![21, 3, 3, 0, 2, 2, 80];
    for config in [authority.certify(|_| {}), authority.certify_for_tls_12()] {
        for (name, behind) in [("garbage", &garbage), ("forged", &forged), ("alert", &alert)] {
            let behind = behind.clone();
            let run = move |mut tls: Stream| {
                receive(&mut tls).unwrap();
                let response = encrypted(&mut tls, &response_bytes(200, &[], GOOD));
                tls.sock.write_all(&[response, behind.clone()].concat()).unwrap();
                // Until the client closes it.
                drop(tls.sock.read_to_end(&mut Vec::new()));
            };
            let server = TlsServer::start([Handshake::Run(Arc::clone(&config), Arc::new(run))]);
            let clients = clients(&server, &authority);
            for nth in 1..=3 {
                let created = clients.heylerts.create_alert(&NewAlert::new("n", "k"));
                assert!(created.is_ok(), "{name}: {created:?}");
                assert_eq!(server.accepted(), nth, "{name}");
            }
        }
    }
}

/// The records of these bytes, and of all else that is to be sent.
fn encrypted(tls: &mut Stream, bytes: &[u8]) -> Vec<u8> {
    tls.conn.writer().write_all(bytes).unwrap();
    let mut records = Vec::new();
    while tls.conn.wants_write() {
        tls.conn.write_tls(&mut records).unwrap();
    }
    records
}

#[test]
fn a_connection_is_used_again_whatever_the_length_of_the_last_record() {
    let authority = Authority::new();
    for config in [authority.certify(|_| {}), authority.certify_for_tls_12()] {
        let run = |mut tls: Stream| {
            for length in 1.. {
                let Some(_) = receive(&mut tls) else { return };
                let response = response_bytes(200, &[], GOOD);
                let (head, rest) = response.split_at(response.len() - length % 8);
                let records = [encrypted(&mut tls, head), encrypted(&mut tls, rest)].concat();
                tls.sock.write_all(&records).unwrap();
            }
        };
        let server = TlsServer::start([Handshake::Run(config, Arc::new(run))]);
        let clients = clients(&server, &authority);
        for _ in 0..20 {
            clients.heylerts.stats().unwrap();
        }
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn an_alert_about_certificates_after_a_request_does_not_mean_that_it_was_not_sent() {
    let authority = Authority::new();
    let without_tickets = || {
        let mut config = ServerConfig::clone(&authority.certify(|_| {}));
        config.send_tls13_tickets = 0;
        Arc::new(config)
    };
    // TLS 1.3 and no certificate; tickets, and a certificate that was accepted; TLS 1.2.
    let servers = [
        (without_tickets(), false),
        (authority.certify_for_clients(), true),
        (authority.certify_for_tls_12(), true),
        (authority.certify_for_tls_12(), false),
    ];
    for (server_config, shows_certificate) in servers {
        for number in [42, 43, 44, 45, 46, 48, 49] {
            let server = TlsServer::start([Handshake::Alert(Arc::clone(&server_config), number)]);
            let mut config = config(&server, &authority).retries(0);
            if shows_certificate {
                let Identity { certificate, key } = authority.identify(KeyForm::Pkcs8);
                config = config.client_certificate(certificate + &key);
            }
            let error = Clients::with(config).heylerts.create_alert(&NewAlert::new("n", "k"));
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "alert {number}: {error:?}");
            assert_eq!(server.received().len(), 1, "alert {number}");
        }
    }
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_rejected_when_the_client_is_built() {
    let authority = Authority::new();
    let [one, other] = [(); 2].map(|()| authority.identify(KeyForm::Pkcs8));
    let rsa = authority.identify(KeyForm::Pkcs1);
    for (certificate, key) in [
        (&one.certificate, &other.key),
        (&one.certificate, &rsa.key),
        (&rsa.certificate, &one.key),
        // The issuer's certificate comes after the client's.
        (&(authority.pem() + &one.certificate), &one.key),
    ] {
        let config = Config::new().client_certificate(format!("{certificate}{key}"));
        let error = heysync::heylerts::Client::with_config("hlt_key", config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("does not belong"), "{error}");
    }
}

#[test]
fn an_invite_over_tls_carries_its_body_and_key_once() {
    let authority = Authority::new();
    let server = TlsServer::start([Handshake::Serve(authority.certify(|_| {}), good())]);
    let community = clients(&server, &authority).heylo.community("c-1");
    community.invite(&NewMember::new("u-1")).unwrap();
    let [request] = server.received().try_into().unwrap();
    assert!(request.starts_with("POST /apiv1-create HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("Bearer {}", sockets::HEYLO_KEY)), "{request}");
    assert!(request.contains(r#""userId":"u-1""#), "{request}");
}
