//! Templates to begin with.

use serde_json::json;

use crate::support::TestServer;

const GENERATE: &str = "/api/v1/email_templates/generate";

#[tokio::test]
async fn a_prompt_chooses_a_template_that_can_be_kept_and_filled_as_it_is() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (prompt, category, name) in [
        ("Somebody forgot the PASSWORD and wants to reset it", None, "Password reset"),
        ("a receipt for an order that was paid", None, "Receipt"),
        ("tell that the parcel was shipped", Some("notification"), "On its way"),
        ("our monthly newsletter", None, "News"),
        ("welcome mail", Some("onboarding"), "Welcome"),
        // Nothing of that is known: the first one, of all and of the category.
        ("xyzzy", None, "Confirmation"),
        ("a receipt", Some("marketing"), "News"),
    ] {
        let asked = json!({ "prompt": prompt, "category": category });
        let (made, again) = (owner.post(GENERATE, &asked).await, owner.post(GENERATE, &asked).await);
        assert_eq!((made.status, &made.body["name"]), (200, &json!(name)), "{prompt}: {made:?}");
        assert_eq!(made.text, again.text);
        if let Some(category) = category {
            assert_eq!(made.body["category"], category);
        }
        let mut new = made.body.clone();
        new["name"] = json!(format!("{name}: {prompt}"));
        let kept = owner.post("/api/v1/email_templates", &new).await;
        assert_eq!(kept.status, 201, "{kept:?}");
        // Its variables are those that its texts need, no more and no fewer.
        let named = made.body["variables"].as_array().unwrap().iter();
        let values = named.map(|one| (one["name"].as_str().unwrap().to_owned(), json!("<b>")));
        let values = json!({ "variables": values.collect::<serde_json::Map<_, _>>() });
        let path = format!("/api/v1/email_templates/{}/preview", kept.body["id"].as_str().unwrap());
        let filled = owner.post(&path, &values).await;
        assert_eq!(filled.status, 200, "{filled:?}");
        assert_eq!(filled.body["missing_variables"], json!([]), "{filled:?}");
        assert_eq!(filled.body["unused_variables"], json!([]), "{filled:?}");
        assert!(!filled.body["html_body"].as_str().unwrap().contains("<b>"), "{filled:?}");
    }
    let all = owner.get("/api/v1/email_templates").await;
    assert_eq!(all.body.as_array().unwrap().len(), 7, "nothing is kept by generating");
}

#[tokio::test]
async fn a_prompt_has_to_be_given_and_a_category_to_be_one() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (asked, field) in [
        (json!({}), "prompt"),
        (json!({ "prompt": "  " }), "prompt"),
        (json!({ "prompt": "x".repeat(4001) }), "prompt"),
        (json!({ "prompt": "x", "category": "poetry" }), "category"),
    ] {
        let refused = owner.post(GENERATE, &asked).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("validation_error")));
        assert!(refused.body["details"][field].is_array(), "{refused:?}");
    }
}
