//! A way to Redis that takes its time, and that may lead to another server later.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Path {
    port: u16,
    to: Arc<AtomicU16>,
    is_closed: Arc<AtomicBool>,
    /// How often it was closed: whatever is sent on a connection of before is lost.
    closures: Arc<AtomicUsize>,
}

impl Path {
    /// A way to this port; `latency` is there and back.
    pub(crate) fn start(to: u16, latency: Duration) -> Path {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = Arc::new(AtomicU16::new(to));
        let path = Path { port, to, is_closed: Arc::default(), closures: Arc::default() };
        let (to, is_closed) = (Arc::clone(&path.to), Arc::clone(&path.is_closed));
        let closures = Arc::clone(&path.closures);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let to = (Ipv4Addr::LOCALHOST, to.load(Ordering::SeqCst));
                if is_closed.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(to) {
                    join(&stream, &server, latency / 2, &closures);
                }
            }
        });
        path
    }

    /// Takes no new connections, and loses whatever is sent on the others, for ever.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.closures.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes new connections again.
    pub(crate) fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }

    /// New connections lead to this port.
    pub(crate) fn switch_to(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn join(client: &TcpStream, server: &TcpStream, delay: Duration, closures: &Arc<AtomicUsize>) {
    let opened = closures.load(Ordering::SeqCst);
    for (from, to) in [(client, server), (server, client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        to.set_nodelay(true).unwrap();
        let closures = Arc::clone(closures);
        let is_lost = move || closures.load(Ordering::SeqCst) != opened;
        thread::spawn(move || pass_on(from, to, delay, is_lost));
    }
}

/// Whatever is sent while other bytes are on their way is on its way as well.
fn pass_on(
    mut from: TcpStream,
    mut to: TcpStream,
    delay: Duration,
    is_lost: impl Fn() -> bool + Send + 'static,
) {
    let (sender, on_the_way) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        for (arrives, bytes) in on_the_way {
            thread::sleep(arrives.saturating_duration_since(Instant::now()));
            if !is_lost() && to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if sender.send((Instant::now() + delay, bytes[..length].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
}
