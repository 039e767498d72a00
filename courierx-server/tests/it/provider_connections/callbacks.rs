//! What connections have for being called back, as clients give it and are shown it.

use courierx_server::config::{Environment, Flags, Settings};
use serde_json::{Value, json};

use super::{PATH, at, local};
use crate::support::TestServer;

fn connection(provider: &str) -> Value {
    let mut body = json!({ "provider": provider, "display_name": provider, "status": "inactive", "api_key": "key",
        "base_url": "http://127.0.0.1:9" });
    let more = match provider {
        "mailgun" => json!({ "domain": "a.example" }),
        "aws_ses" => json!({ "region": "eu-west-1", "secret": "secret" }),
        _ => json!({}),
    };
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_connection_shows_where_its_provider_is_to_call_back_and_never_by_what_it_is_known() {
    let server = TestServer::start_with(|settings| {
        let folder = std::env::temp_dir();
        let set = [("COURIERX_PUBLIC_URL", "https://mail.example.com/")].into_iter().collect::<Environment>();
        let read = Settings::load(&Flags::default(), &set, &folder).unwrap();
        settings.public_url = read.public_url;
        settings.private_targets = courierx_server::config::PrivateTargets::All;
    })
    .await;
    let owner = server.owner("acme").await;
    let mut urls = std::collections::BTreeSet::new();
    for (provider, path) in [
        ("sendgrid", "sendgrid"),
        ("mailgun", "mailgun"),
        ("aws_ses", "ses"),
        ("postmark", "postmark"),
        ("resend", "resend"),
    ] {
        let made = owner.post(PATH, &connection(provider)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let url = made.body["webhook_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with(&format!("https://mail.example.com/api/v1/webhooks/{path}/")), "{url}");
        assert_eq!(made.body["webhook_secret_present"], false);
        let renamed = owner.patch(&at(&made.body), &json!({ "display_name": "Other" })).await;
        assert_eq!(renamed.body["webhook_url"], url.as_str(), "it stays");
        assert!(urls.insert(url), "one for each connection");
    }
    let sandbox = owner.post(PATH, &json!({ "provider": "sandbox", "display_name": "Sandbox" })).await;
    assert_eq!(sandbox.body["webhook_url"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn keys_of_callbacks_are_judged_kept_and_taken_back() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let made = owner.post(PATH, &connection("resend")).await;
    assert_eq!(
        (&made.body["webhook_url"], made.status),
        (&Value::Null, 201),
        "nobody knows how it is reached"
    );
    let path = at(&made.body);
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let given = owner.patch(&path, &json!({ "webhook_secret": key })).await;
    assert_eq!((given.status, &given.body["webhook_secret_present"]), (200, &json!(true)));
    assert!(!given.body.to_string().contains("MfKQ9"), "{given:?}");
    let blank = owner.patch(&path, &json!({ "webhook_secret": "" })).await;
    assert_eq!(blank.body["webhook_secret_present"], true, "an empty one says nothing");
    let gone = owner.patch(&path, &json!({ "webhook_secret": null })).await;
    assert_eq!(gone.body["webhook_secret_present"], false);

    let topic = "arn:aws:sns:eu-west-1:123456789012:events";
    for (provider, wrong) in [
        ("resend", json!({ "webhook_secret": "short" })),
        ("sendgrid", json!({ "webhook_secret": key })),
        ("postmark", json!({ "webhook_secret": "short" })),
        ("mailgun", json!({ "webhook_secret": "x".repeat(5000) })),
        ("mailgun", json!({ "sns_topic_arns": [topic] })),
        ("aws_ses", json!({ "sns_topic_arns": ["events"] })),
        ("aws_ses", json!({ "sns_topic_arns": vec![topic; 11] })),
    ] {
        let mut body = connection(provider);
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let refused = owner.post(PATH, &body).await;
        assert_eq!(refused.status, 422, "{provider} {wrong}: {refused:?}");
        let (field, _) = wrong.as_object().unwrap().iter().next().unwrap();
        assert!(refused.body["details"][field].is_array(), "{refused:?}");
    }
    let mut amazon = connection("aws_ses");
    amazon["sns_topic_arns"] = json!([topic]);
    let made = owner.post(PATH, &amazon).await;
    assert_eq!((made.status, &made.body["sns_topic_arns"]), (201, &json!([topic])), "{made:?}");
}
