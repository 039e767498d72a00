//! Every route, and who may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use courierx_core::clock::ManualClock;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::Change;
use courierx_server::config::{Environment, Flags, Settings};
use courierx_server::ctx::{Role, Scope};
use courierx_server::http::{Access, Route, routes};
use courierx_server::model::memberships::Membership;
use courierx_server::model::users::User;
use courierx_server::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::engine::SECRET;
use crate::provider_connections::limits::clock;
use crate::support::{Answer, Client, TestServer};

/// The routes that anybody may ask. A new one belongs here only if that is meant.
const PUBLIC: [(&str, &str); 21] = [
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/password/forgot"),
    // The identifier is a secret token.
    ("GET", "/api/v1/invitations/{id}"),
    ("POST", "/api/v1/invitations/{id}/accept"),
    ("POST", "/api/v1/auth/password/reset"),
    // The token is signed.
    ("GET", "/t/o/{token}"),
    ("GET", "/t/c/{token}"),
    ("GET", "/t/u/{token}"),
    ("POST", "/t/u/{token}"),
    // Whoever shows the signature of a connection's provider.
    ("POST", "/api/v1/webhooks/{provider}/{token}"),
    ("POST", "/api/v1/webhooks/{provider}"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/docs"),
    ("GET", "/api/v1/docs/page.js"),
    ("GET", "/api/v1/docs/page.css"),
    // Guarded by itself: from this machine, or with its own token.
    ("GET", "/metrics"),
];

/// Whether a route only reads: by its method, or since it asks a question too long for a query.
fn reads(route: &Route) -> bool {
    let questions = [
        "/api/v1/routing/explain",
        "/api/v1/email_templates/{id}/preview",
        "/api/v1/email_templates/generate",
    ];
    route.method == Method::GET || questions.contains(&route.path)
}

/// Whether a route is about whoever asks, and so open to every role.
fn is_ones_own(route: &Route) -> bool {
    ["/api/v1/auth/logout", "/api/v1/auth/password"].contains(&route.path) || route.access == Access::Public
}

/// Whether a route is for the operator alone.
fn is_the_operators(route: &Route) -> bool {
    [Access::Internal, Access::Admin].contains(&route.access)
}

/// What the operator shows.
const ADMIN_KEY: &str = "a key of the operator's own";

/// Identifiers that no tenant has.
const UNKNOWN: &str = "0192d3a4-0000-7000-8000-000000000000";

async fn ask(client: &Client, route: &Route, id: &str) -> Answer {
    let path = route.path.replace("{id}", id).replace("{number}", "1");
    // This one would be answered for ever.
    let path = if path.ends_with("/stream") { format!("{path}?after=x") } else { path };
    // Nothing that could be done: whoever is let in finds it wrong, or not there.
    client.send(client.request(route.method.clone(), &path).json(&json!({}))).await
}

async fn key(server: &TestServer, owner: &Client, mode: &str, scopes: &[Scope]) -> Client {
    let new = json!({ "name": "key", "mode": mode, "scopes": scopes });
    let answer = owner.post("/api/v1/api_keys", &new).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    server.client().with(answer.body["raw_key"].as_str().unwrap())
}

/// A new user of this role in the owner's tenant.
async fn user(server: &TestServer, owner: &Client, role: Role) -> (TenantId, RecordId) {
    let me = owner.get("/api/v1/auth/me").await;
    let tenant = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let (app, id) = (server.app(), RecordId::new());
    let user = User::new(format!("{id}@acme.example"), String::new(), app.now());
    let membership = Membership { user: id, home: tenant, role, joined_at: app.now() };
    let changes = vec![
        Change::create(tenant, id, &user).unwrap(),
        Change::create(tenant, RecordId::new(), &membership).unwrap(),
    ];
    app.commit(tenant, changes).await.unwrap();
    (tenant, id)
}

/// A new token of a user.
fn token(server: &TestServer, tenant: TenantId, user: RecordId) -> Client {
    let app = server.app();
    server.client().with(&app.tokens.issue(tenant, user, tenant, 0, app.now()).unwrap())
}

#[tokio::test]
async fn no_route_is_open_but_those_that_are_meant_to_be() {
    let secret = |text| Some(Secret::new(text));
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |settings| {
        settings.internal_secret = secret("a secret of the operator's programs");
        settings.admin_key = secret(ADMIN_KEY);
    });
    let server = server.await;
    let nobody = server.client();
    for route in routes() {
        let public = PUBLIC.contains(&(route.method.as_str(), route.path));
        assert_eq!(public, route.access == Access::Public, "{route:?}");
        // Too many wrong keys close the admin API for a minute.
        clock.advance(Duration::from_mins(1));
        for client in [nobody.clone(), nobody.with("x"), nobody.with("cxk_live_x")] {
            let answer = ask(&client, &route, UNKNOWN).await;
            // A public route may answer 401 too, to a log-in, with words of its own.
            let refused = answer.status == 401 && answer.body["error"] == "Unauthorized";
            assert_eq!(refused, !public, "{route:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_key_may_what_its_scope_says_and_nothing_else() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for route in routes() {
        let scope = match route.access {
            Access::Needs(scope) => Some(scope),
            Access::Member(_) => None,
            Access::Public | Access::Internal | Access::Admin => continue,
        };
        let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|one| Some(*one) != scope).collect();
        // Asking with no scope would be asking for all.
        let without = key(&server, &owner, "live", &others).await;
        let refused = ask(&without, &route, UNKNOWN).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{route:?}");
        let Some(scope) = scope else {
            let all = key(&server, &owner, "live", &[]).await;
            assert_eq!(ask(&all, &route, UNKNOWN).await.status, 403, "{route:?} is for users");
            continue;
        };
        let with = key(&server, &owner, "live", &[scope]).await;
        let answer = ask(&with, &route, UNKNOWN).await;
        assert!(![401, 403].contains(&answer.status) && answer.status < 500, "{route:?}: {answer:?}");
        // Reading is no changing.
        assert!(reads(&route) != scope.writes(), "{route:?}");
    }
}

#[tokio::test]
async fn a_key_for_tests_reads_and_sends() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let test = key(&server, &owner, "test", &[]).await;
    for route in routes() {
        let allowed = match route.access {
            Access::Needs(scope) => reads(&route) || scope.is_open_to_tests(),
            Access::Member(_) => false,
            Access::Public | Access::Internal | Access::Admin => continue,
        };
        let answer = ask(&test, &route, UNKNOWN).await;
        assert_eq!(answer.status == 403, !allowed, "{route:?}: {answer:?}");
    }
}

