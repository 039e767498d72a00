//! The documentation is true: its snippets are parts of examples, and the examples run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents, by name.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let top = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map(|name| root().join(name));
    docs.chain(top)
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// The code blocks of a language, without the indentation of their lines.
fn blocks(text: &str, language: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == format!("```{language}") {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            blocks.push(block.map(|line| line.trim().to_owned()).collect());
        }
    }
    blocks
}

/// The program of an example, which `cargo test` builds beside this test.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(built.exists(), "{} is not built: run `cargo build --examples --all-features`", built.display());
    built
}

fn run(name: &str) -> Output {
    let mut program = Command::new(example(name));
    program.env_remove("SMTP_URL").stdin(Stdio::null());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn said(name: &str) -> String {
    String::from_utf8(run(name).stdout).unwrap()
}

#[test]
fn every_snippet_is_part_of_an_example() {
    // Examples are run below, tests here; and one belongs to the server.
    let programs = ["examples", "tests/it", "courierx-server/tests/it/webhook_endpoints"];
    let programs = programs.map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let files = programs.into_iter().flatten().map(|entry| entry.unwrap().path());
    let examples: Vec<Vec<String>> = files
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).unwrap())
        .map(|text| text.lines().map(|line| line.trim().to_owned()).collect())
        .collect();
    let mut found = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "rust") {
            // The imports stand at the top of an example, the rest somewhere below.
            for part in block.split(String::is_empty).filter(|part| !part.is_empty()) {
                let known =
                    examples.iter().any(|example| example.windows(part.len()).any(|lines| lines == part));
                assert!(known, "{}: no example has these lines:\n{}", path.display(), part.join("\n"));
                found += 1;
            }
        }
    }
    assert!(found > 5, "the snippets were not found");
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    let mut found = 0;
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            found += 1;
        }
    }
    assert!(found > 10, "the links were not found");
}

/// A test of the server that types the blocks with curl of some documents into a shell, as they are printed.
const TYPED_BY: &str = "courierx-server/tests/it/readme.rs";
/// One that types every block of a document.
const OPERATED_BY: &str = "courierx-server/tests/it/admin/operations.rs";

#[test]
fn every_command_of_the_documentation_is_run_or_exists() {
    let typed = std::fs::read_to_string(root().join(TYPED_BY)).unwrap();
    let operated = std::fs::read_to_string(root().join(OPERATED_BY)).unwrap();
    let mut found = 0;
    for (path, text) in documents() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        if operated.contains(&format!(": &str = \"{name}\";")) {
            found += blocks(&text, "sh").len();
            continue;
        }
        for block in blocks(&text, "sh") {
            if block.iter().any(|line| line.contains("curl ")) {
                let constant = format!(": &str = \"{name}\";");
                assert!(typed.contains(&constant), "{name}: {TYPED_BY} does not run {block:#?}");
                found += 1;
                continue;
            }
            for command in block {
                let words: Vec<&str> = command.split(" #").next().unwrap().split_whitespace().collect();
                match words.as_slice() {
                    ["cargo", "run", "--example", name, ..] => {
                        example(name);
                    }
                    ["cargo", "run", "--release", "-p", package] => {
                        let file = root().join(package).join("src/main.rs");
                        assert!(file.exists(), "{name}: there is no program {package}");
                    }
                    ["cargo", "run", "--release", "-p", package, "--", command, ..] => {
                        let tests = root().join(package).join("tests/it").join(format!("{command}.rs"));
                        assert!(tests.exists(), "{name}: no test runs {package} {command}");
                    }
                    ["cargo", "xtask", task, ..] => {
                        let file = root().join("xtask/src").join(format!("{task}.rs"));
                        assert!(file.exists(), "{name}: there is no task {task}");
                    }
                    _ => panic!("{name}: {command:?} is run by no test"),
                }
                found += 1;
            }
        }
    }
    assert!(found > 10, "the commands were not found");
}

#[cfg(all(feature = "smtp", feature = "sqlite"))]
#[test]
fn the_readme_does_what_it_says() {
    assert!(said("readme").starts_with("kept "));
    let quickstart = said("quickstart");
    assert!(quickstart.contains("through sandbox"), "{quickstart}");
    assert!(quickstart.contains("Hello Ada"), "{quickstart}");
}

#[cfg(feature = "smtp")]
#[test]
fn failover_goes_to_the_second() {
    let said = said("failover");
    assert!(said.contains("primary: Refused") && said.contains("fallback: Accepted"), "{said}");
    assert!(said.contains("rule Some(\"newsletters\"), weighted: Send"), "{said}");
    assert!(said.contains("tier 0: bulk: can be used") && said.contains("tier 1: fallback"), "{said}");
    assert!(said.contains("primary: closed, 86 % go well, last error Some"), "{said}");
}

#[cfg(feature = "sqlite")]
#[test]
fn the_transaction_carries_the_mail() {
    let said = said("transactional_outbox");
    assert!(said.contains("1 order, 1 confirmation"), "{said}");
    assert!(said.contains("You bought a book."), "{said}");
}

#[test]
fn a_provider_of_ones_own_sends() {
    let said = said("custom_provider");
    assert!(said.contains("ada@example.com") && said.contains("Accepted"), "{said}");
}

#[cfg(feature = "lettre")]
#[test]
fn a_lettre_message_is_sent() {
    assert!(said("lettre_transport").contains("Hello, Ada"));
}

#[test]
fn templates_are_rendered_or_refused() {
    let said = said("templates");
    assert!(said.contains("Ada & Charles, your 2 items"), "{said}");
    assert!(said.contains("<li>Engine &lt;analytical&gt;</li><li>Punched cards (a gift)</li>"), "{said}");
    assert!(said.contains("refused: html:"), "{said}");
}
