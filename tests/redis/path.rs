//! A way to Redis that takes its time, and that may lead to another server later.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Path {
    port: u16,
    to: Arc<AtomicU16>,
}

impl Path {
    /// A way to this port; `latency` is there and back.
    pub(crate) fn start(to: u16, latency: Duration) -> Path {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let path = Path { port, to: Arc::new(AtomicU16::new(to)) };
        let to = Arc::clone(&path.to);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let to = (Ipv4Addr::LOCALHOST, to.load(Ordering::SeqCst));
                if let Ok(server) = TcpStream::connect(to) {
                    join(&stream, &server, latency / 2);
                }
            }
        });
        path
    }

    /// New connections lead to this port.
    pub(crate) fn switch_to(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn join(client: &TcpStream, server: &TcpStream, delay: Duration) {
    for (from, to) in [(client, server), (server, client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        to.set_nodelay(true).unwrap();
        thread::spawn(move || pass_on(from, to, delay));
    }
}

/// Whatever is sent while other bytes are on their way is on its way as well.
fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, on_the_way) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        for (arrives, bytes) in on_the_way {
            thread::sleep(arrives.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
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
