//! Who belongs to a tenant: invited, given roles, removed.

use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use courierx_core::store::{Change, ConfigsExt as _};
use courierx_server::auth::Claims;
use courierx_server::ctx::{Actor, Ctx, RequestId, Role};
use courierx_server::model::memberships::Membership;
use courierx_server::model::tenants::Tenant;
use courierx_server::model::users::{EndedToken, User};
use courierx_server::services::api_keys::{self, NewApiKey};
use courierx_server::services::invitations;
use futures_util::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::accounts::with_system_mail;
use crate::provider_connections::limits::{tenant, until};
use crate::support::{Answer, Client, TestServer};

const MAILS: &str = "/api/v1/sandbox/messages?per_page=100";

async fn invite(admin: &Client, email: &str, role: &str) -> Answer {
    admin.post("/api/v1/invitations", &json!({ "email": email, "role": role })).await
}

async fn accept(server: &TestServer, invited: &Answer, password: &str) -> Answer {
    assert_eq!(invited.status, 201, "{invited:?}");
    let path = format!("/api/v1/invitations/{}/accept", invited.body["token"].as_str().unwrap());
    server.client().post(&path, &json!({ "password": password })).await
}

/// A new user of this role.
async fn join(server: &TestServer, owner: &Client, email: &str, role: &str) -> Client {
    let joined = accept(server, &invite(owner, email, role).await, "a new password").await;
    assert_eq!((joined.status, &joined.body["membership"]["role"]), (201, &json!(role)), "{joined:?}");
    server.client().with(joined.body["token"].as_str().unwrap())
}

/// The identifier of somebody's membership.
async fn member(client: &Client, email: &str) -> String {
    let members = client.get("/api/v1/team_members").await.body;
    let one = members.as_array().unwrap().iter().find(|one| one["email"] == email);
    format!("/api/v1/team_members/{}", one.unwrap()["id"].as_str().unwrap())
}

#[tokio::test]
pub(crate) async fn whoever_is_invited_joins_once_and_logs_in_from_then_on() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let invited = invite(&owner, "Dev@acme.example", "viewer").await;
    let token = invited.body["token"].as_str().unwrap();
    let shown = server.client().get(&format!("/api/v1/invitations/{token}")).await;
    assert_eq!((&shown.body["tenant_name"], &shown.body["role"]), (&json!("acme"), &json!("viewer")));
    assert!(!owner.get("/api/v1/invitations").await.text.contains(token), "it is shown once");
    assert_eq!(accept(&server, &invited, "short").await.status, 422);
    let joined = accept(&server, &invited, "a new password").await;
    assert_eq!(joined.status, 201, "{joined:?}");
    assert_eq!(accept(&server, &invited, "a new password").await.status, 404, "once");
    let login = json!({ "email": "dev@acme.example", "password": "a new password" });
    let login = server.client().post("/api/v1/auth/login", &login).await;
    let dev = server.client().with(login.body["token"].as_str().unwrap());
    let members = dev.get("/api/v1/team_members").await.body;
    let roles: Vec<_> = members.as_array().unwrap().iter().map(|one| &one["role"]).collect();
    assert_eq!(roles, ["owner", "viewer"]);
    assert_eq!(owner.get("/api/v1/invitations").await.body[0]["status"], "accepted");
    for (status, expected) in [("accepted", 1), ("pending", 0), ("revoked", 0)] {
        let listed = owner.get(&format!("/api/v1/invitations?status={status}")).await;
        assert_eq!(listed.body.as_array().unwrap().len(), expected, "{status}");
    }
    assert_eq!(owner.get("/api/v1/invitations?status=lost").await.status, 422);
    let named = invite(&owner, "Ada@acme.example", "viewer").await;
    let path = format!("/api/v1/invitations/{}/accept", named.body["token"].as_str().unwrap());
    let mut ada = json!({ "password": "a new password", "first_name": "Ada\n", "last_name": " Lovelace " });
    assert_eq!(server.client().post(&path, &ada).await.status, 422, "a name is a line");
    ada["first_name"] = json!("Ada");
    assert_eq!(server.client().post(&path, &ada).await.status, 201);
    let members = owner.get("/api/v1/team_members").await.body;
    let called: Vec<_> = members.as_array().unwrap().iter().map(|one| &one["full_name"]).collect();
    assert_eq!(called, [&json!(null), &json!(null), &json!("Ada Lovelace")]);
}

