//! Load, by `wrk`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::process::Program;

/// The request that is repeated: about 350 bytes of JSON.
pub(crate) struct Script {
    folder: TempDir,
}

impl Script {
    /// For these keys in turn.
    pub(crate) fn new(keys: &[String]) -> Self {
        let body = json!({
            "from_email": "hello@myapp.example",
            "from_name": "My App",
            "to_email": "user@example.com",
            "subject": "Welcome to My App",
            "html_body": "<h1>Welcome!</h1><p>Thanks for signing up. We are glad that you are here with us.</p>",
            "text_body": "Welcome! Thanks for signing up. We are glad that you are here with us.",
            "tags": ["welcome", "onboarding"],
        });
        let lua = format!(
            "wrk.method = 'POST'\nwrk.body = [=[{body}]=]\n\
             wrk.headers['Content-Type'] = 'application/json'\nwrk.headers['Authorization'] = 'Bearer {key}'\n",
            key = keys[0]
        );
        // Requests are made beforehand: to make one each time would measure the client.
        let turns = if keys.len() == 1 {
            String::new()
        } else {
            let keys: Vec<_> = keys.iter().map(|key| format!("'{key}'")).collect();
            format!(
                "local requests, turn = {{}}, 0\n\
                 local function make()\n\
                   for _, key in ipairs({{{}}}) do\n\
                     wrk.headers['Authorization'] = 'Bearer ' .. key\n\
                     requests[#requests + 1] = wrk.format()\n\
                   end\n\
                 end\n\
                 function request()\n\
                   if #requests == 0 then make() end\n\
                   turn = turn % #requests + 1\n\
                   return requests[turn]\n\
                 end\n",
                keys.join(", ")
            )
        };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("post.lua"), lua + &turns).unwrap();
        Self { folder }
    }
}

/// Requests for several paths, in turn.
pub(crate) struct Random {
    folder: TempDir,
}

impl Random {
    /// For these paths.
    pub(crate) fn new(paths: &[String], key: &str) -> Self {
        // Requests are made beforehand, as above.
        let lua = format!(
            "local requests, turn = {{}}, 0\n\
             function request()\n\
               if #requests == 0 then\n\
                 wrk.headers['Authorization'] = 'Bearer {key}'\n\
                 for path in io.lines('paths') do requests[#requests + 1] = wrk.format('GET', path) end\n\
               end\n\
               turn = turn % #requests + 1\n\
               return requests[turn]\n\
             end\n"
        );
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("get.lua"), lua).unwrap();
        fs::write(folder.path().join("paths"), paths.join("\n")).unwrap();
        Self { folder }
    }

    /// Reads them over 64 connections, by one thread.
    pub(crate) fn read(&self, program: &Program, time: Duration) -> Load {
        let mut wrk = wrk(64, time);
        wrk.args(["-s", "get.lua"]).arg(&program.url);
        run(wrk.current_dir(&self.folder))
    }
}

/// What came of it.
pub(crate) struct Load {
    pub(crate) rate: f64,
    pub(crate) p99_ms: f64,
}

/// Loads a program over so many connections, by one thread.
pub(crate) fn load(program: &Program, script: &Script, connections: u32, time: Duration) -> Load {
    let mut wrk = wrk(connections, time);
    wrk.args(["-s", "post.lua"]).arg(format!("{}/api/v1/emails", program.url));
    run(wrk.current_dir(&script.folder))
}

/// Reads something over 64 connections, by one thread.
pub(crate) fn read(program: &Program, path: &str, key: &str, time: Duration) -> Load {
    let mut wrk = wrk(64, time);
    run(wrk.args(["-H", &format!("Authorization: Bearer {key}")]).arg(format!("{}{path}", program.url)))
}

fn wrk(connections: u32, time: Duration) -> Command {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{}s", time.as_secs()), "--latency"]);
    wrk
}

fn run(wrk: &mut Command) -> Load {
    let output = wrk.output().expect("wrk is needed: apt-get install wrk");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains("Non-2xx"), "{text}");
    let word = |line: &str| {
        let found = text.lines().map(str::trim).find_map(|each| each.strip_prefix(line));
        found.unwrap_or_else(|| panic!("no {line} in {text}")).trim().to_owned()
    };
    Load { rate: word("Requests/sec:").parse().unwrap(), p99_ms: milliseconds(&word("99%")) }
}

fn milliseconds(text: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor))).unwrap();
    number.parse::<f64>().unwrap() * factor
}
