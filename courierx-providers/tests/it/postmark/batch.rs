//! Several messages at once.

use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::emulator::{Emulator, Fault};
use serde_json::{Value, json};

use super::{adapter, inactive, kinds};
use crate::support::answers::{Answers, Canned};
use crate::support::api::{self, SECRET};
use crate::support::{mail, refused};

fn numbered(count: usize) -> Vec<Outgoing> {
    (0..count).map(|number| mail::to(&[&format!("ada{number}@example.com")])).collect()
}

#[tokio::test]
async fn a_batch_is_cut_where_postmark_ends_it() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    let outcomes = postmark.send_batch(&numbered(1001), &SendOptions::default()).await;
    assert_eq!(outcomes.len(), 1001);
    assert!(outcomes.iter().all(Outcome::is_accepted));
    let size = |body: &[u8]| serde_json::from_slice::<Vec<Value>>(body).unwrap().len();
    let sizes: Vec<_> = emulator.requests().iter().map(|request| size(&request.body)).collect();
    assert_eq!(sizes, [500, 500, 1]);
    let arrived: Vec<_> = emulator.received().iter().map(|one| one.to[0].address.clone()).collect();
    assert_eq!(arrived[1000], "ada1000@example.com");
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own_answer() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    let mut messages = numbered(5);
    messages[1] = mail::to(&["ada@example.com", &inactive("")]);
    messages[2] = mail::to(&[&inactive("")]);
    messages[3] = mail::to(&["ada@example.com", "invalid@emulator.test"]);
    let outcomes = postmark.send_batch(&messages, &SendOptions::default()).await;
    assert!(outcomes[0].is_accepted() && outcomes[4].is_accepted(), "{outcomes:?}");
    assert_eq!(kinds(&outcomes[1], 2), [None, Some(RefusalKind::Suppressed)]);
    assert_eq!(refused(&outcomes[2]), RefusalKind::Suppressed);
    let apart = [RefusalKind::RecipientTemporary, RefusalKind::Recipient];
    assert_eq!(kinds(&outcomes[3], 2), apart.map(Some));
    assert_eq!((emulator.requests().len(), emulator.count()), (1, 3));
}

#[tokio::test]
async fn an_answer_that_does_not_add_up_is_unknown() {
    let answers = Answers::start().await;
    let postmark = adapter(answers.url());
    let good = json!({ "MessageID": "x", "ErrorCode": 0, "Message": "OK" });
    for body in [json!([good]), json!([good, good, good]), json!({}), json!("?"), good.clone()] {
        answers.say([Canned::new(200, body.to_string())]);
        let outcomes = postmark.send_batch(&numbered(2), &SendOptions::default()).await;
        assert!(outcomes.iter().all(|one| matches!(one, Outcome::Unknown(_))), "{body}: {outcomes:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_for_one_message_is_tried_one_by_one() {
    let answers = Answers::start().await;
    let postmark = adapter(answers.url());
    let wall = Canned::new(403, "<html>Forbidden</html>");
    let good = Canned::new(200, json!({ "MessageID": "x", "ErrorCode": 0 }).to_string());
    let limit = Canned::new(429, json!({ "ErrorCode": 429, "Message": "Wait" }).to_string());
    answers.say([wall.clone(), good, wall, limit]);
    let outcomes = postmark.send_batch(&numbered(5), &SendOptions::default()).await;
    assert!(outcomes[0].is_accepted());
    assert_eq!(refused(&outcomes[1]), RefusalKind::Policy);
    assert_eq!(refused(&outcomes[2]), RefusalKind::Throttled);
    assert!(outcomes[3..].iter().all(|one| refused(one) == RefusalKind::Interrupted), "{outcomes:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_connection_is_so_for_every_message() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    for (fault, kind) in [
        (Fault::Unauthorized, RefusalKind::Auth),
        (Fault::Suspended, RefusalKind::Auth),
        (Fault::Quota, RefusalKind::Quota),
        (Fault::Typed500, RefusalKind::Unavailable),
    ] {
        emulator.clear();
        emulator.fail(Some(fault));
        let outcomes = postmark.send_batch(&numbered(3), &SendOptions::default()).await;
        assert!(outcomes.iter().all(|one| refused(one) == kind), "{fault}: {outcomes:?}");
        assert_eq!(emulator.requests().len(), 1, "{fault}");
    }
    for fault in [Fault::Hang, Fault::Truncated, Fault::Untyped504] {
        emulator.fail(Some(fault));
        let outcomes =
            postmark.clone().http(api::client(fault)).send_batch(&numbered(3), &SendOptions::default()).await;
        assert!(outcomes.iter().all(|one| matches!(one, Outcome::Unknown(_))), "{fault}: {outcomes:?}");
    }
}

#[tokio::test]
async fn after_an_answer_about_the_connection_no_further_batch_is_handed_over() {
    let answers = Answers::start().await;
    let limit = json!({ "ErrorCode": 429, "Message": "Wait" }).to_string();
    answers.say([Canned::new(429, limit)]);
    let outcomes = adapter(answers.url()).send_batch(&numbered(501), &SendOptions::default()).await;
    assert!(outcomes[..500].iter().all(|one| refused(one) == RefusalKind::Throttled));
    assert_eq!(refused(&outcomes[500]), RefusalKind::Interrupted);
}
