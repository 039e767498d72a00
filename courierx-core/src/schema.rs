//! Schemas of the types that an API shows, for documents that are made of them.

use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

#[doc(hidden)]
pub use utoipa;

use crate::clock::Timestamp;
use crate::id::{AttemptId, EventId, MessageId, RecordId, TenantId};
use crate::message::Tracking;
use crate::provider::RefusalKind;
use crate::router::{NotBefore, Rate, SkipReason};

/// One of these texts.
#[doc(hidden)]
pub fn names(values: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).into()
}

fn text(format: &str) -> RefOr<Schema> {
    let format = SchemaFormat::Custom(format.to_owned());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
}

macro_rules! texts {
    ($($name:ident: $format:literal),+ $(,)?) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($format)
            }
        }

        impl ToSchema for $name {}
    )+};
}
texts! {
    Timestamp: "date-time", TenantId: "uuid", MessageId: "uuid", EventId: "uuid", AttemptId: "uuid", RecordId: "uuid",
}

fn switch() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).into()
}

impl PartialSchema for Tracking {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().property("opens", switch()).property("clicks", switch()).into()
    }
}

impl ToSchema for Tracking {}

impl PartialSchema for NotBefore {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().property("until", Timestamp::schema()).required("until");
        object.property("kind", RefusalKind::schema()).required("kind").into()
    }
}

impl ToSchema for NotBefore {}

impl PartialSchema for Rate {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().property("per_second", f64::schema()).required("per_second");
        object.property("burst", u32::schema()).required("burst").into()
    }
}

impl ToSchema for Rate {}

impl PartialSchema for SkipReason {
    /// A name, or an object whose only member has that name: what is in it depends on the name, and more may come.
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Object]))
            .description(Some("A name, or an object whose only member has that name and says more"))
            .into()
    }
}

impl ToSchema for SkipReason {}