#[tokio::test]
pub(crate) async fn whoever_has_an_account_joins_with_the_password_they_have() {
    let server = TestServer::start().await;
    let (acme, other) = (server.owner("acme").await, server.owner("other").await);
    let invited = invite(&acme, "owner@other.example", "admin").await;
    assert_eq!(accept(&server, &invited, "not that password").await.status, 401);
    let joined = accept(&server, &invited, "correct horse battery").await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let there = server.client().with(joined.body["token"].as_str().unwrap());
    let name = async |client: &Client| client.get("/api/v1/auth/me").await.body["tenant"]["name"].clone();
    assert_eq!((name(&there).await, name(&other).await), (json!("acme"), json!("other")));
    let login = |tenant: Value| {
        let body =
            json!({ "email": "owner@other.example", "password": "correct horse battery", "tenant": tenant });
        let client = server.client();
        async move { client.post("/api/v1/auth/login", &body).await }
    };
    assert_eq!(login(json!(null)).await.body["tenant"]["slug"], "other");
    assert_eq!(login(json!("acme")).await.body["tenant"]["slug"], "acme");
    server.owner("third").await;
    for wrong in ["third", "nowhere"] {
        assert_eq!(login(json!(wrong)).await.status, 401, "{wrong}");
    }
    // Out is out, there and at once; at home nothing changes.
    let path = member(&acme, "owner@other.example").await;
    assert_eq!(acme.delete(&path).await.status, 204);
    assert_eq!(
        (there.get("/api/v1/auth/me").await.status, other.get("/api/v1/auth/me").await.status),
        (401, 200)
    );
}

#[tokio::test]
pub(crate) async fn whoever_belongs_nowhere_any_more_registers_again_with_the_password_they_have() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    join(&server, &owner, "dev@acme.example", "developer").await;
    let register = async |password: &str| {
        let new = json!({ "name": "own", "email": "dev@acme.example", "password": password });
        server.client().post("/api/v1/auth/register", &new).await
    };
    let taken = json!(["email has already been taken"]);
    assert_eq!(register("a new password").await.body["errors"], taken, "they belong to one");
    assert_eq!(owner.delete(&member(&owner, "dev@acme.example").await).await.status, 204);
    let log_in = async || {
        let login = json!({ "email": "dev@acme.example", "password": "a new password" });
        server.client().post("/api/v1/auth/login", &login).await
    };
    assert_eq!(log_in().await.status, 401);
    assert_eq!(register("not that password").await.body["errors"], taken);
    let again = register("a new password").await;
    assert_eq!(again.status, 201, "{again:?}");
    let own = server.client().with(again.body["token"].as_str().unwrap());
    assert_eq!(own.get("/api/v1/team_members").await.body[0]["role"], "owner");
    assert_eq!(log_in().await.body["tenant"]["slug"], "own");
    assert_eq!(register("a new password").await.body["errors"], taken, "once");
    // Where they began they are nobody, and may be again.
    let back = accept(&server, &invite(&owner, "dev@acme.example", "viewer").await, "a new password").await;
    assert_eq!(back.status, 201, "{back:?}");
}

