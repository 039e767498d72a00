//! The documents are true: README.md and docs/server.md are typed into a shell as they are printed.
//!
//! The library's tests (`tests/it/documentation.rs`) let no document have commands for curl but those that are
//! run here.

use std::path::Path;

use courierx_server::config::Settings;
use courierx_server::ctx::Role;
use courierx_server::http::{Access, routes};
use serde_json::json;
use tempfile::TempDir;

use crate::support::mail_server::LOGIN;
use crate::support::terminal::Said;
use crate::support::{Binary, DnsServer, MailServer, Terminal};

/// The documents whose commands are run here.
const README: &str = "README.md";
const SERVER: &str = "docs/server.md";
/// What the operator's programs show.
const INTERNAL_SECRET: &str = "s3cret-of-the-operators-programs";

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// The blocks of commands for curl, in their order.
fn blocks(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains("curl ")).collect()
}

/// A server, the mail server that it can reach, and a terminal to talk to it.
struct Desk {
    binary: Binary,
    mail: MailServer,
    dns: DnsServer,
    terminal: Terminal,
    _folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let (mail, folder) = (MailServer::start(), tempfile::tempdir().unwrap());
        let (certificate, dns) = (mail.certificate(), DnsServer::start());
        let dns_server = dns.address().to_string();
        let trust = [
            ("COURIERX_CA_FILE", certificate.to_str().unwrap()),
            ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8"),
            ("INTERNAL_SECRET", INTERNAL_SECRET),
            ("COURIERX_REQUIRE_VERIFIED_DOMAINS", "true"),
            ("COURIERX_DNS_SERVER", &dns_server),
        ];
        let binary = Binary::start(folder.path(), &trust);
        let port = mail.port().to_string();
        let terminal = Terminal::open(&[
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &port),
            ("SMTP_USER", LOGIN.0),
            ("SMTP_PASSWORD", LOGIN.1),
            ("INTERNAL_SECRET", INTERNAL_SECRET),
        ]);
        Self { binary, mail, dns, terminal, _folder: folder }
    }

    /// Types a block, and publishes what an answer asks for.
    fn run(&mut self, block: &str) -> Said {
        let said = self.terminal.run(block);
        for domain in said.json.iter().filter(|answer| answer["verification_token"].is_string()) {
            let name = format!("_courierx.{}", domain["domain"].as_str().unwrap());
            self.dns.txt(&name, domain["verification_token"].as_str().unwrap());
        }
        said
    }

    /// The text with this server's port where the usual one is printed.
    fn at_home(&self, text: &str) -> String {
        let usual = Settings::in_directory(Path::new("").to_owned()).listen.port();
        text.replace(&format!("localhost:{usual}"), &format!("localhost:{}", self.binary.port()))
    }
}

