//! A terminal into which a reader of the documents types.

use std::fs::{self, File};
use std::io::Write as _;
use std::iter;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use super::lines::Lines;

/// What is printed behind each block, to know its end.
const END: &str = "--- end of the block ---";

/// bash in a directory of its own.
pub(crate) struct Terminal {
    process: Child,
    input: ChildStdin,
    output: Lines,
    folder: tempfile::TempDir,
}

/// What a block of commands said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The status of each answer that curl got.
    pub(crate) statuses: Vec<u16>,
    /// The JSON that was printed.
    pub(crate) json: Vec<Value>,
}

impl Terminal {
    /// With these variables, and no others but `PATH` and `HOME`.
    pub(crate) fn open(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // curl's own configuration file makes it tell each status, without a change of the commands.
        fs::write(folder.path().join(".curlrc"), "write-out = \"%{stderr}status %{http_code}\\n\"\n")
            .unwrap();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc"]).current_dir(folder.path()).env_clear();
        bash.envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        bash.env("CURL_HOME", folder.path()).envs(variables.iter().copied());
        let errors = File::options().create(true).append(true).open(folder.path().join("errors")).unwrap();
        let mut process = bash
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("bash, which the documents are written for");
        let input = process.stdin.take().unwrap();
        let output = Lines::of(process.stdout.take().unwrap());
        Self { process, input, output, folder }
    }

    /// Types a block, and waits for its end.
    pub(crate) fn run(&mut self, block: &str) -> Said {
        fs::write(self.folder.path().join("errors"), "").unwrap();
        writeln!(self.input, "{block}\necho; echo '{END}'").unwrap();
        let lines = iter::repeat_with(|| self.output.next(block)).take_while(|line| line != END);
        let text = lines.collect::<Vec<_>>().join("\n");
        let errors = fs::read_to_string(self.folder.path().join("errors")).unwrap();
        let statuses = errors.lines().map(|line| match line.strip_prefix("status ") {
            Some(status) => status.parse().unwrap(),
            None => panic!("{line}\nwas the complaint about:\n{block}"),
        });
        let json = serde_json::Deserializer::from_str(&text).into_iter().map_while(Result::ok).collect();
        Said { statuses: statuses.collect(), json }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