/// Whether the table lets users of this role ask.
fn allows(route: &Route, role: Role) -> bool {
    match route.access {
        Access::Public => true,
        Access::Internal | Access::Admin => false,
        Access::Member(least) => role >= least,
        Access::Needs(scope) => role.allows(scope),
    }
}

#[tokio::test]
async fn every_role_may_what_the_table_says_and_nothing_else() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for role in Role::ALL {
        let (tenant, id) = user(&server, &owner, *role).await;
        for route in routes().into_iter().filter(|route| !is_the_operators(route)) {
            // A token for each: one of the routes ends it.
            let client = token(&server, tenant, id);
            let answer = ask(&client, &route, UNKNOWN).await;
            let allowed = allows(&route, *role);
            assert_eq!(answer.status == 403, !allowed, "{role}: {route:?}: {answer:?}");
            assert!(route.access == Access::Public || answer.status != 401, "{route:?}: {answer:?}");
            assert!(answer.status < 500, "{route:?}: {answer:?}");
            assert!(*role != Role::Viewer || !allowed || reads(&route) || is_ones_own(&route), "{route:?}");
        }
    }
    let (tenant, id) = user(&server, &owner, Role::Viewer).await;
    let viewer = token(&server, tenant, id);
    let before = owner.get("/api/v1/auth/me").await.body;
    viewer.patch("/api/v1/auth/me", &json!({ "name": "mine" })).await;
    assert_eq!(owner.get("/api/v1/auth/me").await.body, before);
}

