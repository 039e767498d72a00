//! `smtp://user:password@host:port` as a configuration.

use std::net::{IpAddr, Ipv6Addr};

use super::config::{Config, Security, SmtpConfigError};
use super::credentials::Credentials;

/// Reads an SMTP URL; the rules are on [`Smtp::from_url`](super::Smtp::from_url).
pub(super) fn parse(url: &str) -> Result<Config, SmtpConfigError> {
    let (scheme, rest) = url.split_once("://").ok_or(SmtpConfigError::Scheme)?;
    let implicit = match scheme.to_ascii_lowercase().as_str() {
        "smtp" => false,
        "smtps" => true,
        _ => return Err(SmtpConfigError::Scheme),
    };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
    let unencrypted = match (query, implicit) {
        ("", _) => false,
        ("tls=none", false) => true,
        _ => return Err(SmtpConfigError::Option),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (user_info, target) = match authority.rsplit_once('@') {
        Some((user_info, target)) => (Some(user_info), target),
        None => (None, authority),
    };
    if target.contains(['/', '#']) {
        return Err(SmtpConfigError::Option);
    }
    let (host, port) = host_and_port(target)?;
    let credentials = user_info.map(credentials).transpose()?;
    let security = match (implicit, unencrypted, &credentials) {
        (true, _, _) => Security::Implicit,
        (false, true, Some(_)) => return Err(SmtpConfigError::PlainCredentials),
        (false, true, None) => Security::Plain,
        (false, false, None) if is_loopback(&host) => Security::Plain,
        (false, false, _) => Security::StartTls,
    };
    let mut config = Config::new(host, security);
    config.port = port.unwrap_or(config.port);
    config.credentials = credentials;
    Ok(config)
}

fn host_and_port(target: &str) -> Result<(String, Option<u16>), SmtpConfigError> {
    let (host, port) = match target.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or(SmtpConfigError::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| SmtpConfigError::Host)?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or(SmtpConfigError::Port)?),
            };
            (host, port)
        }
        None => match target.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (target, None),
        },
    };
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    if host.is_empty() || !named {
        return Err(SmtpConfigError::Host);
    }
    let port = port.map(|text| text.parse().ok().filter(|&port| port != 0).ok_or(SmtpConfigError::Port));
    Ok((host.to_ascii_lowercase(), port.transpose()?))
}

fn credentials(user_info: &str) -> Result<Credentials, SmtpConfigError> {
    let (user, password) = user_info.split_once(':').ok_or(SmtpConfigError::Credentials)?;
    let (user, password) = (percent_decoded(user)?, percent_decoded(password)?);
    if user.is_empty() || user.contains('\0') || password.contains('\0') {
        return Err(SmtpConfigError::Credentials);
    }
    Ok(Credentials::new(user, password))
}

fn percent_decoded(text: &str) -> Result<String, SmtpConfigError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let [high, low, after @ ..] = after else {
            return Err(SmtpConfigError::Credentials);
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = digit(*high).zip(digit(*low)).ok_or(SmtpConfigError::Credentials)?;
        bytes.push(high << 4 | low);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| SmtpConfigError::Credentials)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_server_without_password_is_plain_by_itself() {
        let security = |url: &str| parse(url).map(|config| (config.security, config.port));
        assert_eq!(security("smtp://127.0.0.1:2525"), Ok((Security::Plain, 2525)));
        assert_eq!(security("smtp://localhost/"), Ok((Security::Plain, 25)));
        assert_eq!(security("smtp://[::1]:2525"), Ok((Security::Plain, 2525)));
        assert_eq!(security("smtp://ada:secret@127.0.0.1:2525"), Ok((Security::StartTls, 2525)));
        assert_eq!(security("smtp://mail.example.com"), Ok((Security::StartTls, 587)));
        assert_eq!(security("SMTPS://mail.example.com"), Ok((Security::Implicit, 465)));
        assert_eq!(security("smtp://mail.example.com?tls=none"), Ok((Security::Plain, 25)));
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let config = parse("smtp://ada%40example.com:p%3Ass%2fw%C3%B6rd@mail.example.com:2525").unwrap();
        let [user, password] = config.credentials.unwrap().login();
        assert_eq!(user.as_str(), "YWRhQGV4YW1wbGUuY29t");
        assert_eq!(password.as_str(), "cDpzcy93w7ZyZA==");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_repeated() {
        for (url, expected) in [
            ("mail.example.com", SmtpConfigError::Scheme),
            ("http://mail.example.com", SmtpConfigError::Scheme),
            ("smtp://", SmtpConfigError::Host),
            ("smtp://a b", SmtpConfigError::Host),
            ("smtp://[::1", SmtpConfigError::Host),
            ("smtp://mail.example.com:0", SmtpConfigError::Port),
            ("smtp://mail.example.com:smtp", SmtpConfigError::Port),
            ("smtp://ada@mail.example.com", SmtpConfigError::Credentials),
            ("smtp://ada:100%@mail.example.com", SmtpConfigError::Credentials),
            ("smtp://ada:%ff@mail.example.com", SmtpConfigError::Credentials),
            ("smtp://mail.example.com/path", SmtpConfigError::Option),
            ("smtp://mail.example.com?tls=maybe", SmtpConfigError::Option),
            ("smtps://mail.example.com?tls=none", SmtpConfigError::Option),
            ("smtp://ada:secret@127.0.0.1?tls=none", SmtpConfigError::PlainCredentials),
        ] {
            assert_eq!(parse(url).map(|config| config.host), Err(expected), "{url}");
        }
    }
}
