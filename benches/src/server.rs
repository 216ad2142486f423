//! The loopback server that all peers talk to: a thread for each connection, bodies made beforehand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::fixtures;

/// The server in a process of its own, until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(latency: Duration) -> Server {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args(["serve", &latency.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let output = child.stdout.take().expect("its output");
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address).expect("its address");
        Server { child, address: address.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Bodies {
    hello: String,
    alert: String,
    events: String,
    mentions: Vec<String>,
    latency: Duration,
}

/// Prints the address, and serves until the standard input ends.
pub(crate) fn serve(milliseconds: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let bodies = Arc::new(Bodies {
        hello: fixtures::hello(),
        alert: fixtures::alert(),
        events: fixtures::events(),
        mentions: (1..=fixtures::MENTIONS / fixtures::PER_PAGE).map(fixtures::mentions).collect(),
        latency: Duration::from_millis(milliseconds),
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bodies = Arc::clone(&bodies);
            thread::spawn(move || converse(&stream, &bodies));
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

fn converse(stream: &TcpStream, bodies: &Bodies) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let (method, target) = read_request(&mut reader)?;
        thread::sleep(bodies.latency);
        let (status, body) = respond(&method, &target, bodies)?;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             date: Fri, 08 May 2026 11:00:00 GMT\r\nserver: uvicorn\r\n\r\n"
        );
        writer.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let request = (words.next()?, words.next()?);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(request)
}

fn respond<'a>(method: &str, target: &str, bodies: &'a Bodies) -> Option<(&'static str, &'a str)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(match (method, path.rsplit('/').next()?) {
        ("GET", "hello") => ("200 OK", &bodies.hello),
        ("POST", "alerts") => ("201 Created", &bodies.alert),
        ("POST", "apiv1-fetch") => ("200 OK", &bodies.events),
        ("GET", "mentions") => {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, number) = pairs.find(|(name, _)| *name == "page")?;
            ("200 OK", bodies.mentions.get(number.parse::<usize>().ok()?.checked_sub(1)?)?)
        }
        _ => ("404 Not Found", "{}"),
    })
}
