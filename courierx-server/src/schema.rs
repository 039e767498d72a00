//! Schemas of what is read in more than one form, and of what other crates have.

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

/// `null`.
pub(crate) struct Null;

impl utoipa::PartialSchema for Null {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::Null).into()
    }
}

impl utoipa::ToSchema for Null {}
