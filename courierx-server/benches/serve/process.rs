//! Programs that are measured from outside.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{echo, options, receiver};

/// A program that listens. It is asked to end when it is dropped, so that one that counts what it does can tell.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    pub(crate) ready_after: Duration,
    folder: TempDir,
}

impl Program {
    /// The server, on a fresh directory.
    pub(crate) fn courierx(settings: &[(&str, &str)]) -> Self {
        Self::start(Self::command(settings), tempfile::tempdir().unwrap())
    }

    /// Ends it, and starts it once more with other settings on what it kept.
    pub(crate) fn again(mut self, settings: &[(&str, &str)]) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        drop(self);
        Self::start(Self::command(settings), folder)
    }

    fn command(settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(options::server());
        // There is no DNS to verify domains by.
        command.env("PORT", "0").env("LOG_LEVEL", "warn").env("COURIERX_REQUIRE_VERIFIED_DOMAINS", "false");
        command.env("COURIERX_RATE_LIMIT_PER_MINUTE", "0");
        command.envs(settings.iter().copied());
        command
    }

    /// What is told by webhooks.
    pub(crate) fn receiver() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(receiver::RECEIVER);
        Self::start(command, tempfile::tempdir().unwrap())
    }

    /// The bare handler.
    pub(crate) fn echo() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(echo::ARGUMENT);
        Self::start(command, tempfile::tempdir().unwrap())
    }

    fn start(mut command: Command, folder: TempDir) -> Self {
        let start = Instant::now();
        let mut child = command.current_dir(&folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).unwrap();
        std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        let ready_after = start.elapsed();
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, ready_after, folder }
    }

    /// Registers another tenant, and makes an API key.
    pub(crate) fn register(&self, number: usize) -> String {
        let email = format!("bench{number}@example.com");
        let new = json!({ "name": "Bench", "email": email, "password": "a good password" });
        // From one address only so many may register in a minute.
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1).unwrap());
        let token =
            self.post_from(from, "/api/v1/auth/register", "", &new)["token"].as_str().unwrap().to_owned();
        let key = self.post("/api/v1/api_keys", &token, &json!({ "name": "bench" }));
        key["raw_key"].as_str().unwrap().to_owned()
    }

    /// Puts so many addresses on the suppression list.
    pub(crate) fn suppress(&self, key: &str, count: usize) {
        for number in 0..count {
            self.post("/api/v1/suppressions", key, &json!({ "email": format!("gone{number}@example.com") }));
        }
    }

    /// Asks, and insists on success.
    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        self.post_from(Ipv4Addr::LOCALHOST, path, token, body)
    }

    fn post_from(&self, from: Ipv4Addr, path: &str, token: &str, body: &Value) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client =
                reqwest::Client::builder().no_proxy().local_address(IpAddr::V4(from)).build().unwrap();
            let request = client.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
            request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
        })
    }

    /// Reads something, and insists on success.
    pub(crate) fn get(&self, path: &str, token: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.get(format!("{}{path}", self.url)).bearer_auth(token);
            request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
        })
    }

    /// Messages that wait or are under delivery.
    pub(crate) fn queued(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let health: Value = runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(format!("{}/api/v1/health", self.url)).send().await.unwrap();
            answer.json().await.unwrap()
        });
        let count = |state: &str| health["services"]["queue"][state].as_u64().unwrap_or(1);
        ["due", "waiting", "under_delivery"].map(count).iter().sum()
    }

    /// How long processors worked for it.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit(") ").next().unwrap();
        let ticks = |field: usize| after_name.split(' ').nth(field).unwrap().parse::<u64>().unwrap();
        // Hundredths of a second wherever Linux runs: in the program, and in the kernel for it.
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// Resident memory, in MB.
    pub(crate) fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1000.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