#[tokio::test]
async fn the_operators_secret_opens_the_internal_api_and_nothing_else_does() {
    const SECRET: &str = "a secret of the operator's programs";
    let secret = Some(Secret::new(SECRET));
    let server = TestServer::start_with(|settings| settings.internal_secret = secret).await;
    let owner = server.owner("acme").await;
    let (nobody, all) = (server.client(), key(&server, &owner, "live", &[]).await);
    // Each from another address: after ten wrong ones from the same nobody would look at them.
    let asked = AtomicU8::new(0);
    for route in routes() {
        let ask = async |client: &Client, secrets: &[&str]| {
            let path = route.path.replace("{id}", UNKNOWN);
            let request = client.request(route.method.clone(), &path).json(&json!({}));
            let from = format!("192.0.2.{}", asked.fetch_add(1, Ordering::Relaxed));
            let request = request.header("x-forwarded-for", from);
            let request =
                secrets.iter().fold(request, |request, one| request.header("x-internal-secret", *one));
            client.send(request).await
        };
        if route.access != Access::Internal {
            // It opens nothing that is a tenant's.
            let answer = ask(&nobody, &[SECRET]).await;
            let refused = answer.status == 401 && answer.body["error"] == "Unauthorized";
            let refused = refused || answer.body["code"] == "admin_not_configured";
            assert_eq!(refused, route.access != Access::Public, "{route:?} {answer:?}");
            continue;
        }
        for client in [&nobody, &owner, &all] {
            let missing = ask(client, &[]).await;
            let body = json!({ "error": "Unauthorized", "code": "missing_auth" });
            assert_eq!((missing.status, &missing.body), (401, &body), "{route:?}");
            assert_eq!(missing.headers["www-authenticate"], "X-Internal-Secret");
            for wrong in [&["wrong"][..], &[""], &[SECRET, SECRET], &[SECRET, "wrong"], &[&SECRET[1..]]] {
                let refused = ask(client, wrong).await;
                let body = json!({ "error": "Unauthorized", "code": "invalid_auth" });
                assert_eq!((refused.status, &refused.body), (401, &body), "{route:?} {wrong:?}");
            }
            let let_in = ask(client, &[SECRET]).await;
            assert_eq!((let_in.status, &let_in.body["code"]), (422, &json!("validation_error")), "{route:?}");
        }
    }
    let closed = TestServer::start().await;
    for route in routes().into_iter().filter(|route| route.access == Access::Internal) {
        for secret in ["", SECRET] {
            let client = closed.client();
            let request =
                client.request(route.method.clone(), route.path).header("x-internal-secret", secret);
            let answer = client.send(request.json(&json!({}))).await;
            assert_eq!((answer.status, &answer.body["code"]), (503, &json!("misconfiguration")), "{route:?}");
        }
    }
}

#[tokio::test]
async fn the_operators_key_opens_the_admin_api_and_nothing_else_does() {
    let key_of_tests = Some(Secret::new(ADMIN_KEY));
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |settings| {
        settings.admin_key = key_of_tests;
    });
    let server = server.await;
    let owner = server.owner("acme").await;
    let all = key(&server, &owner, "live", &[]).await;
    let (nobody, operator) = (server.client(), server.client().with(ADMIN_KEY));
    let wrong = [ADMIN_KEY.to_uppercase(), ADMIN_KEY[1..].to_owned(), format!("{ADMIN_KEY}x"), String::new()];
    for route in routes() {
        if route.access != Access::Admin {
            let answer = ask(&operator, &route, UNKNOWN).await;
            // It opens nothing that is a tenant's.
            let refused = answer.status == 401 || answer.body["code"] == "misconfiguration";
            assert!(refused || route.access == Access::Public, "{route:?} {answer:?}");
            continue;
        }
        clock.advance(Duration::from_mins(1));
        for client in [nobody.clone(), owner.clone(), all.clone()]
            .into_iter()
            .chain(wrong.each_ref().map(|one| nobody.with(one)))
        {
            let refused = ask(&client, &route, UNKNOWN).await;
            let body = json!({ "error": "Unauthorized", "code": "unauthorized" });
            assert_eq!((refused.status, &refused.body), (401, &body), "{route:?}");
        }
        let let_in = ask(&operator, &route, UNKNOWN).await;
        assert!([200, 404, 422].contains(&let_in.status), "{route:?} {let_in:?}");
    }
    let closed = TestServer::start().await;
    for route in routes().into_iter().filter(|route| route.access == Access::Admin) {
        for client in [closed.client(), closed.client().with(ADMIN_KEY), closed.client().with("")] {
            let answer = ask(&client, &route, UNKNOWN).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (403, &json!("admin_not_configured")),
                "{route:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_guesses_the_operators_secrets_has_few_guesses() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |settings| {
        settings.admin_key = Some(Secret::new(ADMIN_KEY));
        settings.internal_secret = Some(Secret::new(SECRET));
    });
    let server = server.await;
    let plans = async |key: &str, address: &str| {
        let client = server.client().with(key);
        let request = client.request(Method::GET, "/api/v1/admin/plans").header("x-forwarded-for", address);
        client.send(request).await.status
    };
    let engine = async |secret: &str, address: &str| {
        let client = server.client();
        let request = client.request(Method::POST, "/v1/verify").header("x-internal-secret", secret);
        client.send(request.header("x-forwarded-for", address).json(&json!({}))).await.status
    };
    let mut guesses = 0;
    // Whichever of the two is guessed at.
    while plans("a guess", "192.0.2.1").await == 401 && engine("a guess", "192.0.2.1").await == 401 {
        guesses += 2;
        assert!(guesses <= 10, "there is no end of guesses");
    }
    assert_eq!(guesses, 10);
    assert_eq!(engine("a guess", "192.0.2.1").await, 429);
    // The operator may be behind the same address as anybody else.
    assert_eq!(plans(ADMIN_KEY, "192.0.2.1").await, 200, "a right key is let in");
    assert_eq!(engine(SECRET, "192.0.2.1").await, 422);
    assert_eq!(plans("a guess", "192.0.2.1").await, 429, "and is no excuse for wrong ones");
    assert_eq!(plans("a guess", "192.0.2.2").await, 401, "others are not held up");
    clock.advance(Duration::from_mins(1));
    assert_eq!(plans("a guess", "192.0.2.1").await, 401);
}

