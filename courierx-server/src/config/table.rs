//! The one table of settings: the loader, its messages, `courierx --help` and docs/configuration.md follow it.

use std::fmt::Write as _;

/// A setting: what it is called, and what people need to know of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the environment.
    pub name: &'static str,
    /// What holds without it, for people.
    pub default: &'static str,
    /// A right value.
    pub example: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether its value may be shown.
    pub exposure: Exposure,
}

/// Whether the value of a setting may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// It may.
    Public,
    /// Never: it is, or may contain, a password or a key.
    Secret,
}

impl Setting {
    /// Its name in a configuration file: `COURIERX_DATA_DIR` is `data_dir`.
    pub fn key(&self) -> String {
        self.name.strip_prefix("COURIERX_").unwrap_or(self.name).to_lowercase()
    }

    /// Its name as an option of the command line, for those that have one.
    pub fn flag(&self) -> String {
        format!("--{}", self.key().replace('_', "-"))
    }
}

macro_rules! settings {
    ($($name:ident, $exposure:ident, $default:literal, $example:literal, $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $name: Setting = Setting {
                name: stringify!($name),
                default: $default,
                example: $example,
                help: $help,
                exposure: Exposure::$exposure,
            };
        )+

        /// Every setting.
        pub const SETTINGS: &[Setting] = &[$($name),+];
    };
}

