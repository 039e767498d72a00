//! Queries and paths that are wrong.

use courierx_server::http::Access;
use reqwest::Method;
use serde_json::json;

use super::{Target, assert_names, assert_refused};

const LISTS: [&str; 3] = ["/api/v1/emails", "/api/v1/suppressions", "/api/v1/sandbox/messages"];

#[tokio::test]
async fn a_page_is_one_that_there_can_be() {
    let target = Target::new().await;
    let long = format!("page={}", "9".repeat(10_000));
    let wrong = [
        "page=-1",
        "page=0",
        "page=1.5",
        "page=x",
        "page=1e9",
        "page=18446744073709551616",
        "page=4294967295",
        "page=%00",
        "page=1%0d%0a",
        "per_page=-1",
        "per_page=0",
        "per_page=101",
        "per_page=1e9",
        "per_page=%20",
        "per_page=9223372036854775808",
        "page=1&page=2",
        "per_page=1&per_page=1",
        long.as_str(),
    ];
    for list in LISTS {
        for query in wrong {
            let answer = target.owner.get(&format!("{list}?{query}")).await;
            assert_names(&answer, query.split('=').next().unwrap(), &format!("{list}?{query:.60}"));
        }
    }
}

#[tokio::test]
async fn a_filter_is_one_that_there_is() {
    let target = Target::new().await;
    let wrong = [
        ("/api/v1/emails", "status", "x"),
        ("/api/v1/emails", "status", "SENT"),
        ("/api/v1/emails", "status", "sent%00"),
        ("/api/v1/emails", "status", "sent&status=failed"),
        ("/api/v1/emails", "recipient", "a&recipient=b"),
        ("/api/v1/emails", "mode", "x"),
        ("/api/v1/emails", "from", "2050-99-99"),
        ("/api/v1/emails", "from", "99999-01-01"),
        ("/api/v1/emails", "to", "now"),
        ("/api/v1/emails", "to", "%27%20OR%201=1--"),
        ("/api/v1/suppressions", "reason", "x"),
        ("/api/v1/suppressions", "reason", "bounce&reason=manual"),
    ];
    for (list, name, value) in wrong {
        let path = format!("{list}?{name}={value}");
        assert_names(&target.owner.get(&path).await, name, &path);
    }
    for list in LISTS {
        for query in ["recipient=%ff", "%ff=1", "email=a%c3", "tag=%ed%a0%80"] {
            let answer = target.owner.get(&format!("{list}?{query}")).await;
            assert_refused(&answer, &[400, 422], query);
        }
    }
}

#[tokio::test]
async fn a_text_to_look_for_is_only_text() {
    let target = Target::new().await;
    for to in ["ada@example.com", "bob@example.com"] {
        let mut email = super::email();
        email["to_email"] = json!(to);
        email["tags"] = json!(["news"]);
        assert_eq!(target.owner.post("/api/v1/emails", &email).await.status, 202);
        let entry = json!({ "email": format!("x{to}") });
        assert_eq!(target.owner.post("/api/v1/suppressions", &entry).await.status, 201);
    }
    let (long, longest) = ("a".repeat(20_000), "%25".repeat(19_000));
    let texts = [
        "%25",
        "_",
        "%2",
        "a%25",
        "'",
        "%27%20OR%201%3D1--",
        "%22",
        "%5c",
        "*",
        "?x",
        "[a-z]",
        "%00",
        "ada%00",
        "%e2%80%a8",
        "ada%0d%0a",
        long.as_str(),
        longest.as_str(),
        "%F0%9F%92%A9",
        "a".repeat(60_000).as_str(),
    ]
    .map(str::to_owned);
    for text in &texts {
        for path in ["emails?recipient=", "emails?tag=", "suppressions?email="] {
            let answer = target.owner.get(&format!("/api/v1/{path}{text}")).await;
            if answer.status == 200 {
                assert_eq!(answer.body, json!([]), "{path}{text:.60}");
            } else {
                assert_refused(&answer, &[400, 414, 422], &format!("{path}{text}"));
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_no_method_is_guessed() {
    let target = Target::new().await;
    let paths = [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/emails/",
        "/api/v1/emails/x",
        "/api/v1//emails",
        "//api/v1/emails",
        "/API/v1/emails",
        "/api/v1/emails/../api_keys",
        "/api/v1/emails/%2e%2e/api_keys",
        "/api/v1/emails/..%2fapi_keys",
        "/api/v1/emails/%00",
        "/api/v1/emails/%ff",
        "/api/v1/emails/%",
        "/api/v1/emails/%2",
        "/etc/passwd",
        "/api/v1/emails/0192d3a4-0000-7000-8000-000000000000",
        "/api/v1/emails/{id}",
        "/api/v1/emails/1%20OR%201",
        "/api/v1/emails/0192d3a4-0000-7000-8000-000000000000/",
        "/api/v1/sandbox",
        "/metrics/../api/v1/emails",
    ];
    for path in paths {
        let answer = super::wire::exchange(
            &target.server,
            &format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                target.owner.token()
            ),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains("\"code\":\"not_found\""), "{path}: {answer}");
    }
    for route in courierx_server::http::routes() {
        let path =
            route.path.replace("{id}", "0192d3a4-0000-7000-8000-000000000000").replace("{number}", "1");
        for method in ["PUT", "TRACE", "OPTIONS", "BREW", "get"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = target.owner.send(target.owner.request(method.clone(), &path)).await;
            assert_refused(&answer, &[405], &format!("{method} {path}"));
            let allowed = answer.headers["allow"].to_str().unwrap();
            assert!(allowed.contains(route.method.as_str()), "{path}: {allowed}");
        }
        if route.method == Method::GET {
            // This one would be answered for ever.
            let path = if path.ends_with("/stream") { format!("{path}?after=x") } else { path };
            let head = target.owner.send(target.owner.request(Method::HEAD, &path)).await;
            let get = target.owner.get(&path).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            let nobody = target.server.client();
            let refused = match route.access {
                Access::Public => continue,
                // Closed, as it is not set up.
                Access::Admin => 403,
                Access::Internal | Access::Member(_) | Access::Needs(_) => 401,
            };
            assert_eq!(nobody.send(nobody.request(Method::HEAD, &path)).await.status, refused, "{path}");
        }
    }
}
