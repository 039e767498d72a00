//! What every provider can do and how its errors are treated, as data: `docs/providers.md` is made of it.

use courierx_core::provider::Capability;

use crate::http::Rule;

/// One provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reference {
    /// Its name in configurations.
    pub id: &'static str,
    /// Its name, for people.
    pub name: &'static str,
    /// What it can do.
    pub capability: Capability,
    /// How its errors are treated, read from the top; the usual meaning of a status follows.
    pub rules: &'static [Rule],
}

/// Every vendor's adapter that is built in.
pub fn references() -> Vec<Reference> {
    vec![
        #[cfg(feature = "postmark")]
        Reference {
            id: "postmark",
            name: "Postmark",
            capability: crate::postmark::capability(),
            rules: crate::postmark::RULES,
        },
        #[cfg(feature = "ses")]
        Reference {
            id: "ses",
            name: "Amazon SES",
            capability: crate::ses::capability(),
            rules: crate::ses::RULES,
        },
    ]
}
