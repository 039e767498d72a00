//! Commands (RFC 5321 §4.1), read to the letter.

use courierx_core::message::Address;

use super::builder::Rules;

/// A command that is correct by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo,
    Helo,
    Auth(String),
    Mail(Sender),
    Rcpt(String),
    Data,
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// Who sends a message, and what is said of it before it comes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) address: String,
    pub(super) eight_bit: bool,
    pub(super) utf8: bool,
}

/// Reads a line without its end; an error is the reply.
pub(super) fn parse(line: &str, rules: &Rules) -> Result<Command, String> {
    let (verb, rest) = line.split_once(' ').map_or((line, None), |(verb, rest)| (verb, Some(rest)));
    let alone = |command| match rest {
        None => Ok(command),
        Some(_) => Err("501 5.5.4 This command has no arguments".to_owned()),
    };
    match (verb.to_ascii_uppercase().as_str(), rest) {
        ("EHLO", Some(name)) if is_name(name) => Ok(Command::Ehlo),
        ("HELO", Some(name)) if is_name(name) => Ok(Command::Helo),
        ("EHLO" | "HELO", _) => Err("501 5.5.4 Say who you are: a domain or an address literal".to_owned()),
        ("AUTH", Some(rest)) => Ok(Command::Auth(rest.to_owned())),
        ("MAIL", Some(rest)) => mail(rest, rules).map(Command::Mail),
        ("RCPT", Some(rest)) => rcpt(rest).map(Command::Rcpt),
        ("DATA", _) => alone(Command::Data),
        ("RSET", _) => alone(Command::Rset),
        ("QUIT", _) => alone(Command::Quit),
        ("NOOP", _) => Ok(Command::Noop),
        ("VRFY", Some(_)) => Ok(Command::Vrfy),
        ("AUTH" | "MAIL" | "RCPT" | "VRFY", None) => Err("501 5.5.4 An argument is missing".to_owned()),
        ("EXPN" | "HELP" | "STARTTLS" | "BDAT" | "TURN", _) => Err("502 5.5.1 Not implemented".to_owned()),
        _ => Err("500 5.5.2 Unknown command".to_owned()),
    }
}

fn is_name(name: &str) -> bool {
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    match literal {
        Some(address) => address.strip_prefix("IPv6:").unwrap_or(address).parse::<std::net::IpAddr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(allowed),
    }
}

fn mail(rest: &str, rules: &Rules) -> Result<Sender, String> {
    let (path, parameters) = path(rest, "FROM:<")?;
    let mut sender = Sender { address: path.to_owned(), ..Sender::default() };
    let mut seen = Vec::new();
    for parameter in parameters.split(' ').filter(|one| !one.is_empty()) {
        let (name, value) =
            parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value)));
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(format!("501 5.5.4 {name} is said twice"));
        }
        match (name.as_str(), value) {
            ("SIZE", Some(size)) if rules.size.is_some() => check_size(size, rules)?,
            ("BODY", Some("7BIT")) if rules.eight_bit => {}
            ("BODY", Some("8BITMIME")) if rules.eight_bit => sender.eight_bit = true,
            ("SMTPUTF8", None) if rules.utf8 => sender.utf8 = true,
            _ => return Err(format!("555 5.5.4 Parameter not known here: {name}")),
        }
        seen.push(name);
    }
    if !path.is_empty() {
        check_address(path, sender.utf8, "501 5.1.7")?;
    }
    Ok(sender)
}

fn check_size(size: &str, rules: &Rules) -> Result<(), String> {
    let digits = size.len() <= 20 && size.bytes().all(|byte| byte.is_ascii_digit());
    let size: usize = digits.then(|| size.parse().ok()).flatten().ok_or("501 5.5.4 SIZE is no number")?;
    match rules.size {
        Some(most) if size > most => Err("552 5.3.4 The message is too large".to_owned()),
        _ => Ok(()),
    }
}

fn rcpt(rest: &str) -> Result<String, String> {
    match path(rest, "TO:<")? {
        ("", _) => Err("501 5.1.3 A recipient needs an address".to_owned()),
        (path, "") => Ok(path.to_owned()),
        _ => Err("555 5.5.4 RCPT has no parameters here".to_owned()),
    }
}

/// The address in angle brackets behind the keyword, and what follows it.
fn path<'a>(rest: &'a str, keyword: &str) -> Result<(&'a str, &'a str), String> {
    let wrong = || format!("501 5.5.4 Syntax: {keyword}address>");
    let (start, rest) = rest.split_at_checked(keyword.len()).ok_or_else(wrong)?;
    if !start.eq_ignore_ascii_case(keyword) {
        return Err(wrong());
    }
    let (path, rest) = rest.rsplit_once('>').ok_or_else(wrong)?;
    match rest.strip_prefix(' ') {
        Some(parameters) => Ok((path, parameters)),
        None if rest.is_empty() => Ok((path, "")),
        None => Err(wrong()),
    }
}

/// Whether it is an address, and one that may be said in this transaction; an error is the reply.
pub(super) fn check_address(address: &str, utf8: bool, wrong: &str) -> Result<(), String> {
    if !utf8 && !address.is_ascii() {
        return Err("553 5.6.7 An address beyond ASCII needs SMTPUTF8".to_owned());
    }
    if address.parse::<Address>().is_err() {
        return Err(format!("{wrong} That is no address"));
    }
    Ok(())
}