#[tokio::test]
async fn nobody_gives_more_than_they_have_and_an_owner_stays() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let admin = join(&server, &owner, "admin@acme.example", "admin").await;
    assert_eq!(invite(&admin, "x@acme.example", "owner").await.status, 403);
    let (first, own) =
        (member(&admin, "owner@acme.example").await, member(&admin, "admin@acme.example").await);
    for (path, role) in [(&first, "viewer"), (&own, "owner")] {
        assert_eq!(admin.patch(path, &json!({ "role": role })).await.status, 403, "{role}");
    }
    assert_eq!(admin.delete(&first).await.status, 403);
    for answer in [owner.delete(&first).await, owner.patch(&first, &json!({ "role": "viewer" })).await] {
        assert_eq!((answer.status, &answer.body["error"]), (422, &json!("Cannot remove the last owner")));
    }
    assert_eq!(owner.patch(&own, &json!({ "role": "owner" })).await.body["role"], "owner");
    // Of two owners who step down at the same moment one stays.
    let down = json!({ "role": "viewer" });
    let (one, two) = tokio::join!(owner.patch(&first, &down), admin.patch(&own, &down));
    assert!(one.status >= 400 || two.status >= 400, "{one:?} {two:?}");
    assert!(one.status == 200 || two.status == 200, "{one:?} {two:?}");
    let roles = admin.get("/api/v1/team_members").await.text;
    assert_eq!(roles.matches(r#""role":"owner""#).count(), 1, "{roles}");
}

#[tokio::test]
async fn an_invitation_is_taken_back_and_made_anew() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let first = invite(&owner, "dev@acme.example", "developer").await;
    assert_eq!(invite(&owner, "DEV@acme.example", "developer").await.status, 422, "there is one");
    assert_eq!(invite(&owner, "nobody", "developer").await.status, 422);
    assert_eq!(invite(&owner, "x@acme.example", "king").await.status, 422);
    let path = format!("/api/v1/invitations/{}", first.body["id"].as_str().unwrap());
    let second = owner.post(&format!("{path}/resend"), &json!({})).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(accept(&server, &first, "a new password").await.status, 404);
    let token = second.body["token"].as_str().unwrap();
    assert_eq!(owner.post(&format!("{path}/revoke"), &json!({})).await.body["status"], "revoked");
    assert_eq!(server.client().get(&format!("/api/v1/invitations/{token}")).await.status, 404);
    assert_eq!(owner.post(&format!("{path}/resend"), &json!({})).await.status, 409);
    assert_eq!(invite(&owner, "dev@acme.example", "developer").await.status, 201);
}

/// What becomes of an invitation: the status of showing it and of accepting it.
async fn used(server: &TestServer, invited: &Answer) -> [u16; 2] {
    let path = format!("/api/v1/invitations/{}", invited.body["token"].as_str().unwrap());
    let shown = server.client().get(&path).await.status;
    [shown, accept(server, invited, "a new password").await.status]
}

#[tokio::test]
pub(crate) async fn invitations_end_with_the_role_in_which_they_were_made() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    for (name, role) in [("removed", None), ("demoted", Some("developer"))] {
        let email = |who: &str| format!("{who}@{name}.example");
        let mallory = join(&server, &owner, &email("mallory"), "admin").await;
        let path = member(&owner, &email("mallory")).await;
        let hers = [
            invite(&mallory, &email("mallory2"), "admin").await,
            invite(&mallory, &email("x"), "viewer").await,
        ];
        let other = invite(&owner, &email("ada"), "admin").await;
        // Whoever has the newest token has invited.
        let resent = async |client: &Client, invited: &Answer| {
            let path = format!("/api/v1/invitations/{}/resend", invited.body["id"].as_str().unwrap());
            let mut answer = client.post(&path, &json!({})).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.status = 201;
            answer
        };
        let taken_up = resent(&mallory, &invite(&owner, &email("bob"), "developer").await).await;
        let handed_on = resent(&owner, &invite(&mallory, &email("eve"), "developer").await).await;
        let version = async || {
            server.app().store.get::<Tenant>(tenant, Tenant::record(tenant)).await.unwrap().unwrap().version
        };
        let before = version().await;
        let status = match role {
            None => owner.delete(&path).await.status,
            Some(role) => owner.patch(&path, &json!({ "role": role })).await.status,
        };
        assert!(matches!(status, 200 | 204), "{name}: {status}");
        assert!(version().await > before, "who invites at another server at that moment asks once more");
        for (number, invited) in hers.iter().chain([&taken_up]).enumerate() {
            assert_eq!(used(&server, invited).await, [404; 2], "{name}: {number}");
        }
        let listed = owner.get("/api/v1/invitations?status=revoked").await.text;
        for who in ["mallory2", "x", "bob"] {
            assert!(listed.contains(&email(who)), "{name}: {who}: {listed}");
        }
        for invited in [&other, &handed_on] {
            assert_eq!(used(&server, invited).await, [200, 201], "{name}");
        }
        assert_eq!(invite(&owner, &email("x"), "viewer").await.status, 201, "anew by somebody else");
    }
}