#[tokio::test]
async fn the_readme_leads_from_nothing_to_a_delivered_mail() {
    let readme = document(README);
    assert!(readme.contains("```sh\ncargo run --release -p courierx-server\n```"));
    let mut desk = Desk::new();
    let blocks = blocks(&desk.at_home(&readme));
    let [first, look, connect, domain, proof, send, list] = &blocks[..] else {
        panic!("other blocks: {blocks:#?}")
    };

    let said = desk.terminal.run(first);
    assert_eq!(said.statuses, [201, 201, 202], "{said:?}");
    assert_eq!(said.json[0]["status"], "queued");
    let said = desk.terminal.run(look);
    assert_eq!(said.statuses, [200], "{said:?}");
    assert_eq!(said.json[0][0]["subject"], "Welcome, Ada");

    let said = desk.terminal.run(connect);
    assert_eq!(said.statuses, [201], "{said:?}");
    assert_eq!((&said.json[0]["status"], &said.json[0]["tls"]), (&json!("active"), &json!("starttls")));
    let said = desk.run(domain);
    assert_eq!((&said.statuses[..], &said.json[0]["status"]), (&[201][..], &json!("pending")), "{said:?}");
    let said = desk.run(proof);
    assert_eq!(
        (&said.statuses[..], &said.json[0]["status"]),
        (&[200, 200][..], &json!("verified")),
        "{said:?}"
    );
    let said = desk.terminal.run(send);
    assert_eq!(said.statuses, [202], "{said:?}");
    let id = said.json[0]["id"].clone();
    let report = desk.mail.report();
    assert_eq!(report["encrypted"], true, "{report}");
    assert_eq!(report["rcpt_tos"], json!(["user@example.com"]), "{report}");
    let text = report["text"].as_str().unwrap().trim();
    assert_eq!(text, "Sent by CourierX.");

    desk.binary.client().drained().await;
    let said = desk.terminal.run(list);
    assert_eq!(said.statuses, [200], "{said:?}");
    let (real, sandbox) = (&said.json[0][0], &said.json[0][1]);
    assert_eq!((&real["id"], &real["status"], &real["provider"]), (&id, &json!("sent"), &json!("smtp")));
    assert_eq!(sandbox["provider"], "sandbox", "{said:?}");
}

#[tokio::test]
async fn every_request_of_the_servers_page_is_answered_as_it_says() {
    let mut desk = Desk::new();
    // The page goes on where README.md ended.
    for block in blocks(&desk.at_home(&document(README))) {
        desk.run(&block);
    }
    let page = desk.at_home(&document(SERVER));
    let blocks = blocks(&page);
    assert!(blocks.len() > 3, "the blocks were not found");
    for block in &blocks {
        let said = desk.run(block);
        let asked = block.matches("curl ").count();
        assert_eq!(said.statuses.len(), asked, "{block}\n{said:?}");
        assert!(said.statuses.iter().all(|status| (200..300).contains(status)), "{block}\n{said:?}");
    }
}

#[test]
fn the_servers_page_has_every_route_and_what_it_needs() {
    let page = document(SERVER);
    for route in routes() {
        let request = format!("`{} {}`", route.method, route.path);
        let row = page.lines().find(|line| line.contains(&request));
        let row = row.unwrap_or_else(|| panic!("{SERVER} does not have {request}"));
        let needs = match route.access {
            Access::Public => continue,
            Access::Internal => "| `INTERNAL_SECRET` |".to_owned(),
            Access::Admin => "| `SUPER_ADMIN_API_KEY` |".to_owned(),
            Access::Member(Role::Viewer) => "| a token |".to_owned(),
            Access::Member(Role::Owner) => "| an owner's token |".to_owned(),
            Access::Member(Role::Admin) => "| an admin's token |".to_owned(),
            Access::Member(role) => format!("| a {role}'s token |"),
            Access::Needs(scope) => format!("| `{scope}` |"),
        };
        assert!(row.contains(&needs), "{row} needs {needs}");
    }
}

#[tokio::test]
async fn a_copy_of_the_data_directory_is_a_backup() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let binary = Binary::start(folder.path(), &[]);
    let new = json!({ "name": "a", "email": "a@a.example", "password": "secure-password" });
    let token = binary.client().post("/api/v1/auth/register", &new).await.body["token"].clone();
    let email = json!({ "from": "a@a.example", "to": "b@b.example", "subject": "kept", "text": "kept" });
    let owner = |binary: &Binary| binary.client().with(token.as_str().unwrap());
    assert_eq!(owner(&binary).post("/api/v1/emails", &email).await.status, 202);
    binary.terminate();
    let copy = copies.path().join("courierx-data");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(folder.path().join("courierx-data")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    // The token still works, and the content can still be read.
    let restored = Binary::start(copies.path(), &[]);
    let listed = owner(&restored).get("/api/v1/emails").await;
    assert_eq!((listed.status, &listed.body[0]["subject"]), (200, &json!("kept")), "{listed:?}");
}
