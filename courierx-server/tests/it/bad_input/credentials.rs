//! Credentials that are wrong, or not right any more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Mode;
use courierx_core::store::{Change, ConfigsExt};
use courierx_server::auth::{Claims, RawKey, Tokens};
use courierx_server::ctx::{FromDomains, Scopes};
use courierx_server::model::api_keys::{ApiKey, ApiKeyStatus};
use courierx_server::model::memberships::Membership;
use courierx_server::model::users::User;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Target, assert_refused};
use crate::support::Answer;

const PATH: &str = "/api/v1/emails";

impl Target {
    async fn with_header(&self, header: impl AsRef<[u8]>) -> Answer {
        let nobody = self.server.client();
        nobody.send(nobody.request(Method::GET, PATH).header("authorization", header.as_ref())).await
    }

    /// What the owner's token says.
    fn claims(&self) -> Claims {
        let part = self.owner.token().split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    async fn is_refused(&self, header: impl AsRef<[u8]>, what: &str) {
        let answer = self.with_header(header).await;
        assert_refused(&answer, &[401], what);
        assert_eq!(answer.body, json!({ "error": "Unauthorized", "code": "unauthorized" }), "{what}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn what_is_no_credential_is_refused_alike() {
    let target = Target::new().await;
    let answer = target.server.client().get(PATH).await;
    assert_refused(&answer, &[401], "none");
    let (long, longer) =
        (format!("Bearer {}", "x".repeat(2000)), format!("Bearer cxk_live_{}", "x".repeat(50_000)));
    let headers = [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer null",
        "Bearer cxk_live_",
        "Bearer cxk_test_x",
        "Bearer cxk_live_%00",
        "cxk_live_' OR 1=1 --",
        &long,
        &longer,
    ];
    for header in headers {
        target.is_refused(header, header).await;
    }
    target.is_refused(b"Bearer \xff\xfe", "no text").await;
    let key = target.server.key(&target.owner, "live").await;
    for wrong in [
        key.token().to_uppercase(),
        key.token()[..key.token().len() - 1].to_owned(),
        format!("{}0", key.token()),
        key.token().replace("live", "test"),
        format!("{},", key.token()),
    ] {
        target.is_refused(format!("Bearer {wrong}"), &wrong).await;
    }
}

#[tokio::test]
async fn two_credentials_are_none() {
    let target = Target::new().await;
    let (right, wrong) = (format!("Bearer {}", target.owner.token()), "Bearer x".to_owned());
    for (first, second) in [(&right, &wrong), (&wrong, &right), (&right, &right)] {
        let nobody = target.server.client();
        let request =
            nobody.request(Method::GET, PATH).header("authorization", first).header("authorization", second);
        assert_refused(&nobody.send(request).await, &[401], "two headers");
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let target = Target::new().await;
    let bob = target.server.owner("bob").await;
    let token = target.owner.token();
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = serde_json::to_value(target.claims()).unwrap();
    let mut others = claims.clone();
    others["tenant_id"] = bob.get("/api/v1/auth/me").await.body["tenant"]["id"].clone();
    let mut eternal = claims.clone();
    eternal["exp"] = json!(i64::MAX);
    let none = |name: &str| encode(&json!({ "alg": name, "typ": "JWT" }));
    let tokens = [
        format!("{}.{}.{}", parts[0], encode(&others), parts[2]),
        format!("{}.{}.{}", parts[0], encode(&eternal), parts[2]),
        format!("{}.{}.", none("none"), parts[1]),
        format!("{}.{}.", none("None"), parts[1]),
        format!("{}.{}.{}", none("none"), parts[1], parts[2]),
        format!("{}.{}.{}", none("HS384"), parts[1], parts[2]),
        format!("{}.{}.{}", none("RS256"), parts[1], parts[2]),
        format!(
            "{}.{}.{}",
            encode(&json!({ "alg": "HS256", "jwk": {}, "kid": "../../dev/null" })),
            parts[1],
            parts[2]
        ),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.x"),
        format!("{token}x"),
        format!("{}.{}.", parts[0], parts[1]),
    ];
    for token in tokens {
        target.is_refused(format!("Bearer {token}"), &token).await;
    }
    let (now, claims) = (target.server.app().now(), target.claims());
    let issue = |tokens: &Tokens, tenant, now| {
        tokens.issue(tenant, claims.sub, claims.home, claims.epoch, now).unwrap()
    };
    let forged = issue(&Tokens::new(b"another secret with enough bytes in it"), claims.tenant_id, now);
    target.is_refused(format!("Bearer {forged}"), "another secret").await;
    let ours = &target.server.app().tokens;
    let yesterday = Timestamp::from_secs(now.as_secs() - 24 * 3600 - 1);
    target.is_refused(format!("Bearer {}", issue(ours, claims.tenant_id, yesterday)), "expired").await;
    // Rightly signed, for a tenant in which the user is nobody, or that is not there.
    let bobs = others["tenant_id"].as_str().unwrap().parse().unwrap();
    for tenant in [bobs, TenantId::new()] {
        target.is_refused(format!("Bearer {}", issue(ours, tenant, now)), "a stranger").await;
    }
    let nobody = ours.issue(claims.tenant_id, RecordId::new(), claims.home, 0, now).unwrap();
    target.is_refused(format!("Bearer {nobody}"), "an unknown user").await;
    assert_eq!(target.owner.get(PATH).await.status, 200);
}

#[tokio::test]
async fn a_token_ends_with_its_users_epoch_and_membership() {
    let target = Target::new().await;
    let (app, claims) = (target.server.app(), target.claims());
    let mut user = app.store.get::<User>(claims.home, claims.sub).await.unwrap().unwrap();
    assert_eq!(target.owner.get(PATH).await.status, 200);
    user.value.epoch += 1;
    let change = Change::update(claims.home, claims.sub, user.version, &user.value).unwrap();
    app.commit(claims.home, vec![change]).await.unwrap();
    target.is_refused(format!("Bearer {}", target.owner.token()), "an earlier epoch").await;
    let next = app.tokens.issue(claims.tenant_id, claims.sub, claims.home, 1, app.now()).unwrap();
    assert_eq!(target.with_header(format!("Bearer {next}")).await.status, 200);
    let membership =
        app.store.find::<Membership>(claims.tenant_id, &Membership::of(claims.sub)).await.unwrap();
    let change = Change::delete::<Membership>(membership.unwrap().id);
    app.commit(claims.tenant_id, vec![change]).await.unwrap();
    target.is_refused(format!("Bearer {next}"), "no member any more").await;
    let login = json!({ "email": "owner@acme.example", "password": "correct horse battery" });
    assert_refused(&target.server.client().post("/api/v1/auth/login", &login).await, &[401], "no tenant");
}

#[tokio::test]
async fn a_key_ends_when_it_expires_is_revoked_or_deleted() {
    let target = Target::new().await;
    let (app, tenant) = (target.server.app(), target.claims().tenant_id);
    let raw = RawKey::generate(Mode::Live);
    let digest = raw.digest().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut key = ApiKey {
        name: "expired".to_owned(),
        digest,
        prefix: raw.prefix().to_owned(),
        mode: Mode::Live,
        scopes: Scopes::default(),
        from_domains: FromDomains::default(),
        status: ApiKeyStatus::Active,
        expires_at: Some(app.now()),
        rate_limit_per_minute: None,
        former: None,
        created_at: app.now(),
    };
    let id = RecordId::new();
    app.commit(tenant, vec![Change::create(tenant, id, &key).unwrap()]).await.unwrap();
    let header = format!("Bearer {}", raw.reveal());
    target.is_refused(&header, "expired").await;
    key.expires_at = None;
    app.commit(tenant, vec![Change::update(tenant, id, 1, &key).unwrap()]).await.unwrap();
    assert_eq!(target.with_header(&header).await.status, 200);
    let path = format!("/api/v1/api_keys/{id}");
    assert_eq!(target.owner.patch(&format!("{path}/revoke"), &json!({})).await.status, 200);
    target.is_refused(&header, "revoked").await;
    assert_eq!(target.owner.delete(&path).await.status, 204);
    target.is_refused(&header, "deleted").await;
    // A key may end itself.
    let own = target.server.key(&target.owner, "live").await;
    let listed = own.get("/api/v1/api_keys").await;
    let path = format!("/api/v1/api_keys/{}", listed.body[0]["id"].as_str().unwrap());
    assert_eq!(own.delete(&path).await.status, 204);
    target.is_refused(format!("Bearer {}", own.token()), "deleted by itself").await;
}