#[tokio::test]
async fn an_owner_who_is_an_admin_from_now_on_invites_no_owners() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let second = join(&server, &owner, "second@acme.example", "owner").await;
    let to_owner = invite(&second, "ada@acme.example", "owner").await;
    let to_admin = invite(&second, "bob@acme.example", "admin").await;
    let path = member(&owner, "second@acme.example").await;
    assert_eq!(owner.patch(&path, &json!({ "role": "admin" })).await.status, 200);
    assert_eq!(used(&server, &to_owner).await, [404; 2]);
    assert_eq!(used(&server, &to_admin).await, [200, 201]);
    // More than before takes nothing back.
    let to_viewer = invite(&second, "eve@acme.example", "viewer").await;
    assert_eq!(owner.patch(&path, &json!({ "role": "owner" })).await.status, 200);
    assert_eq!(used(&server, &to_viewer).await, [200, 201]);
}

/// The statuses of whatever outlives the session in which it is done.
async fn lasting(client: &Client, key: &str, invitation: &str, members: [&str; 2]) -> [u16; 7] {
    let none = json!({});
    let delete = client.request(Method::DELETE, "/api/v1/auth/me").json(&json!({ "name": "acme" }));
    let answers = [
        client.post("/api/v1/api_keys", &json!({ "name": "mine" })).await,
        client.post(&format!("/api/v1/api_keys/{key}/rotate"), &none).await,
        invite(client, "mine@acme.example", "viewer").await,
        client.post(&format!("/api/v1/invitations/{invitation}/resend"), &none).await,
        client.patch(members[0], &json!({ "role": "owner" })).await,
        client.delete(members[1]).await,
        client.send(delete).await,
    ];
    answers.map(|answer| answer.status)
}

#[tokio::test]
async fn who_was_put_out_at_another_server_makes_nothing_here_that_lasts() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    let id = |answer: Answer| answer.body["id"].as_str().unwrap().to_owned();
    let key = id(owner.post("/api/v1/api_keys", &json!({ "name": "key" })).await);
    let invitation = id(invite(&owner, "new@acme.example", "viewer").await);
    // Past this server's caches, as what another one on the database writes.
    let write = async |change: Change| {
        server.app().store.commit_configs(tenant, vec![change]).await.unwrap().unwrap();
    };
    let ada = join(&server, &owner, "ada@acme.example", "owner").await;
    let path = member(&ada, "ada@acme.example").await;
    let first = member(&ada, "owner@acme.example").await;
    let hers: RecordId = path.rsplit('/').next().unwrap().parse().unwrap();
    let mut membership = server.app().store.get::<Membership>(tenant, hers).await.unwrap().unwrap();
    membership.value.role = Role::Viewer;
    write(Change::update(tenant, hers, membership.version, &membership.value).unwrap()).await;
    let members = [path.as_str(), first.as_str()];
    assert_eq!(lasting(&ada, &key, &invitation, members).await, [403; 7], "she only reads now");
    write(Change::delete::<Membership>(hers)).await;
    assert_eq!(lasting(&ada, &key, &invitation, members).await, [401; 7], "she is no member");

    for everywhere in [false, true] {
        let client = server.log_in("acme").await;
        assert_eq!(client.get("/api/v1/auth/me").await.status, 200);
        let app = server.app();
        let claims = app.tokens.read(client.token(), app.now()).unwrap();
        let mut user = app.store.get::<User>(tenant, claims.sub).await.unwrap().unwrap();
        if everywhere {
            user.value.end_all_tokens();
        } else {
            user.value.ended.push(EndedToken { token: claims.jti, ends_at: app.now() });
        }
        write(Change::update(tenant, claims.sub, user.version, &user.value).unwrap()).await;
        let statuses = lasting(&client, &key, &invitation, [members[1]; 2]).await;
        assert_eq!(statuses, [401; 7], "the token has ended");
    }
    server.app().directory.forget(tenant);
    let again = server.log_in("acme").await;
    assert_eq!(again.get("/api/v1/team_members").await.body.as_array().unwrap().len(), 1);
    assert_eq!(again.post("/api/v1/api_keys", &json!({ "name": "mine" })).await.status, 201);
}