settings! {
    PORT, Public, "4000", "4001",
        "The port to listen on. With 0 the system chooses one, and the start tells which.";
    BIND, Public, "127.0.0.1", "0.0.0.0",
        "The address to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` for all.";
    COURIERX_TRUSTED_PROXIES, Public, "127.0.0.0/8,::1", "10.0.0.0/8,192.168.1.5",
        "Networks of the proxies in front of this server, separated by commas. They are believed when they say in `X-Forwarded-For` for whom they ask: who tries to log in or guesses keys is limited by address. What is named here is instead of this machine.";
    COURIERX_PUBLIC_URL, Public, "none", "https://mail.myapp.example",
        "How the internet reaches this server: what providers are told to call back, and what links in mail lead to. Without it nobody is told.";
    DATABASE_URL, Secret, "sqlite://COURIERX_DATA_DIR/courierx.db", "sqlite:///var/lib/courierx/courierx.db",
        "The database: `sqlite://PATH`, where a path without a leading slash is relative to the working directory, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, which any number of servers may share.";
    DATABASE_SCHEMA, Public, "courierx", "mail",
        "The schema in a PostgreSQL database that has everything.";
    DATABASE_POOL_SIZE, Public, "10", "20",
        "How many connections to PostgreSQL this process has at most, 1 to 1000; one more listens.";
    COURIERX_MIGRATE, Public, "auto", "never",
        "When the schema of the database is brought up to date: `auto` is at the start of a server, `never` only by `courierx migrate`.";
    COURIERX_DATA_DIR, Public, "./courierx-data", "/var/lib/courierx",
        "The directory of the database and of generated secrets.";
    COURIERX_BLOBS, Secret, "none: in the database", "file:///var/lib/courierx/blobs",
        "Where content of more than 64 KiB is kept outside the database: `file://` and a folder, or `s3://BUCKET/PREFIX`. One database needs it for itself, and all servers on it the same; mail that was accepted with it needs it until it is delivered.";
    COURIERX_BLOBS_ENDPOINT, Secret, "S3 at Amazon", "https://minio.example:9000",
        "Where the bucket is, if it is not at Amazon. Its name then stands in the path.";
    COURIERX_BLOBS_REGION, Public, "us-east-1", "eu-central-1",
        "The region of the bucket.";
    COURIERX_BLOBS_ACCESS_KEY_ID, Secret, "none", "$ACCESS_KEY_ID",
        "Whose key signs requests to the bucket.";
    COURIERX_BLOBS_SECRET_ACCESS_KEY, Secret, "none", "$SECRET_ACCESS_KEY",
        "The key that signs them.";
    JWT_SECRET, Secret, "generated: COURIERX_DATA_DIR/jwt_secret", "$(openssl rand -hex 32)",
        "Signs the tokens of users; at least 32 bytes. With another one everybody has to log in again. PostgreSQL needs it set, the same for all servers.";
    ENCRYPTION_KEY, Secret, "generated: beside the database", "$(openssl rand -hex 32)",
        "Seals credentials and mail: 64 hexadecimal digits, 32 bytes in base64, or a text of at least 32 characters. PostgreSQL needs it set, the same for all servers.";
    ENCRYPTION_KEY_OLD, Secret, "none", "$THE_KEY_BEFORE",
        "Former keys, separated by commas, that still open what they sealed.";
    INTERNAL_SECRET, Secret, "none", "$(openssl rand -hex 32)",
        "What the operator's own programs show as `X-Internal-Secret` to use the engine API (`/v1`); without it that is closed.";
    SUPER_ADMIN_API_KEY, Secret, "none", "$(openssl rand -hex 32)",
        "What the operator shows as `Authorization: Bearer …` to use the admin API (`/api/v1/admin`), which sees all tenants; without it that is closed.";
    METRICS_TOKEN, Secret, "none", "$(openssl rand -hex 32)",
        "What reading `/metrics` needs, as `Authorization: Bearer …`. Without it only this machine may; set one behind a proxy.";
    LOG_LEVEL, Public, "info", "info,courierx=debug",
        "What is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, also by module.";
    LOG_FORMAT, Public, "text", "json",
        "How it is logged: `text` or `json`.";
    MAX_WORKERS, Public, "100", "50",
        "Messages under delivery at once, 0 to 10000; a tenant has a quarter of them at most. With 0 this process does not deliver.";
    COURIERX_LEASE, Public, "60", "30",
        "For how many seconds a message that is being delivered is its process' own, 5 to 600: a process that lives extends it, and after one has died others take its messages over when it has ended. The same for all servers.";
    IDEMPOTENCY_TTL, Public, "86400", "86400",
        "For how many seconds a repeated idempotency key is recognised, at most a year.";
    ENABLE_METRICS, Public, "true", "false",
        "Whether `/metrics` answers.";
    COURIERX_REGISTRATION, Public, "open", "first",
        "Who may register: `open` is everybody, `first` only the first, `closed` nobody.";
    COURIERX_RATE_LIMIT_PER_MINUTE, Public, "3000", "600",
        "How many requests a minute the keys of a tenant may make together, and each of its users, 0 to 1000000; as many may come at once. With 0 there is no limit. Each server counts by itself.";
    COURIERX_ANSWER_CACHE, Public, "8", "0",
        "How many megabytes of answers to what is asked again and again are remembered, 0 to 1024: single messages and lists of them, for five seconds at most and only while nothing of their tenant is written. They are in memory unsealed; with 0 none is. With PostgreSQL none is in any case.";
    COURIERX_SYSTEM_MAIL, Public, "none", "my-company: My Company <no-reply@myapp.example>",
        "The tenant as whose mail the server sends its own, such as for forgotten passwords: its slug, a colon, and who stands in From. Whoever reads that tenant's mail can take over accounts.";
    DASHBOARD_URL, Public, "none", "https://mail.myapp.example",
        "Where links in that mail lead; without it the mail has tokens instead.";
    COURIERX_ALLOW_PRIVATE_TARGETS, Public, "false", "10.1.0.0/16,192.168.1.5",
        "Private addresses that mail servers and APIs of tenants may have: networks, `true` for all, `false` for none.";
    COURIERX_REQUIRE_VERIFIED_DOMAINS, Public, "true", "false",
        "Whether mail that goes to real providers needs a domain in From that its tenant has verified. With `false` tenants are trusted with every name.";
    COURIERX_DNS_SERVER, Public, "none: the system's", "192.168.1.53",
        "The DNS server that is asked about domains: an address, with a port if that is not 53.";
    COURIERX_CONTENT_DAYS, Public, "30", "7",
        "For how many days the content of settled mail is kept, 0 to 30, where a tenant does not say. With 0 it goes within minutes.";
    COURIERX_CONTENT_DAYS_MAX, Public, "30", "14",
        "The most days that a tenant may choose for its content, 0 to 30.";
    COURIERX_MESSAGE_DAYS, Public, "90", "365",
        "For how many days settled messages are kept, with attempts and events, 1 to 3650.";
    COURIERX_CA_FILE, Public, "none", "/etc/courierx/ca.pem",
        "A PEM file of certificates that mail servers and APIs may be signed by, beside the public authorities.";
}

/// The settings as a table in Markdown, as docs/configuration.md has it.
pub fn markdown() -> String {
    let mut text = String::from("| variable | in a file | default | example | |\n|---|---|---|---|---|\n");
    for setting in SETTINGS {
        let Setting { name, default, example, help, .. } = setting;
        let _ = writeln!(text, "| `{name}` | `{}` | {default} | `{example}` | {help} |", setting.key());
    }
    text
}

/// The settings for a terminal.
pub fn help() -> String {
    let mut text =
        String::from("Environment variables (each also as NAME_FILE, the path of a file with the value):\n");
    for Setting { name, default, help, .. } in SETTINGS {
        let _ = writeln!(text, "  {name}\n          {help} [default: {default}]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let document = std::fs::read_to_string(path).unwrap();
        assert!(
            document.contains(&markdown()),
            "the table of docs/configuration.md has to be:\n{}",
            markdown()
        );
    }

    #[test]
    fn every_name_has_one_setting() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(
                SETTINGS[..index].iter().all(|earlier| earlier.key() != setting.key()),
                "{}",
                setting.name
            );
            assert!(!setting.help.contains('|'), "{}", setting.name);
        }
    }
}
