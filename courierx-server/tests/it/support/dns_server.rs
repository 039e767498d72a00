//! A small DNS server on this machine, over UDP and TCP, that knows what a test tells it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable as _, BinEncodable as _};

/// Bytes of an answer over UDP.
const OVER_UDP: usize = 1232;

#[derive(Default)]
struct Zone {
    records: BTreeMap<String, Vec<RData>>,
    silent: BTreeSet<String>,
    broken: BTreeSet<String>,
    asked: Vec<(String, RecordType)>,
    ttl: u32,
}

/// A running server. It ends with the process.
#[derive(Clone)]
pub(crate) struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl DnsServer {
    pub(crate) fn start() -> Self {
        // The same port for both.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let server = Self { address: udp.local_addr().unwrap(), zone: Arc::default() };
        let (over_udp, over_tcp) = (server.clone(), server.clone());
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((size, from)) = udp.recv_from(&mut buffer) {
                if let Some(answer) = over_udp.answer(&buffer[..size], OVER_UDP) {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let server = over_tcp.clone();
                thread::spawn(move || {
                    let mut size = [0; 2];
                    while stream.read_exact(&mut size).is_ok() {
                        let mut query = vec![0; u16::from_be_bytes(size).into()];
                        if stream.read_exact(&mut query).is_err() {
                            return;
                        }
                        let Some(answer) = server.answer(&query, usize::from(u16::MAX)) else { continue };
                        let size = u16::try_from(answer.len()).unwrap().to_be_bytes();
                        let _ = stream.write_all(&size).and_then(|()| stream.write_all(&answer));
                    }
                });
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap()
    }

    fn add(&self, name: &str, data: RData) {
        self.zone().records.entry(name.to_owned()).or_default().push(data);
    }

    /// Adds a text.
    pub(crate) fn txt(&self, name: &str, text: &str) {
        let parts = text.as_bytes().chunks(255).collect();
        self.add(name, RData::TXT(TXT::from_bytes(parts)));
    }

    /// Adds a text of these strings.
    pub(crate) fn txt_of(&self, name: &str, parts: &[&str]) {
        self.add(name, RData::TXT(TXT::from_bytes(parts.iter().map(|part| part.as_bytes()).collect())));
    }

    pub(crate) fn cname(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(absolute(target))));
    }

    pub(crate) fn mx(&self, name: &str, server: &str) {
        self.add(name, RData::MX(MX::new(10, absolute(server))));
    }

    pub(crate) fn address_of(&self, name: &str) {
        self.add(name, RData::A(A::new(192, 0, 2, 1)));
    }

    /// Removes everything at a name.
    pub(crate) fn remove(&self, name: &str) {
        self.zone().records.remove(name);
    }

    /// For how long answers hold from now on.
    pub(crate) fn ttl(&self, seconds: u32) {
        self.zone().ttl = seconds;
    }

    /// Answers nothing about a name any more.
    pub(crate) fn silence(&self, name: &str) {
        self.zone().silent.insert(name.to_owned());
    }

    /// Answers SERVFAIL about a name, or as usual again.
    pub(crate) fn set_broken(&self, name: &str, broken: bool) {
        if broken {
            self.zone().broken.insert(name.to_owned());
        } else {
            self.zone().broken.remove(name);
        }
    }

    /// How often it was asked for a name.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.zone().asked.iter().filter(|(asked, _)| asked == name).count()
    }

    fn answer(&self, query: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut message = Message::from_bytes(query).ok()?;
        let question = message.queries.first()?.clone();
        let name = question.name().to_ascii().to_ascii_lowercase();
        let name = name.trim_end_matches('.').to_owned();
        let mut zone = self.zone();
        zone.asked.push((name.clone(), question.query_type()));
        if zone.silent.contains(&name) {
            return None;
        }
        message.metadata.message_type = MessageType::Response;
        message.metadata.recursion_available = true;
        let is_asked_for = |data: &&RData| {
            data.record_type() == question.query_type() || data.record_type() == RecordType::CNAME
        };
        match zone.records.get(&name) {
            _ if zone.broken.contains(&name) => message.metadata.response_code = ResponseCode::ServFail,
            None => message.metadata.response_code = ResponseCode::NXDomain,
            Some(all) => {
                for data in all.iter().filter(is_asked_for) {
                    let record = Record::from_rdata(question.name().clone(), zone.ttl, data.clone());
                    message.add_answer(record);
                }
            }
        }
        let bytes = message.to_bytes().ok()?;
        if bytes.len() <= most {
            return Some(bytes);
        }
        message.metadata.truncation = true;
        message.answers.clear();
        message.to_bytes().ok()
    }
}

fn absolute(name: &str) -> Name {
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    name
}
