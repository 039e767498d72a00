//! Whatever the values are, they bring no markup into HTML and no line into a header.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::{at, create};
use crate::support::TestServer;

/// Texts of what means something to HTML, to templates or to a header.
fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "<",
        ">",
        "&",
        "\"",
        "'",
        "`",
        "=",
        "{{",
        "}}",
        "{{{name}}}",
        "<script>",
        "</p>",
        "&lt;",
        "\\",
        "\r\n",
        "\n",
        "\u{2028}",
        "\u{0}",
        "Bcc: eve@example.com",
        "é",
        "a",
        " ",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

#[test]
fn escaping_holds() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, owner, path) = runtime.block_on(async {
        let server = TestServer::start().await;
        let owner = server.owner("acme").await;
        let body = json!({
            "name": "Any", "subject": "s {{inline}}", "text_body": "{{name}}",
            "html_body": "<p title=\"{{name}}\">{{#with deep}}{{name}}{{/with}}{{#each list}}{{this}}{{/each}}</p>",
        });
        let template = create(&owner, &body).await;
        (server, owner, format!("{}/preview", at(&template)))
    });
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let result = runner.run(&text(), |text| {
        let inside = |text: &str| json!({ "name": text, "deep": { "name": text }, "list": [text, text] });
        let mut variables = inside(&text);
        let bodies = runtime.block_on(owner.post(&path, &json!({ "variables": variables })));
        prop_assert_eq!(bodies.status, 200, "{:?}", bodies);
        prop_assert_eq!(bodies.body["text_body"].as_str(), Some(&*text));
        let html = bodies.body["html_body"].as_str().unwrap();
        let (title, rest) = html.strip_prefix("<p title=\"").unwrap().split_once("\">").unwrap();
        let content = rest.strip_suffix("</p>").unwrap();
        prop_assert_eq!(title.repeat(3), content);
        prop_assert!(
            !html.contains("<script") && !content.contains(['<', '>', '"', '\'', '`', '=']),
            "{}",
            html
        );
        // A line that ends in a subject is refused, and anything else arrives as it is.
        variables["inline"] = json!(text);
        let subject = runtime.block_on(owner.post(&path, &json!({ "variables": variables })));
        if text.chars().any(|one| one.is_control() || one == '\u{2028}') {
            prop_assert_eq!(subject.status, 422);
        } else {
            prop_assert_eq!(subject.body["subject"].as_str().unwrap(), format!("s {text}"));
        }
        Ok(())
    });
    runtime.block_on(server.stop());
    result.unwrap();
}
