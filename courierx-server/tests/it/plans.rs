//! Plans: how much mail may be accepted, and what else a tenant may have.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock};
use courierx_server::config::Settings;
use courierx_server::secret::Secret;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::provider_connections::limits::clock;
use crate::support::{Answer, Client, TestServer};

pub(crate) const ADMIN_KEY: &str = "a key of the operator's own";

/// Opens the admin API.
pub(crate) fn administered(settings: &mut Settings) {
    settings.admin_key = Some(Secret::new(ADMIN_KEY));
}

pub(crate) async fn tenant(owner: &Client) -> Value {
    owner.get("/api/v1/auth/me").await.body["tenant"].clone()
}

/// A server under a clock, a tenant's key, and what the operator changes of the tenant.
struct Setup {
    server: TestServer,
    clock: Arc<ManualClock>,
    owner: Client,
    key: Client,
    operator: Client,
    path: String,
}

impl Setup {
    async fn start() -> Self {
        let clock = clock();
        // Where the next day is of the same month.
        clock.advance(Duration::from_hours(48));
        let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), administered).await;
        let owner = server.owner("acme").await;
        let path = format!("/api/v1/admin/tenants/{}", tenant(&owner).await["id"].as_str().unwrap());
        let (key, operator) = (server.key(&owner, "live").await, server.client().with(ADMIN_KEY));
        Self { server, clock, owner, key, operator, path }
    }

    async fn change(&self, change: &Value) -> Answer {
        let changed = self.operator.patch(&self.path, change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        changed
    }

    /// How much of the day and of the month is used.
    async fn used(&self) -> [u64; 2] {
        let plan = self.key.get("/api/v1/plan").await;
        assert_eq!(plan.status, 200, "{plan:?}");
        [0, 1].map(|place| plan.body["usage"][place]["used"].as_u64().unwrap())
    }
}

fn email() -> Value {
    json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": "s", "text": "t" })
}

async fn send(client: &Client) -> Answer {
    client.post("/api/v1/emails", &email()).await
}

#[tokio::test]
pub(crate) async fn no_more_mail_is_accepted_than_the_plan_includes() {
    let setup = Setup::start().await;
    assert_eq!(tenant(&setup.owner).await["plan_id"], "free");
    let free = setup.key.get("/api/v1/plan").await.body;
    assert_eq!(
        (&free["limits"]["messages_per_day"], &free["usage"][0]["limit"]),
        (&Value::Null, &Value::Null)
    );

    assert_eq!(send(&setup.key).await.status, 202, "before there was a limit");
    let plan = json!({ "id": "small", "name": "Small", "limits": { "messages_per_day": 3, "messages_per_month": 5 } });
    let made = setup.operator.post("/api/v1/admin/plans", &plan).await;
    assert_eq!(made.status, 201, "{made:?}");
    setup.change(&json!({ "plan_id": "small" })).await;
    assert_eq!(tenant(&setup.owner).await["plan_id"], "small");
    assert_eq!(setup.used().await, [1, 1], "it counts what was before");
    // Two recipients are two.
    let two = json!({ "from": "hi@acme.example", "to": ["a@example.com", "b@example.com"], "subject": "s", "text": "t" });
    assert_eq!(setup.key.post("/api/v1/emails", &two).await.status, 202);
    let over = send(&setup.key).await;
    assert_eq!((over.status, &over.body["code"]), (429, &json!("quota_exceeded")), "{over:?}");
    let midnight = over.body["quota"]["resets_at"].as_str().unwrap();
    let resets_at = midnight.parse::<courierx_core::clock::Timestamp>().unwrap();
    let quota = json!({ "period": "day", "limit": 3, "used": 3, "resets_at": midnight });
    assert_eq!(over.body["quota"], quota);
    let header = |name: &str| over.headers[name].to_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((header("x-quota-limit"), header("x-quota-remaining")), (3, 0));
    assert_eq!(header("x-quota-reset"), resets_at.as_secs().unsigned_abs());
    assert!(resets_at.since(setup.clock.now()).as_secs().abs_diff(header("retry-after")) <= 1);
    assert_eq!(setup.used().await, [3, 3], "what is refused uses nothing");
    // Mail for tests is not counted, nor held to it.
    let test = setup.server.key(&setup.owner, "test").await;
    assert_eq!(send(&test).await.status, 202);
    assert_eq!(setup.used().await, [3, 3]);

    setup.clock.advance(resets_at.since(setup.clock.now()));
    for expected in [202, 202, 429] {
        let answer = send(&setup.key).await;
        assert_eq!(answer.status, expected, "{answer:?}");
        if expected == 429 {
            assert_eq!(answer.body["quota"]["period"], "month");
        }
    }
    assert_eq!(setup.used().await, [2, 5]);
    // The operator makes an exception.
    setup.change(&json!({ "limits": { "messages_per_month": null } })).await;
    assert_eq!(send(&setup.key).await.status, 202);
    assert_eq!(send(&setup.key).await.body["quota"]["period"], "day");
    setup.change(&json!({ "limits": null })).await;
    assert_eq!(send(&setup.key).await.status, 429);
}

