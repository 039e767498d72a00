//! Entries as tables in CSV, in and out.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Client, TestServer};

const IMPORT: &str = "/api/v1/suppressions/import";
const EXPORT: &str = "/api/v1/suppressions/export";

async fn import(client: &Client, table: impl Into<reqwest::Body>) -> Answer {
    let request = client.request(Method::POST, IMPORT).header("content-type", "text/csv").body(table);
    client.send(request).await
}

#[tokio::test]
pub(crate) async fn what_is_exported_can_be_imported_and_no_cell_is_a_formula() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let table = "\u{feff}Email,note, reason ,expires_at,mine\r\n\
                 Ada@Example.com,\"=HYPERLINK(\"\"x\"\")\",complaint,2099-01-01T00:00:00Z,1\r\n\
                 *@two.example,\"'+1, and\nmore\",,,2\r\n\
                 three.example\r\n\
                 -x@four.example,'quoted',hard_bounce,,\r\n";
    let imported = import(&owner, table).await;
    let expected = json!({ "rows": 4, "added": 4, "updated": 0, "failed": 0, "errors": [] });
    assert_eq!((imported.status, &imported.body), (200, &expected), "{imported:?}");
    let ada = owner.get("/api/v1/suppressions/check?email=ada@example.com").await;
    let entry = &ada.body["suppression"];
    assert_eq!((&entry["reason"], &entry["source"]), (&json!("complaint"), &json!("import")));
    assert_eq!(
        (&entry["note"], &entry["expires_at"]),
        (&json!("=HYPERLINK(\"x\")"), &json!("2099-01-01T00:00:00.000000Z"))
    );

    let whole = owner.get(EXPORT).await;
    assert_eq!(
        (whole.status, &whole.headers["content-type"]),
        (200, &"text/csv; charset=utf-8".parse().unwrap())
    );
    let mut reader = csv::Reader::from_reader(whole.text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(4).collect::<Vec<_>>(),
        ["email", "reason", "note", "expires_at"]
    );
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4, "{}", whole.text);
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
    }

    let other = server.owner("other").await;
    assert_eq!(import(&other, whole.text.clone()).await.body["added"], 4);
    let seen = async |client: &Client| {
        let listed = client.get("/api/v1/suppressions").await.body;
        let entries = listed.as_array().unwrap().iter();
        let parts = ["email", "reason", "note", "expires_at"];
        entries.map(|one| parts.map(|part| one[part].clone())).collect::<Vec<_>>()
    };
    assert_eq!(seen(&other).await, seen(&owner).await);
    assert_eq!(import(&other, whole.text).await.body["updated"], 4, "again changes nothing");
    let some = owner.get(&format!("{EXPORT}?reason=bounce")).await;
    assert_eq!(some.text.lines().count(), 2, "{}", some.text);
    assert_eq!(owner.get(&format!("{EXPORT}?reason=whim")).await.status, 422);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_line_and_the_rest_is_added() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let mut table = b"email,reason,expires_at\nada@example.com,,\n\nnobody,whim,tomorrow\n\"bob@example.com\",,2020-01-01T00:00:00Z\n".to_vec();
    table.extend(b"\xff\xfe@example.com,,\nlast@example.com,unsubscribe,\n");
    let imported = import(&owner, table).await;
    assert_eq!(imported.status, 200, "{imported:?}");
    let numbers = ["rows", "added", "failed"].map(|name| imported.body[name].as_u64().unwrap());
    assert_eq!(numbers, [5, 2, 3], "{imported:?}");
    let errors = imported.body["errors"].as_array().unwrap();
    let told: Vec<_> = errors
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["errors"].as_array().unwrap().len()))
        .collect();
    assert_eq!(told, [(4, 3), (5, 1), (6, 1)], "{imported:?}");
    let many = "nobody\n".repeat(1000);
    let bounded = import(&owner, format!("email\n{many}")).await;
    assert_eq!(
        (&bounded.body["failed"], bounded.body["errors"].as_array().unwrap().len()),
        (&json!(1000), 100)
    );
}

#[tokio::test]
async fn a_table_that_is_none_or_too_long_changes_nothing() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let rows = "a@b.example\n".repeat(100_001);
    for table in
        [String::new(), "{}".to_owned(), "mail\nada@example.com\n".to_owned(), format!("email\n{rows}")]
    {
        let refused = import(&owner, table).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("validation_error")), "{refused:?}");
    }
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    assert_eq!(import(&owner, large).await.status, 413);
    assert_eq!(owner.get("/api/v1/suppressions").await.body, json!([]));
    let viewer = server.key(&owner, "test").await;
    assert_eq!(import(&viewer, "email\nada@example.com\n").await.status, 403);
}

#[tokio::test]
async fn a_long_list_goes_in_and_comes_out_whole() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let rows: Vec<_> = (0..5000).map(|number| format!("u{number:04}@example.com,{number}\n")).collect();
    let rows = rows.concat();
    let imported = import(&owner, format!("email,note\n{rows}")).await;
    assert_eq!(imported.body["added"], 5000, "{imported:?}");
    let whole = owner.get(EXPORT).await;
    let mut reader = csv::Reader::from_reader(whole.text.as_bytes());
    let notes: Vec<usize> = reader.records().map(|row| row.unwrap()[2].parse().unwrap()).collect();
    assert_eq!(notes, (0..5000).collect::<Vec<_>>());
}
