//! What there is to begin with.

use super::Starter;
use crate::model::email_templates::TemplateCategory::{Marketing, Notification, Onboarding, Transactional};

/// All of them. Where no word fits, it is the first one of the category.
pub(super) const STARTERS: [Starter; 8] = [
    Starter {
        name: "Confirmation",
        category: Transactional,
        words: &["confirm", "verif", "activat", "address"],
        subject: "Confirm your address",
        heading: "Is this you, {{name}}?",
        paragraphs: &[
            "Somebody gave us this address. If it was you, please confirm it; the link works for one day.",
            "If it was not you, there is nothing to do.",
        ],
        button: Some(("Confirm the address", "confirm_url")),
        variables: &["name", "confirm_url", "company"],
    },
    Starter {
        name: "Password reset",
        category: Transactional,
        words: &["password", "reset", "forgot", "login", "recover"],
        subject: "Choose a new password",
        heading: "A new password for {{name}}",
        paragraphs: &[
            "You asked to choose a new password. The link works once, for an hour.",
            "If you did not ask, your password stays as it is.",
        ],
        button: Some(("Choose a password", "reset_url")),
        variables: &["name", "reset_url", "company"],
    },
    Starter {
        name: "Receipt",
        category: Transactional,
        words: &["receipt", "invoice", "order", "payment", "purchase", "paid", "bill"],
        subject: "Your order {{order_number}}",
        heading: "Thank you, {{name}}",
        paragraphs: &[
            "We have your order {{order_number}}, and received {{total}}.",
            "You find everything about it, and the invoice, on its page.",
        ],
        button: Some(("Look at the order", "order_url")),
        variables: &["name", "order_number", "total", "order_url", "company"],
    },
    Starter {
        name: "Welcome",
        category: Onboarding,
        words: &["welcome", "onboard", "sign", "start", "regist"],
        subject: "Welcome to {{company}}",
        heading: "Welcome, {{name}}",
        paragraphs: &[
            "Your account is ready. Most people begin with the first steps, which take five minutes.",
            "Just answer to this mail if something is not clear.",
        ],
        button: Some(("Take the first steps", "start_url")),
        variables: &["name", "start_url", "company"],
    },
    Starter {
        name: "Something happened",
        category: Notification,
        words: &["alert", "warn", "notif", "incident", "remind", "event", "inform"],
        subject: "{{title}}",
        heading: "{{title}}",
        paragraphs: &["{{message}}", "You get this mail because you asked to be told."],
        button: Some(("Look at it", "details_url")),
        variables: &["title", "message", "details_url", "company"],
    },
    Starter {
        name: "On its way",
        category: Notification,
        words: &["ship", "deliver", "track", "parcel", "dispatch", "sent"],
        subject: "Your order {{order_number}} is on its way",
        heading: "It is on its way, {{name}}",
        paragraphs: &["Your order {{order_number}} has left us, and should be with you on {{arrival}}."],
        button: Some(("Follow the parcel", "tracking_url")),
        variables: &["name", "order_number", "arrival", "tracking_url", "company"],
    },
    Starter {
        name: "News",
        category: Marketing,
        words: &["news", "letter", "digest", "update", "blog", "announc", "launch", "feature"],
        subject: "{{title}}",
        heading: "{{title}}",
        paragraphs: &[
            "Hello {{name}},",
            "{{summary}}",
            "Too much mail? You can leave the list at any time: {{unsubscribe_url}}",
        ],
        button: Some(("Read more", "article_url")),
        variables: &["name", "title", "summary", "article_url", "unsubscribe_url", "company"],
    },
    Starter {
        name: "Offer",
        category: Marketing,
        words: &["offer", "discount", "sale", "coupon", "promo", "deal", "percent"],
        subject: "{{discount}} off until {{ends_on}}",
        heading: "{{discount}} off for you, {{name}}",
        paragraphs: &[
            "With the code {{code}} everything costs {{discount}} less until {{ends_on}}.",
            "Too much mail? You can leave the list at any time: {{unsubscribe_url}}",
        ],
        button: Some(("Look around", "shop_url")),
        variables: &["name", "discount", "code", "ends_on", "shop_url", "unsubscribe_url", "company"],
    },
];
