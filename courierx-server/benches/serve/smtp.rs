//! A mail server that takes everything, and says when.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Listens on a port of its own, and tells the moment in which each message was handed over completely.
pub(crate) fn start() -> (u16, mpsc::Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, arrived) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || session(stream, &sender));
        }
    });
    (port, arrived)
}

fn session(mut stream: TcpStream, arrived: &mpsc::Sender<Instant>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    stream.write_all(b"220 bench\r\n").ok()?;
    while let Some(line) = lines.next() {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-bench\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").ok()?;
                lines.by_ref().take_while(|line| line != ".").for_each(drop);
                arrived.send(Instant::now()).ok()?;
                b"250 taken\r\n"
            }
            "QUIT" => return None,
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).ok()?;
    }
    None
}