/// Who stands in line behind somebody else of the tenant, and is put out meanwhile.
#[tokio::test]
async fn who_is_put_out_while_they_wait_makes_nothing() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (app, tenant) = (server.app(), tenant(&owner).await);
    let ada = join(&server, &owner, "ada@acme.example", "admin").await;
    let path = member(&owner, "ada@acme.example").await;
    let membership: RecordId = path.rsplit('/').next().unwrap().parse().unwrap();
    let Claims { sub: id, home, epoch, jti: token, .. } = app.tokens.read(ada.token(), app.now()).unwrap();
    let actor = Actor::User { id, home, role: Role::Admin, epoch, token };
    let ctx = Ctx { tenant, actor, mode: Mode::Live, request_id: RequestId::generate() };
    for is_member in [true, false] {
        let turn = app.tenant_turns.try_take(tenant).unwrap();
        let new = NewApiKey {
            name: "mine".to_owned(),
            scopes: Vec::new(),
            from_domains: Vec::new(),
            mode: Mode::Live,
            expires_at: None,
            rate_limit_per_minute: None,
        };
        let mut key = Box::pin(api_keys::create(&ctx, app, new));
        let email = format!("{is_member}@acme.example");
        let mut invited = Box::pin(invitations::create(&ctx, app, &email, Role::Viewer));
        assert!((&mut key).now_or_never().is_none() && (&mut invited).now_or_never().is_none());
        if !is_member {
            let put_out = vec![Change::delete::<Membership>(membership)];
            app.store.commit_configs(tenant, put_out).await.unwrap().unwrap();
        }
        drop(turn);
        assert_eq!((key.await.is_ok(), invited.await.is_ok()), (is_member, is_member));
    }
}

/// Whom mail of the server's own went to, in any order.
async fn mailed(server: &TestServer, operator: &Client) -> Vec<String> {
    server.delivered(operator).await;
    let mails = operator.get(MAILS).await.body;
    let to = |mail: &Value| mail["recipients"][0].as_str().unwrap().to_owned();
    mails.as_array().unwrap().iter().map(to).collect()
}

#[tokio::test]
async fn invitations_are_mailed_so_often_and_made_in_any_case() {
    let (server, operator) = with_system_mail().await;
    let (owner, other) = (server.owner("acme").await, server.owner("other").await);
    let invited = invite(&owner, "ada@example.com", "developer").await;
    let resend = format!("/api/v1/invitations/{}/resend", invited.body["id"].as_str().unwrap());
    for _ in 0..5 {
        let again = owner.post(&resend, &json!({})).await;
        assert_eq!((again.status, again.body["token"].is_string()), (200, true), "{again:?}");
    }
    assert_eq!(invite(&other, "Ada+news@example.com", "viewer").await.status, 201);
    assert_eq!(mailed(&server, &operator).await, ["ada@example.com"; 3], "whoever asks");
    for number in 0..30 {
        let invited = invite(&owner, &format!("dev{number}@example.com"), "viewer").await;
        assert_eq!((invited.status, invited.body["token"].is_string()), (201, true), "{invited:?}");
    }
    let all = mailed(&server, &operator).await;
    assert_eq!(all.iter().filter(|to| to.starts_with("dev")).count(), 20 - 6, "{all:?}");
    // Neither another account nor a forgotten password waits for that.
    assert_eq!(invite(&other, "bob@example.com", "viewer").await.status, 201);
    assert!(mailed(&server, &operator).await.contains(&"bob@example.com".to_owned()));
    let forgot = json!({ "email": "owner@acme.example" });
    assert_eq!(server.client().post("/api/v1/auth/password/forgot", &forgot).await.status, 202);
    until(&operator, MAILS, |mails| mails.to_string().contains("owner@acme.example")).await;
}
