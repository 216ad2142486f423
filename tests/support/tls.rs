//! A private certificate authority, and a server on a loopback socket that speaks TLS, or fails to.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConfig, ServerConnection,
    StreamOwned, SupportedCipherSuite,
};

use crate::sockets::Limit;

/// The names that certificates are made for, unless a test changes them.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "service.test"];

/// A certificate authority that nobody trusts by default.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    name: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        // OpenSSL finds an issuer by its name.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        Authority::named(format!("private authority {}", COUNT.fetch_add(1, Ordering::SeqCst)))
    }

    fn named(name: String) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, name.clone());
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem, name }
    }

    /// Another authority of the same name, with another key.
    pub(crate) fn imitation(&self) -> Authority {
        Authority::named(self.name.clone())
    }

    /// Its own certificate, to be trusted.
    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// What a server needs to present a certificate of this authority.
    pub(crate) fn certify(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server_config(certificate, &key, rustls::ALL_VERSIONS)
    }

    /// A server that speaks TLS 1.2 alone.
    pub(crate) fn certify_for_tls_12(&self) -> Arc<ServerConfig> {
        let params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server_config(certificate, &key, &[&rustls::version::TLS12])
    }
}

/// The private key of a client, in one of the forms that PEM files have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyForm {
    Pkcs8,
    /// RSA only.
    Pkcs1,
    /// Elliptic keys only.
    Sec1,
}

