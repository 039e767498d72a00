//! Enumerations whose values have a name, on the wire and in a store.

/// Declares an enumeration with the names of its values: for serde, `Display` and `FromStr` alike.
///
/// For the crates of this project; whoever uses it needs `serde`.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    (
        $(#[$attr:meta])*
        $name:ident, $expected:literal,
        $($(#[$variant_attr:meta])* $variant:ident = $text:literal),+ $(,)?
    ) => {
        $(#[$attr])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_attr])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, on the wire and in a store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownName { expected: $expected }),
                }
            }
        }

        $crate::__schema_of_names!($name);
    };
}
pub(crate) use names;

/// The schema of an enumeration, where schemas are wanted: that is this crate's feature, whoever declares it.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __schema_of_names {
    ($name:ident) => {
        impl $crate::schema::utoipa::PartialSchema for $name {
            fn schema() -> $crate::schema::utoipa::openapi::RefOr<$crate::schema::utoipa::openapi::Schema> {
                $crate::schema::names(Self::ALL.iter().map(|one| one.as_str()))
            }
        }

        impl $crate::schema::utoipa::ToSchema for $name {}
    };
}

/// No schema.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __schema_of_names {
    ($name:ident) => {};
}

/// A text that is none of the names a value can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of: {expected}")]
pub struct UnknownName {
    /// The names, for people.
    pub expected: &'static str,
}