#[tokio::test]
async fn clients_of_trusted_proxies_are_told_apart() {
    let (peer, other) = ("10.9.0.1", "192.0.2.1");
    let server = TestServer::start_with(|settings| {
        let set = [("COURIERX_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")].into_iter().collect::<Environment>();
        let read = Settings::load(&Flags::default(), &set, &std::env::temp_dir()).unwrap();
        settings.trusted_proxies = read.trusted_proxies;
    })
    .await;
    server.owner("acme").await;
    let log_in = async |from: &str, password: &str| {
        let body = json!({ "email": "owner@acme.example", "password": password });
        let client = server.client();
        let request = client.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", from);
        client.send(request.json(&body)).await.status
    };
    let mut tries = 0;
    // Whatever a client writes before what the first proxy saw.
    while log_in(&format!("192.0.2.{tries}, 198.51.100.7, {peer}"), "a guess of it").await != 429 {
        tries += 1;
        assert!(tries <= 20, "there is no end of tries");
    }
    assert_eq!(
        log_in(&format!("{other}, {peer}"), "correct horse battery").await,
        200,
        "behind the same proxies"
    );
}

/// One of everything that has an identifier, by the path under which it is found.
async fn belongings(server: &TestServer, owner: &Client) -> Vec<(&'static str, String)> {
    let id = |answer: Answer| answer.body["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    let key = id(owner.post("/api/v1/api_keys", &json!({ "name": "key" })).await);
    let entry = id(owner.post("/api/v1/suppressions", &json!({ "email": "x@example.com" })).await);
    let email = json!({ "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t" });
    let email = id(owner.post("/api/v1/emails", &email).await);
    server.delivered(owner).await;
    let connection = json!({ "provider": "sandbox", "display_name": "mine" });
    let connection = id(owner.post("/api/v1/provider_connections", &connection).await);
    let rule =
        id(owner.post("/api/v1/routing_rules", &json!({ "name": "mine", "strategy": "priority" })).await);
    let template = json!({ "name": "mine", "text_body": "t", "status": "active" });
    let template = id(owner.post("/api/v1/email_templates", &template).await);
    let domain = id(owner.post("/api/v1/domains", &json!({ "domain": "a.example" })).await);
    let endpoint = json!({ "url": "https://a.example/hook" });
    let endpoint = id(owner.post("/api/v1/webhook_endpoints", &endpoint).await);
    let invitation = id(owner.post("/api/v1/invitations", &json!({ "email": "new@a.example" })).await);
    let member = owner.get("/api/v1/team_members").await.body[0]["id"].as_str().unwrap().to_owned();
    vec![
        ("/api/v1/webhook_endpoints/{id}", endpoint),
        ("/api/v1/invitations/{id}", invitation),
        ("/api/v1/team_members/{id}", member),
        ("/api/v1/domains/{id}", domain),
        ("/api/v1/email_templates/{id}", template),
        ("/api/v1/routing_rules/{id}", rule),
        ("/api/v1/provider_connections/{id}", connection),
        ("/api/v1/api_keys/{id}", key),
        ("/api/v1/suppressions/{id}", entry),
        ("/api/v1/sandbox/messages/{id}", email.clone()),
        ("/api/v1/emails/{id}", email),
    ]
}

#[tokio::test]
pub(crate) async fn what_another_tenant_has_is_as_what_nobody_has() {
    let server = TestServer::start().await;
    let (ada, eve) = (server.owner("ada").await, server.owner("eve").await);
    let eves_key = key(&server, &eve, "live", &[]).await;
    let belongings = belongings(&server, &ada).await;
    let lists = |client: Client| async move {
        let mut seen: Vec<Value> = Vec::new();
        for list in [
            "api_keys",
            "suppressions",
            "emails",
            "sandbox/messages",
            "provider_connections",
            "routing_rules",
            "domains",
            "email_templates",
            "invitations",
            "webhook_endpoints",
        ] {
            seen.push(client.get(&format!("/api/v1/{list}")).await.body);
        }
        seen
    };
    let before = lists(ada.clone()).await;
    let routes = routes().into_iter().filter(|route| !is_the_operators(route));
    for route in routes.filter(|route| route.path.contains("{id}")) {
        let known = belongings.iter().find(|(path, _)| route.path.starts_with(path));
        let (_, id) = known.unwrap_or_else(|| panic!("nothing of another tenant to ask {route:?} for"));
        for client in [&eve, &eves_key] {
            if client.token() == eves_key.token() && matches!(route.access, Access::Member(_)) {
                continue; // Refused before anything is looked for.
            }
            let (others, nobodys) = (ask(client, &route, id).await, ask(client, &route, UNKNOWN).await);
            assert_eq!((others.status, &others.text), (404, &nobodys.text), "{route:?}");
            assert_eq!(nobodys.status, 404);
            assert_eq!(others.body, json!({ "error": "Not found", "code": "not_found" }));
            assert_eq!(others.headers.len(), nobodys.headers.len());
        }
    }
    assert!(
        lists(eve).await[1..].iter().all(|list| *list == json!([])),
        "nothing of another tenant is listed"
    );
    assert_eq!(lists(ada).await, before, "nothing was changed");
}

#[tokio::test]
pub(crate) async fn an_idempotency_key_is_its_tenants_own() {
    let server = TestServer::start().await;
    let (ada, eve) = (server.owner("ada").await, server.owner("eve").await);
    let email = json!({
        "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t",
        "metadata": { "idempotency_key": "order-17" },
    });
    let adas = ada.post("/api/v1/emails", &email).await;
    let eves = eve.post("/api/v1/emails", &email).await;
    assert_eq!((adas.status, eves.status), (202, 202));
    assert_ne!(adas.body["id"], eves.body["id"]);
    // Whoever may only send gets the answer to what was sent, and still reads nothing else.
    let sender = key(&server, &ada, "live", &[Scope::EmailsWrite]).await;
    assert_eq!(sender.post("/api/v1/emails", &email).await.body["id"], adas.body["id"]);
    let path = format!("/api/v1/emails/{}", adas.body["id"].as_str().unwrap());
    assert_eq!(sender.get(&path).await.status, 403);
    // A key for tests does not get at what is real by its idempotency key: tests have keys of their own.
    let test = key(&server, &ada, "test", &[]).await;
    let tried = test.post("/api/v1/emails", &email).await;
    assert_eq!((tried.status, &tried.body["mode"]), (202, &json!("test")));
    assert!(!tried.text.contains(adas.body["id"].as_str().unwrap()), "{tried:?}");
    assert_eq!(test.post("/api/v1/emails", &email).await.body["id"], tried.body["id"]);
}