/// The certificate of a client and its key, in PEM form.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// What a client needs to identify itself by a certificate of this authority.
    pub(crate) fn identify(&self, form: KeyForm) -> Identity {
        let key = match form {
            KeyForm::Pkcs1 => {
                let pem = include_str!("rsa_key.pem");
                KeyPair::from_pem_and_sign_algo(pem, &rcgen::PKCS_RSA_SHA256).unwrap()
            }
            KeyForm::Pkcs8 | KeyForm::Sec1 => KeyPair::generate().unwrap(),
        };
        let params = CertificateParams::new(["client.test".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key_pem(&key.serialize_der(), form) }
    }

    /// What a server needs to serve nobody but clients with a certificate of this authority.
    pub(crate) fn certify_for_clients(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

fn key_pem(pkcs8: &[u8], form: KeyForm) -> String {
    let (label, der) = match form {
        KeyForm::Pkcs8 => ("PRIVATE KEY", pkcs8.to_vec()),
        // The header of a key of 2048 bits has 26 bytes.
        KeyForm::Pkcs1 => ("RSA PRIVATE KEY", pkcs8[26..].to_vec()),
        KeyForm::Sec1 => {
            // The private and the public number of a P-256 key, and between them the name of the curve.
            let (private, public) = (&pkcs8[36..68], &pkcs8[pkcs8.len() - 65..]);
            let curve = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
            let parts =
                [&[0x30, 0x77, 2, 1, 1, 4, 32], private, &curve, &[0xa1, 0x44, 3, 0x42, 0], public];
            ("EC PRIVATE KEY", parts.concat())
        }
    };
    let base64 = base64::prelude::BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

/// What a server needs to present a certificate that it signed itself.
pub(crate) fn self_signed(is_ca: bool) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    server_config(params.self_signed(&key).unwrap(), &key, rustls::ALL_VERSIONS)
}

fn server_config(
    certificate: rcgen::Certificate,
    key: &KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.unwrap())
}

/// An established TLS connection of a server.
pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// What happens to one connection.
#[derive(Clone)]
pub(crate) enum Handshake {
    /// TLS, and this response to each request.
    Serve(Arc<ServerConfig>, Vec<u8>),
    /// TLS, and what this function does.
    Run(Arc<ServerConfig>, Arc<dyn Fn(Stream) + Send + Sync>),
    /// TLS, a request, and then these bytes on the socket, unencrypted.
    Unencrypted(Arc<ServerConfig>, Vec<u8>),
    /// TLS, a request, and then an encrypted alert of this number.
    Alert(Arc<ServerConfig>, u8),
    /// TLS, a request, and then the end.
    Cut(Arc<ServerConfig>),
    /// TLS, the head of a request, this response, and the end with a reset if there is more to read.
    Early(Arc<ServerConfig>, Vec<u8>),
    /// This response right behind the server's part of the handshake, and the end before the client's part of it.
    Hasty(Arc<ServerConfig>, Vec<u8>),
    /// These bytes in place of the server's part of the handshake, and the end.
    Bytes(Vec<u8>),
    /// A reset in the handshake.
    Reset,
    /// Nothing, until the client gives up.
    Silence,
}

/// A server that listens until the process ends.
pub(crate) struct TlsServer {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
    accepted: Arc<AtomicUsize>,
    _limit: Limit,
}

impl TlsServer {
    /// Plays `handshakes`, one for each connection, and the last for all further ones.
    pub(crate) fn start(handshakes: impl IntoIterator<Item = Handshake>) -> TlsServer {
        let handshakes: Vec<Handshake> = handshakes.into_iter().collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = TlsServer {
            port: listener.local_addr().unwrap().port(),
            received: Arc::default(),
            accepted: Arc::default(),
            _limit: Limit::start(),
        };
        let (received, accepted) = (Arc::clone(&server.received), Arc::clone(&server.accepted));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let nth = accepted.fetch_add(1, Ordering::SeqCst).min(handshakes.len() - 1);
                let (handshake, received) = (handshakes[nth].clone(), Arc::clone(&received));
                thread::spawn(move || handle(handshake, stream.unwrap(), &received));
            }
        });
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, by its address.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The requests that came, decrypted: head and body.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn handle(handshake: Handshake, mut stream: TcpStream, received: &Mutex<Vec<String>>) {
    let mut hello = [0; 16 * 1024];
    match handshake {
        Handshake::Serve(config, response) => {
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            while let Some(request) = receive(&mut tls) {
                received.lock().unwrap().push(request);
                if tls.write_all(&response).is_err() {
                    return;
                }
            }
        }
        Handshake::Run(config, run) => {
            run(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
        }
        Handshake::Unencrypted(config, bytes) => {
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            received.lock().unwrap().extend(receive(&mut tls));
            drop(tls.sock.write_all(&bytes));
            drop(tls.sock.shutdown(Shutdown::Write));
            drop(tls.sock.read(&mut hello));
        }
        Handshake::Alert(config, number) => {
            let mut config = ServerConfig::clone(&config);
            config.enable_secret_extraction = true;
            let tls = ServerConnection::new(Arc::new(config)).unwrap();
            let mut tls = StreamOwned::new(tls, stream);
            received.lock().unwrap().extend(receive(&mut tls));
            let (tls, mut stream) = tls.into_parts();
            drop(stream.write_all(&alert(tls, number)));
            drop(stream.shutdown(Shutdown::Write));
            drop(stream.read(&mut hello));
        }
        Handshake::Cut(config) => {
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            received.lock().unwrap().extend(receive(&mut tls));
        }
        Handshake::Early(config, response) => {
            // Else the response may still wait for an acknowledgement when the connection is reset.
            stream.set_nodelay(true).unwrap();
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            received.lock().unwrap().extend(receive_head(&mut tls));
            drop(tls.write_all(&response));
        }
        Handshake::Hasty(config, response) => {
            let mut config = ServerConfig::clone(&config);
            config.send_half_rtt_data = true;
            let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
            tls.read_tls(&mut stream).unwrap();
            tls.process_new_packets().unwrap();
            tls.writer().write_all(&response).unwrap();
            while tls.wants_write() {
                tls.write_tls(&mut stream).unwrap();
            }
        }
        Handshake::Bytes(bytes) => {
            drop(stream.read(&mut hello));
            drop(stream.write_all(&bytes));
        }
        // What is closed while there is something left to read is reset.
        Handshake::Reset => drop(stream.peek(&mut hello)),
        Handshake::Silence => while stream.read(&mut hello).is_ok_and(|read| read > 0) {},
    }
}

/// A record with a fatal alert, as the connection would encrypt it.
fn alert(tls: ServerConnection, number: u8) -> Vec<u8> {
    let suite = tls.negotiated_cipher_suite().unwrap();
    let (sequence, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
    let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else {
        unreachable!("{suite:?}")
    };
    let mut encrypter = match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let (fixed, explicit) = iv.as_ref().split_at(4);
            suite.aead_alg.encrypter(key, fixed, explicit)
        }
    };
    let plain = OutboundPlainMessage {
        typ: ContentType::Alert,
        version: ProtocolVersion::TLSv1_2,
        payload: OutboundChunks::Single(&[2, number]),
    };
    encrypter.encrypt(plain, sequence).unwrap().encode()
}

/// The next request; none at the end of the connection.
pub(crate) fn receive(stream: &mut impl Read) -> Option<String> {
    let mut received = receive_head(stream)?;
    let head = received.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    received.push_str(&String::from_utf8_lossy(&body));
    Some(received)
}

pub(crate) fn receive_head(stream: &mut impl Read) -> Option<String> {
    let (mut received, mut byte) = (Vec::new(), [0]);
    while !received.ends_with(b"\r\n\r\n") {
        (stream.read(&mut byte).ok()? > 0).then(|| received.push(byte[0]))?;
    }
    Some(String::from_utf8_lossy(&received).into_owned())
}
