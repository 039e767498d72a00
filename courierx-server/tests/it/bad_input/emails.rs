//! Messages with values that no message may have.

use serde_json::{Value, json};

use super::{Target, assert_names, assert_refused, email, with};

#[tokio::test]
async fn an_address_is_one_address() {
    let target = Target::new().await;
    let wrong = [
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example.com, bob@example.com",
        "ada@example.com;bob@example.com",
        "ada@example.com bob@example.com",
        "Ada <ada@example.com>, Bob <bob@example.com>",
        "ada@example.com, Bob <bob@example.com>",
        "Ada <ada@example.com> <bob@example.com>",
        "Ada <<ada@example.com>>",
        "<ada@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.com>",
        "ada@[127.0.0.1",
        "undisclosed-recipients:;",
        "mailto:ada@example.com?bcc=eve@evil.example, x@y.example",
    ];
    for address in wrong {
        for field in ["from_email", "to_email", "cc", "bcc", "reply_to"] {
            let change = json!({ field: address });
            let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
            assert_names(&answer, field, &change.to_string());
        }
    }
    let long = format!("{}@example.com", "a".repeat(65));
    let longer = format!("a@{}.example", vec!["b".repeat(60); 5].join("."));
    let huge = format!("a@{}.example", "b".repeat(1_000_000));
    for address in [long, longer, huge] {
        let answer = target.owner.post("/api/v1/emails", &with(email(), &json!({ "cc": [address] }))).await;
        assert_names(&answer, "cc", &address);
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn what_the_engine_writes_is_no_custom_header() {
    let target = Target::new().await;
    let names = [
        "From",
        "to",
        "CC",
        "Bcc",
        "BCC",
        "Reply-To",
        "Sender",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "content-transfer-encoding",
        "Return-Path",
        "Received",
        "DKIM-Signature",
        "ARC-Seal",
        "Resent-Bcc",
        "Authentication-Results",
        "X-CourierX-Id",
        "X A",
        "X:A",
        "",
        " ",
        "Ünï",
        "X-A:",
    ];
    for name in names {
        // One that is right stands before and behind it in every order.
        let change = json!({ "headers": { name: "v", "A-Right": "v", "Z-Right": "v" } });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_names(&answer, &format!("headers[{name}]"), &change.to_string());
    }
    let twice = json!({ "headers": { "X-A": "1", "x-a": "2" } });
    assert_names(&target.owner.post("/api/v1/emails", &with(email(), &twice)).await, "headers", "twice");
    let keys = ["a b", "a:b", "", "ü", "a/b"];
    for key in keys {
        let change = json!({ "metadata": { key: "v", "a.right": "v", "z.right": "v" } });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_names(&answer, &format!("metadata[{key}]"), &change.to_string());
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn an_attachment_is_a_file() {
    let target = Target::new().await;
    let file = json!({ "filename": "a.txt", "content": "aGVsbG8=", "content_type": "text/plain" });
    let wrong = [
        json!({ "content": "not base64!" }),
        json!({ "content": "aGVsbG8" }),
        json!({ "content": "aGVs\nbG8=" }),
        json!({ "content": "aGVsbG8=====" }),
        json!({ "content": null }),
        json!({ "content": 17 }),
        json!({ "filename": "" }),
        json!({ "filename": ".." }),
        json!({ "filename": null }),
        json!({ "filename": "a".repeat(300) }),
        json!({ "filename": "\u{1b}[31m", "content": "!" }),
        json!({ "content_type": "text" }),
        json!({ "content_type": "" }),
        json!({ "content_type": "multipart/mixed; boundary=x" }),
        json!({ "content_type": "message/rfc822\r\nBcc: eve@evil.example" }),
        json!({ "content_id": "<a>" }),
        json!({ "content_id": "" }),
    ];
    for change in wrong {
        let files = json!({ "attachments": [file, with(file.clone(), &change)] });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &files)).await;
        assert_names(&answer, "attachments[1]", &change.to_string());
    }
    for files in [json!(["text"]), json!([null]), json!([[]]), json!([{}])] {
        let answer =
            target.owner.post("/api/v1/emails", &with(email(), &json!({ "attachments": files }))).await;
        assert_names(&answer, "attachments[0]", &files.to_string());
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn what_is_counted_of_readers_is_said_with_yes_or_no() {
    let target = Target::new().await;
    for value in [json!("true"), json!(1), json!([true]), json!({})] {
        for field in ["opens", "clicks"] {
            let change = json!({ "tracking": { field: value } });
            let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
            assert_names(&answer, &format!("tracking[{field}]"), &change.to_string());
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_date_is_in_its_time() {
    let target = Target::new().await;
    let nonsense = [
        json!("tomorrow"),
        json!("2050-01-01"),
        json!("2050-13-01T00:00:00Z"),
        json!("2050-01-01T25:00:00Z"),
        json!("99999-01-01T00:00:00Z"),
        json!("-0001-01-01T00:00:00Z"),
        json!("1969-12-31T23:59:59Z"),
        json!(1e300),
        json!(4_102_444_800_i64),
        json!(""),
    ];
    for time in nonsense {
        for field in ["scheduled_at", "deliver_by"] {
            let answer = target.owner.post("/api/v1/emails", &with(email(), &json!({ field: time }))).await;
            assert_names(&answer, field, &time.to_string());
        }
    }
    let passed = json!({ "deliver_by": "2001-01-01T00:00:00Z" });
    assert_names(&target.owner.post("/api/v1/emails", &with(email(), &passed)).await, "deliver_by", "passed");
    let hours = |hours| target.server.app().now().after(std::time::Duration::from_hours(hours)).to_string();
    let before = json!({ "scheduled_at": hours(2), "deliver_by": hours(1) });
    assert_names(&target.owner.post("/api/v1/emails", &with(email(), &before)).await, "deliver_by", "before");
    target.is_untouched().await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_line_of_ascii() {
    let target = Target::new().await;
    let long = "x".repeat(300);
    for key in ["", " ", "ü", long.as_str()] {
        let change = json!({ "metadata": { "idempotency_key": key } });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_names(&answer, "metadata[idempotency_key]", key);
        let request = target.owner.request(reqwest::Method::POST, "/api/v1/emails");
        let answer = target.owner.send(request.header("idempotency-key", key).json(&email())).await;
        assert_names(&answer, "Idempotency-Key", key);
    }
    let bytes = [&b"\xff"[..], b"\xc3\xbc", b"a\tb"];
    for key in bytes {
        let request = target.owner.request(reqwest::Method::POST, "/api/v1/emails");
        let answer = target.owner.send(request.header("idempotency-key", key).json(&email())).await;
        assert_names(&answer, "Idempotency-Key", "bytes");
    }
    let request = target.owner.request(reqwest::Method::POST, "/api/v1/emails");
    let twice = request.header("idempotency-key", "a").header("idempotency-key", "b").json(&email());
    assert_names(&target.owner.send(twice).await, "Idempotency-Key", "twice");
    for value in [json!({}), json!(["a"])] {
        let change = json!({ "metadata": { "idempotency_key": value } });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_names(&answer, "metadata[idempotency_key]", "type");
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn an_error_tells_the_first_mistakes_of_many_and_no_value() {
    let target = Target::new().await;
    let wrong = json!({
        "to_email": vec!["secret-value"; 200],
        "tags": vec!["\n"; 200],
        "metadata": (0..200).map(|n| (n.to_string(), json!([n]))).collect::<serde_json::Map<_, Value>>(),
    });
    let answer = target.owner.post("/api/v1/emails", &with(email(), &wrong)).await;
    assert_refused(&answer, &[422], "many");
    assert!(!answer.text.contains("secret-value"));
    target.is_untouched().await;
}
