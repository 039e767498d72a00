//! The parameters of a URL. sqlx leaves out what it does not know, and `?sslmod=verify-full` would connect without TLS.

use url::Url;

use super::error::OpenError;

/// What sqlx reads. `options[…]`, with a setting of the server in the brackets, comes in addition.
const KNOWN: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Refuses a parameter that would be ignored.
pub(super) fn check(url: &Url) -> Result<(), OpenError> {
    // Of a password with a `?` that is not encoded the rest would look like parameters, and none of it may be shown.
    let is_odd = url.query().is_some_and(|query| query.contains('@'));
    for (name, _) in url.query_pairs() {
        let of_options = name.strip_prefix("options[").is_some_and(|rest| rest.ends_with(']'));
        if of_options || KNOWN.contains(&&*name) {
            continue;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_[].".contains(&byte);
        if is_odd || name.len() > 40 || !name.bytes().all(plain) {
            return Err(OpenError::InvalidUrl(None));
        }
        return Err(OpenError::UnknownParameter { nearest: nearest(&name), name: name.into_owned() });
    }
    Ok(())
}

fn nearest(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&name, known);
    let by_likeness = |a: &&&str, b: &&&str| likeness(a).total_cmp(&likeness(b));
    // The first of those that are alike is the usual one.
    KNOWN.iter().rev().max_by(by_likeness).copied().unwrap_or("sslmode")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(parameters: &str) -> Option<OpenError> {
        check(&Url::parse(&format!("postgres://app:hunter2@db.example/app{parameters}")).unwrap()).err()
    }

    #[test]
    fn what_is_known_is_let_through() {
        for known in KNOWN {
            assert!(refused(&format!("?{known}=1")).is_none(), "{known}");
        }
        for right in [
            "",
            "?",
            "?sslmode=verify-full&sslrootcert=/ca.pem",
            "?options[search_path]=a",
            "?options%5Ba%5D=b",
        ] {
            assert!(refused(right).is_none(), "{right}");
        }
    }

    #[test]
    fn what_would_be_ignored_is_refused_by_its_name() {
        for (wrong, meant) in [
            ("sslmod", "sslmode"),
            ("SSLMODE", "sslmode"),
            ("sslrotcert", "sslrootcert"),
            ("aplication_name", "application_name"),
            ("pasword", "password"),
        ] {
            let error = refused(&format!("?application_name=a&{wrong}=hunter2")).unwrap();
            let told = error.to_string();
            assert!(told.contains(&format!("{wrong:?}")) && told.contains(&format!("{meant:?}")), "{told}");
            assert!(!format!("{error:?} {told}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_may_be_a_part_of_a_password_is_not_shown() {
        for url in ["postgres://app:5?hunter2@db.example/app", "postgres://app:5?a=b&hunter2@db.example/app"]
        {
            let error = check(&Url::parse(url).unwrap()).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
        }
    }
}
