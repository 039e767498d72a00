//! Logging out, passwords, and what an account has of what sending needs.

use std::time::{Duration, Instant};

use courierx_core::store::{Change, ConfigsExt, PageRequest};
use courierx_server::config::SystemMail;
use courierx_server::model::password_resets::PasswordReset;
use courierx_server::model::tenants::{Tenant, TenantStatus};
use serde_json::{Value, json};

use crate::support::{Answer, Client, PATIENCE, TestServer};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";

async fn log_in(server: &TestServer, email: &str, password: &str) -> Answer {
    server.client().post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

/// Another token of the owner.
async fn again_with(server: &TestServer, password: &str) -> Client {
    let answer = log_in(server, "owner@acme.example", password).await;
    server.client().with(answer.body["token"].as_str().unwrap())
}

async fn again(server: &TestServer) -> Client {
    again_with(server, "correct horse battery").await
}

async fn works(client: &Client) -> bool {
    let answer = client.get("/api/v1/auth/me").await;
    assert!([200, 401].contains(&answer.status), "{answer:?}");
    answer.status == 200
}

#[tokio::test]
pub(crate) async fn logging_out_ends_the_token_and_no_other() {
    let server = TestServer::start().await;
    let one = server.owner("acme").await;
    let (other, third) = (again(&server).await, again(&server).await);
    assert_eq!(one.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    assert!(!works(&one).await && works(&other).await && works(&third).await);
    assert_eq!(one.post("/api/v1/auth/logout", &json!({})).await.status, 401);
    assert_eq!(other.post("/api/v1/auth/logout", &json!({ "everywhere": true })).await.status, 204);
    assert!(!works(&other).await && !works(&third).await);
    let last = again(&server).await;
    assert!(works(&last).await);
    let server = server.restart().await;
    let after = server.client();
    assert!(!works(&after.with(one.token())).await, "it stays ended");
    assert!(works(&after.with(last.token())).await);
}

#[tokio::test]
pub(crate) async fn a_changed_password_ends_every_token_but_the_new_one() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let other = again(&server).await;
    let key = server.key(&owner, "live").await;
    let change = json!({ "current_password": "correct horse battery", "password": "another password" });
    for (wrong, field) in [
        (json!({ "current_password": "wrong" }), "current_password"),
        (json!({ "password": "short" }), "password"),
        (json!({ "password_confirmation": "different" }), "password_confirmation"),
    ] {
        let mut body = change.clone();
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let refused = owner.post("/api/v1/auth/password", &body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body["details"][field].is_array(), "{refused:?}");
    }
    assert!(works(&owner).await && works(&other).await);
    let changed = owner.post("/api/v1/auth/password", &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(!works(&owner).await && !works(&other).await);
    assert!(works(&server.client().with(changed.body["token"].as_str().unwrap())).await);
    assert_eq!(key.get("/api/v1/api_keys").await.status, 200, "keys are the tenant's, not the user's");
    let email = "owner@acme.example";
    assert_eq!(log_in(&server, email, "correct horse battery").await.status, 401);
    assert_eq!(log_in(&server, email, "another password").await.status, 200);
}

/// The tokens that were mailed, once there are so many mails: the newest first.
async fn mailed(operator: &Client, count: usize) -> Vec<String> {
    let asked = Instant::now();
    loop {
        let mails = operator.get("/api/v1/sandbox/messages").await.body;
        let texts: Vec<String> =
            mails.as_array().unwrap().iter().map(|mail| mail["text_body"].to_string()).collect();
        if texts.len() >= count {
            assert_eq!(texts.len(), count, "{texts:?}");
            let word = |text: &String| {
                let mut words = text.split(|one: char| !one.is_ascii_hexdigit());
                words.find(|word| word.len() == 64).unwrap().to_owned()
            };
            return texts.iter().map(word).collect();
        }
        assert!(asked.elapsed() < PATIENCE, "no mail: {mails}");
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn with_system_mail() -> (TestServer, Client) {
    let server = TestServer::start_with(|settings| {
        let from = "Mail <no-reply@operator.example>".parse().unwrap();
        let dashboard = Some("https://mail.operator.example".to_owned());
        settings.system_mail = Some(SystemMail { tenant: "operator".to_owned(), from, dashboard });
    })
    .await;
    let operator = server.owner("operator").await;
    (server, operator)
}

/// As if the owner's reset had been begun this much earlier.
async fn earlier(server: &TestServer, owner: &Client, by: Duration) {
    let me = owner.get("/api/v1/auth/me").await.body;
    let tenant = me["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let app = server.app();
    let mut all =
        app.store.list_of::<PasswordReset>(tenant, None, &PageRequest::first(2)).await.unwrap().items;
    let mut reset = all.pop().unwrap();
    assert!(all.is_empty(), "a user has one at most");
    reset.value.created_at = reset.value.created_at.before(by);
    reset.value.expires_at = reset.value.expires_at.before(by);
    let change = Change::update(tenant, reset.id, reset.version, &reset.value).unwrap();
    app.commit(tenant, vec![change]).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_and_in_time() {
    let (server, operator) = with_system_mail().await;
    let (owner, nobody) = (server.owner("acme").await, server.client());
    let forgot = json!({ "email": "Owner@acme.example" });
    let known = nobody.post(FORGOT, &forgot).await;
    let unknown = nobody.post(FORGOT, &json!({ "email": "nobody@acme.example" })).await;
    assert_eq!((known.status, &known.text), (202, &unknown.text));
    let token = mailed(&operator, 1).await.remove(0);
    let mail = &operator.get("/api/v1/sandbox/messages").await.body[0];
    assert_eq!(mail["recipients"], json!(["owner@acme.example"]));
    let link = format!("https://mail.operator.example/reset-password/{token}");
    assert!(mail["text_body"].as_str().unwrap().contains(&link), "{mail}");

    let set = |token: &str, password: &str| json!({ "token": token, "password": password });
    let wrong = nobody.post(RESET, &set(&"0".repeat(64), "another password")).await;
    assert_eq!((wrong.status, wrong.body["details"]["token"].is_array()), (422, true), "{wrong:?}");
    assert_eq!(nobody.post(RESET, &set(&token, "short")).await.status, 422, "and the token still works");
    assert!(works(&owner).await);
    assert_eq!(nobody.post(RESET, &set(&token, "another password")).await.status, 204);
    assert!(!works(&owner).await, "every token has ended");
    assert_eq!(nobody.post(RESET, &set(&token, "a third password")).await.text, wrong.text, "only once");
    assert_eq!(log_in(&server, "owner@acme.example", "another password").await.status, 200);

    // The next one ends the one before, and an hour ends both.
    let owner = again_with(&server, "another password").await;
    nobody.post(FORGOT, &forgot).await;
    let second = mailed(&operator, 2).await.remove(0);
    earlier(&server, &owner, Duration::from_mins(2)).await;
    nobody.post(FORGOT, &forgot).await;
    let third = mailed(&operator, 3).await.remove(0);
    assert_eq!(nobody.post(RESET, &set(&second, "a third password")).await.text, wrong.text);
    earlier(&server, &owner, Duration::from_hours(1)).await;
    assert_eq!(nobody.post(RESET, &set(&third, "a third password")).await.text, wrong.text);
}

#[tokio::test]
async fn of_two_who_come_with_the_same_token_one_sets_the_password() {
    let (server, operator) = with_system_mail().await;
    server.owner("acme").await;
    let nobody = server.client();
    nobody.post(FORGOT, &json!({ "email": "owner@acme.example" })).await;
    let token = mailed(&operator, 1).await.remove(0);
    let ask = |password: &str| {
        let (nobody, body) = (nobody.clone(), json!({ "token": token, "password": password }));
        async move { nobody.post(RESET, &body).await.status }
    };
    let (one, other) = tokio::join!(ask("the first password"), ask("the second password"));
    let mut both = [one, other];
    both.sort_unstable();
    assert_eq!(both, [204, 422]);
}

#[tokio::test]
async fn a_server_without_mail_of_its_own_says_so_to_everybody() {
    let server = TestServer::start().await;
    server.owner("acme").await;
    let mut answers = Vec::new();
    for email in ["owner@acme.example", "nobody@acme.example"] {
        let answer = server.client().post(FORGOT, &json!({ "email": email })).await;
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("no_system_mail")));
        answers.push(answer.text);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_account_is_ready_once_it_has_what_sending_needs() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let told = owner.get("/api/v1/auth/readiness").await;
    let checks = json!({ "verified_domain": false, "active_provider": false, "default_routing_rule": true });
    assert_eq!(told.body, json!({ "ready": false, "mode": "byok", "checks": checks }), "{told:?}");
    let connection = json!({ "provider": "resend", "display_name": "mine", "api_key": "re_x" });
    let made = owner.post("/api/v1/provider_connections", &connection).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/api/v1/provider_connections/{}", made.body["id"].as_str().unwrap());
    owner.patch(&path, &json!({ "status": "active" })).await;
    let rule = json!({ "name": "some", "strategy": "priority", "match_tag": "x" });
    let rule = owner.post("/api/v1/routing_rules", &rule).await;
    assert_eq!(rule.status, 201, "{rule:?}");
    let checks = async |owner: &Client| owner.get("/api/v1/auth/readiness").await.body;
    let told = checks(&owner).await;
    assert_eq!((&told["ready"], &told["checks"]["default_routing_rule"]), (&json!(false), &json!(false)));
    owner.delete(&format!("/api/v1/routing_rules/{}", rule.body["id"].as_str().unwrap())).await;
    let told = checks(&owner).await;
    // These tests trust tenants with every domain.
    assert_eq!((&told["ready"], &told["checks"]["active_provider"]), (&json!(true), &json!(true)), "{told}");
    let activated = owner.post("/api/v1/auth/activate", &json!({})).await;
    assert_eq!((activated.status, &activated.body["readiness"]), (200, &told));
    assert_eq!(activated.body["tenant"], owner.get("/api/v1/auth/me").await.body["tenant"]);
}

#[tokio::test]
async fn a_suspended_tenant_reads_and_does_not_send() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let email = json!({ "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t" });
    assert_eq!(key.post("/api/v1/emails", &email).await.status, 202);
    let me: Value = owner.get("/api/v1/auth/me").await.body;
    let id = me["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let (app, record) = (server.app(), Tenant::record(id));
    let mut tenant = app.store.get::<Tenant>(id, record).await.unwrap().unwrap();
    tenant.value.status = TenantStatus::Suspended;
    app.commit(id, vec![Change::update(id, record, tenant.version, &tenant.value).unwrap()]).await.unwrap();
    let refused = key.post("/api/v1/emails", &email).await;
    assert_eq!((refused.status, &refused.body["error"]), (403, &json!("the account is suspended")));
    assert_eq!(key.get("/api/v1/emails").await.body.as_array().unwrap().len(), 1);
    assert_eq!(owner.get("/api/v1/auth/me").await.body["tenant"]["status"], "suspended");
}
