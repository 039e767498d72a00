//! Schemas of what is read in more than one form, and of what other crates have.

use std::marker::PhantomData;

use courierx_core::clock::Timestamp;
use utoipa::openapi::{KnownFormat, SchemaFormat};

/// Gives a type the schema of any of these.
macro_rules! any_of {
    ($name:ident: $($form:ty),+) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::AnyOfBuilder::new()
                    $(.item(<$form as utoipa::PartialSchema>::schema()))+
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn schemas(
                schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
            ) {
                $(<$form as utoipa::ToSchema>::schemas(schemas);)+
            }
        }
    };
}
pub(crate) use any_of;

/// Makes types that stand for what a value has to be, in the document alone.
macro_rules! stands_for {
    ($($(#[$doc:meta])* $name:ident: $type:ident $(. $limit:ident ($value:expr))*;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::$type)
                    $(.$limit(Some($value)))*
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )+};
}
pub(crate) use stands_for;

/// Any number of these.
pub(crate) struct ListOf<T>(PhantomData<T>);

impl<T: utoipa::PartialSchema> utoipa::PartialSchema for ListOf<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new().items(T::schema()).into()
    }
}

impl<T: utoipa::PartialSchema> utoipa::ToSchema for ListOf<T> {}

/// A moment, or the day that it is about.
pub(crate) struct Moment;

any_of! { Moment: Day, Timestamp }

stands_for! {
    /// `null`.
    Null: Null;
    /// A line of at most 100 bytes with something in it: what people call things.
    Name: String.min_length(1).max_length(100).pattern(
        r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
    );
    /// A password that somebody chooses.
    Password: String.format(SchemaFormat::KnownFormat(KnownFormat::Password)).min_length(8).max_length(1024);
    /// A day.
    Day: String.format(SchemaFormat::KnownFormat(KnownFormat::Date));
    /// The name of a domain.
    DomainName: String.pattern(
        r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.[A-Za-z]{2,63}$"
    ).max_length(253);
    /// The address of somebody.
    EmailAddress: String.format(SchemaFormat::Custom("email".to_owned()));
}
