//! The suite that every provider passes, the built-in ones and yours.
//!
//! Implement [`Harness`] for your provider in its tests: it says how to bring about each [`Fate`]. Then let
//! [`provider_conformance!`](crate::provider_conformance) write one test for each case (feature
//! `conformance`, and tokio with `macros` and `rt` among the development dependencies):
//!
//! ```
//! use async_trait::async_trait;
//! use courierx_core::provider::conformance::{Fate, Harness, Meeting};
//! # use courierx_core::provider::{Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal,
//! #     SendOptions, Verified};
//! # #[derive(Debug)]
//! # struct MyProvider(Capability, ProviderId);
//! # impl MyProvider { fn talking_to(_: &str) -> Self { Self(Capability::full(), ProviderId::new("my")) } }
//! # #[async_trait]
//! # impl EmailProvider for MyProvider {
//! #     fn id(&self) -> &ProviderId { &self.1 }
//! #     fn capability(&self) -> &Capability { &self.0 }
//! #     async fn send(&self, _: &Outgoing, _: &SendOptions) -> Outcome { Outcome::Accepted(Default::default()) }
//! #     async fn verify(&self, _: &SendOptions) -> Result<Verified, Refusal> { Ok(Verified::new("")) }
//! # }
//!
//! struct MyHarness;
//!
//! #[async_trait]
//! impl Harness for MyHarness {
//!     async fn meet(&self, fate: Fate) -> Option<Meeting> {
//!         match fate {
//!             Fate::Accepted => Some(Meeting::new(MyProvider::talking_to("a test server"))),
//!             Fate::RecipientRefused => {
//!                 let provider = MyProvider::talking_to("a test server");
//!                 Some(Meeting::new(provider).recipient("nobody@example.com"))
//!             }
//!             // Cases that need a fate which cannot be brought about are passed over.
//!             _ => None,
//!         }
//!     }
//! }
//!
//! mod suite {
//!     courierx_core::provider_conformance!(super::MyHarness);
//! }
//! ```
#![allow(clippy::missing_panics_doc, reason = "a case that fails panics: it is a test")]

mod cases;
mod content;
mod errors;
mod hostile;
mod meeting;
mod received;
mod support;

pub use cases::*;
pub use content::*;
pub use errors::*;
pub use hostile::*;
pub use meeting::{Fate, Harness, Meeting};
pub use received::{Person, Received, ReceivedFile};

/// Writes one `#[tokio::test]` for each case of the suite, over the given
/// [`Harness`](crate::provider::conformance::Harness).
///
/// Put it into a module of its own; the tests have the names of the cases. One whose fate the harness does
/// not bring about passes without testing anything: `cargo test -- --nocapture` shows which.
#[macro_export]
macro_rules! provider_conformance {
    ($harness:expr) => {
        $crate::provider_conformance! {
            $harness;
            accepts_a_message
            answers_a_batch_in_order
            tells_each_recipient_apart
            repeats_an_answer
            hands_nothing_over_once_canceled
            keeps_to_the_time
            does_not_know_what_a_lost_answer_said
            finds_an_unreachable_peer_unavailable
            finds_refused_credentials
            verifies_without_sending
            shows_no_secret
            is_the_same_behind_a_pointer
            has_a_steady_capability
            takes_no_unsigned_callback
            answers_for_each_recipient_asked_about
            understands_throttling
            understands_a_used_up_quota
            understands_a_suspended_account
            understands_an_unverified_sender
            understands_a_suppressed_recipient
            believes_a_peer_that_is_out_of_order
            does_not_believe_a_gateway
            does_not_know_what_half_an_answer_said
            believes_a_success_that_it_cannot_read
            carries_every_body
            carries_names
            carries_subjects
            shows_cc_and_hides_bcc
            carries_several_addresses_for_answers
            carries_headers
            carries_attachments
            carries_inline_images
            plants_the_delivery_id
            carries_labels
            watches_readers_as_asked
            reaches_only_whom_it_is_for
            reaches_a_thousand_by_batch
            repeats_its_bytes
            keeps_hostile_text_in_its_place
            keeps_hostile_names_in_their_place
            reaches_hostile_addresses_or_nobody
        }
    };
    ($harness:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::provider::conformance::$case(&$harness).await;
            }
        )*
    };
}