#[tokio::test]
pub(crate) async fn a_batch_is_held_to_the_quota_message_by_message() {
    let setup = Setup::start().await;
    setup.change(&json!({ "limits": { "messages_per_day": 2 } })).await;
    let batch = json!({ "emails": [email(), email(), email()] });
    let answer = setup.key.post("/api/v1/emails/batch", &batch).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(2)), "{answer:?}");
    let refused = &answer.body["results"][2];
    assert_eq!((&refused["code"], &refused["quota"]["used"]), (&json!("quota_exceeded"), &json!(2)));
    let over = setup.key.post("/api/v1/emails/batch", &batch).await;
    assert_eq!((over.status, &over.body["code"]), (429, &json!("quota_exceeded")), "{over:?}");
    assert!(over.headers.contains_key("retry-after"));
}

#[tokio::test]
pub(crate) async fn a_quota_holds_however_many_send_at_once() {
    let setup = Setup::start().await;
    setup.change(&json!({ "limits": { "messages_per_day": 7 } })).await;
    let answers = join_all((0..40).map(|_| send(&setup.key))).await;
    let count = |status| answers.iter().filter(|one| one.status == status).count();
    assert_eq!((count(202), count(429)), (7, 33));
    assert_eq!(setup.used().await, [7, 7]);
}

#[tokio::test]
pub(crate) async fn what_is_never_handed_over_is_given_back() {
    let setup = Setup::start().await;
    setup.change(&json!({ "limits": { "messages_per_day": 2 } })).await;
    let later = |hours: u32| {
        let mut email = email();
        email["scheduled_at"] = json!(format!("in {hours} hours"));
        email
    };
    let path = |sent: &Answer| format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap());
    let first = setup.key.post("/api/v1/emails", &later(1)).await;
    let second = setup.key.post("/api/v1/emails", &later(1)).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(send(&setup.key).await.status, 429);
    for _ in 0..2 {
        setup.key.post(&format!("{}/cancel", path(&first)), &json!({})).await;
    }
    assert_eq!(setup.used().await, [1, 1], "once");
    // Somebody who is suppressed before it is due is not sent to.
    let suppressed = setup.key.post("/api/v1/suppressions", &json!({ "email": "ada@example.com" })).await;
    assert_eq!(suppressed.status, 201);
    let refused = send(&setup.key).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("suppressed")));
    assert_eq!(setup.used().await, [1, 1], "what is refused uses nothing");
    setup.clock.advance(Duration::from_mins(61));
    let waiting = async {
        while setup.key.get(&path(&second)).await.body["status"] != "suppressed" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, waiting).await.unwrap();
    assert_eq!(setup.used().await, [0, 0]);
}

