//! What idle streams of events cost, and how soon an event is told while they are open.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::floors::Floors;
use super::process::Program;

const STREAMS: usize = 500;
/// Fewer than one may have.
const OF_A_TENANT: usize = 50;
const WHILE: Duration = Duration::from_secs(30);
const MESSAGES: usize = 100;

pub(crate) fn measure(floors: &mut Floors) {
    let server = Program::courierx(&[]);
    let keys: Vec<_> = (0..STREAMS / OF_A_TENANT).map(|number| server.register(number)).collect();
    let alone = (share(&server), server.resident_mb());
    let mut open: Vec<_> = keys.iter().flat_map(|key| (0..OF_A_TENANT).map(|_| open(&server, key))).collect();
    let beside = (share(&server), server.resident_mb());
    println!(
        "  {STREAMS} idle streams: {:.2} % of a processor and {:.0} MB, {:.2} % and {:.0} MB without",
        beside.0, beside.1, alone.0, alone.1
    );
    floors.at_most("idle streams, % of a processor", beside.0 - alone.0, 1.0);
    let email = json!({
        "from_email": "code@myapp.example", "to_email": "user@example.com", "subject": "Your code",
        "text_body": "Your code is 123456.",
    });
    let reader = &mut open[0];
    let mut times: Vec<_> = (0..MESSAGES)
        .map(|_| {
            let start = Instant::now();
            server.post("/api/v1/emails", &keys[0], &email);
            until(reader, "event: delivered");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    floors.at_most("from the request to `delivered` in a stream, p50 ms", ms(times[MESSAGES / 2]), 100.0);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Which share of a processor it takes for a while, in %.
fn share(server: &Program) -> f64 {
    let before = server.processor_time();
    #[expect(clippy::disallowed_methods, reason = "what is measured is that nothing happens")]
    thread::sleep(WHILE);
    server.processor_time().saturating_sub(before).as_secs_f64() / WHILE.as_secs_f64() * 100.0
}

fn open(server: &Program, key: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let request =
        format!("GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    until(&mut reader, "id: ");
    reader
}

fn until(reader: &mut BufReader<TcpStream>, begins: &str) {
    let mut line = String::new();
    while !line.starts_with(begins) {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended");
    }
}