#[tokio::test]
pub(crate) async fn a_plan_includes_so_many_of_everything() {
    let setup = Setup::start().await;
    let limits = json!({ "domains": 1, "provider_connections": 1, "api_keys": 2, "team_members": 2 });
    setup.change(&json!({ "limits": limits })).await;
    let connection = json!({ "provider": "sandbox", "display_name": "one" });
    for (path, new) in [
        ("domains", [json!({ "domain": "a.example" }), json!({ "domain": "b.example" })]),
        (
            "provider_connections",
            [connection.clone(), json!({ "provider": "sandbox", "display_name": "two" })],
        ),
        ("api_keys", [json!({ "name": "one" }), json!({ "name": "two" })]),
        ("invitations", [json!({ "email": "a@a.example" }), json!({ "email": "b@a.example" })]),
    ] {
        let path = format!("/api/v1/{path}");
        let fits = setup.owner.post(&path, &new[0]).await;
        assert_eq!(fits.status, 201, "{path}: {fits:?}");
        let over = setup.owner.post(&path, &new[1]).await;
        assert_eq!((over.status, &over.body["code"]), (403, &json!("plan_limit")), "{path}: {over:?}");
    }
}

#[tokio::test]
async fn a_plan_includes_no_more_however_many_are_made_at_once() {
    type New = fn(usize) -> Value;
    let setup = Setup::start().await;
    // The key of the setup is one.
    let limits = json!({ "domains": 1, "provider_connections": 1, "api_keys": 2, "team_members": 2 });
    setup.change(&json!({ "limits": limits })).await;
    let kinds: [(&str, New); 4] = [
        ("api_keys", |number| json!({ "name": format!("key {number}") })),
        ("domains", |number| json!({ "domain": format!("a{number}.example") })),
        ("invitations", |number| json!({ "email": format!("a{number}@a.example") })),
        (
            "provider_connections",
            |number| json!({ "provider": "sandbox", "display_name": format!("sandbox {number}") }),
        ),
    ];
    for (path, new) in kinds {
        let path = format!("/api/v1/{path}");
        // A tenant that is renamed meanwhile is renamed, and nobody is told of that.
        let rename = json!({ "name": "Acme & Co." });
        let (answers, renamed) = tokio::join!(
            join_all((0..20).map(|number| {
                let (owner, path, body) = (&setup.owner, &path, new(number));
                async move { owner.post(path, &body).await }
            })),
            setup.owner.patch("/api/v1/auth/me", &rename),
        );
        assert_eq!(renamed.status, 200, "{path}: {renamed:?}");
        let made = answers.iter().filter(|one| one.status == 201).count();
        let refused = answers.iter().filter(|one| one.status == 403 && one.body["code"] == "plan_limit");
        assert_eq!((made, refused.count()), (1, 19), "{path}: {answers:?}");
    }
}

#[tokio::test]
async fn invitations_that_have_ended_bring_no_more_people_in() {
    let setup = Setup::start().await;
    let people = async |most: u64| setup.change(&json!({ "limits": { "team_members": most } })).await;
    people(2).await;
    let (mut owner, mut made) = (setup.owner.clone(), Vec::new());
    for name in ["a", "b", "c"] {
        let new = json!({ "email": format!("{name}@a.example") });
        let invited = owner.post("/api/v1/invitations", &new).await;
        assert_eq!(invited.status, 201, "{invited:?}");
        made.push(invited.body["id"].as_str().unwrap().to_owned());
        setup.clock.advance(Duration::from_hours(8 * 24));
        owner = setup.server.log_in("acme").await;
    }
    let resend = async |id: &str| owner.post(&format!("/api/v1/invitations/{id}/resend"), &json!({})).await;
    let accept = async |invited: &Answer| {
        let path = format!("/api/v1/invitations/{}/accept", invited.body["token"].as_str().unwrap());
        setup.server.client().post(&path, &json!({ "password": "a new password" })).await
    };
    assert_eq!(resend(&made[0]).await.status, 200);
    let first = resend(&made[0]).await;
    assert_eq!(first.status, 200, "it is open, and counted: {first:?}");
    for id in &made[1..] {
        let over = resend(id).await;
        assert_eq!((over.status, &over.body["code"]), (403, &json!("plan_limit")), "{over:?}");
    }
    people(3).await;
    let second = resend(&made[1]).await;
    assert_eq!(second.status, 200, "{second:?}");
    people(2).await;
    assert_eq!(accept(&first).await.status, 201);
    let over = accept(&second).await;
    assert_eq!((over.status, &over.body["code"]), (403, &json!("plan_limit")), "{over:?}");
    people(3).await;
    assert_eq!(accept(&second).await.status, 201, "it stayed open");
    assert_eq!(owner.get("/api/v1/team_members").await.body.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_has_no_limit_is_made_however_many_come_at_once() {
    let setup = Setup::start().await;
    let answers = join_all((0..20).map(|number| {
        let (owner, new) = (&setup.owner, json!({ "name": format!("key {number}") }));
        async move { owner.post("/api/v1/api_keys", &new).await }
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn there_are_so_many_of_everything_however_many_come_at_once() {
    let setup = Setup::start().await;
    let endpoint = |number: usize| json!({ "url": format!("https://a.example/hook{number}") });
    let answers = join_all((0..60).map(|number| {
        let (owner, new) = (&setup.owner, endpoint(number));
        async move { owner.post("/api/v1/webhook_endpoints", &new).await.status }
    }));
    let statuses = answers.await;
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(201), count(409)), (50, 10), "{statuses:?}");
}

#[tokio::test]
pub(crate) async fn the_critical_lane_needs_its_scope_and_the_plans() {
    let setup = Setup::start().await;
    let mut critical = email();
    critical["lane"] = json!("critical");
    let with = async |scopes: Value| {
        let made = setup.owner.post("/api/v1/api_keys", &json!({ "name": "key", "scopes": scopes })).await;
        setup.server.client().with(made.body["raw_key"].as_str().unwrap())
    };
    let plain = with(json!(["emails:write"])).await;
    let refused = plain.post("/api/v1/emails", &critical).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{refused:?}");
    assert!(refused.body["error"].as_str().unwrap().contains("emails:critical"));
    assert_eq!(send(&plain).await.status, 202);
    let urgent = with(json!(["emails:write", "emails:critical"])).await;
    for client in [&urgent, &setup.key, &setup.owner] {
        assert_eq!(client.post("/api/v1/emails", &critical).await.status, 202);
    }
    setup.change(&json!({ "features": [] })).await;
    let refused = urgent.post("/api/v1/emails", &critical).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("plan_limit")), "{refused:?}");
    assert_eq!(send(&urgent).await.status, 202);
}

#[tokio::test]
pub(crate) async fn a_plan_says_how_often_keys_may_ask() {
    let setup = Setup::start().await;
    let limit = async || {
        setup.key.get("/api/v1/plan").await.headers["x-ratelimit-limit"].to_str().unwrap().to_owned()
    };
    assert_eq!(limit().await, "3000");
    let changed =
        setup.operator.patch("/api/v1/admin/plans/free", &json!({ "rate_limit_per_minute": 60 })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(limit().await, "60");
    setup.change(&json!({ "rate_limit_per_minute": 90 })).await;
    assert_eq!(limit().await, "90");
    assert_eq!(setup.operator.delete("/api/v1/admin/plans/free").await.status, 204);
    setup.change(&json!({ "rate_limit_per_minute": null })).await;
    assert_eq!(limit().await, "3000", "the usual plan is as it was");
}

#[tokio::test]
async fn a_tenant_is_told_how_often_its_plan_lets_it_ask() {
    let setup = Setup::start().await;
    let changed =
        setup.operator.patch("/api/v1/admin/plans/free", &json!({ "rate_limit_per_minute": 60 })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let (owner, anybody) = (&setup.owner, setup.server.client());
    let log_in = json!({ "email": "owner@acme.example", "password": "correct horse battery" });
    let new = json!({ "name": "b", "email": "b@b.example", "password": "correct horse battery" });
    for answer in [
        owner.get("/api/v1/auth/me").await,
        owner.patch("/api/v1/auth/me", &json!({ "name": "Acme" })).await,
        owner.post("/api/v1/auth/activate", &json!({})).await,
        anybody.post("/api/v1/auth/login", &log_in).await,
        anybody.post("/api/v1/auth/register", &new).await,
    ] {
        assert_eq!(answer.body["tenant"]["rate_limit_per_minute"], 60, "{answer:?}");
    }
    setup.change(&json!({ "rate_limit_per_minute": 90 })).await;
    assert_eq!(tenant(owner).await["rate_limit_per_minute"], 90);
}
