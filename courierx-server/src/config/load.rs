//! Puts the settings together.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::loader::Loader;
use super::public_url::public_url;
use super::sources::{Environment, Flags};
use super::{Database, Retention, Settings, blobs, keys, parse, system_mail, table};

/// Where data is kept if nobody says.
const DATA_DIR: &str = "courierx-data";

impl Settings {
    /// Reads the settings: what the command line says, else the environment, else the configuration file,
    /// else the default. Everything that is wrong is reported at once.
    ///
    /// `directory` is where `courierx.toml` is looked for if no other file is named.
    pub fn load(flags: &Flags, environment: &Environment, directory: &Path) -> Result<Self, ConfigError> {
        let mut from = Loader::new(flags, environment, directory);
        let data_dir = from.or(&table::COURIERX_DATA_DIR, PathBuf::from(DATA_DIR), |text| Ok(text.into()));
        let defaults = Self::in_directory(data_dir);
        let address = from.or(&table::BIND, defaults.listen.ip(), parse::address);
        let port = from.or(&table::PORT, defaults.listen.port(), parse::port);
        let database = from.or(&table::DATABASE_URL, defaults.database, parse::database);
        let schema = from.optional(&table::DATABASE_SCHEMA, parse::schema);
        let pool_size = from.optional(&table::DATABASE_POOL_SIZE, parse::pool_size);
        let extra_roots = from.optional(&table::COURIERX_CA_FILE, parse::certificates);
        let settings = Self {
            listen: SocketAddr::new(address, port),
            trusted_proxies: from.or(
                &table::COURIERX_TRUSTED_PROXIES,
                defaults.trusted_proxies,
                parse::trusted_proxies,
            ),
            public_url: from.optional(&table::COURIERX_PUBLIC_URL, public_url),
            database: within(database, schema.clone(), pool_size),
            database_schema: schema,
            migrate: from.or(&table::COURIERX_MIGRATE, defaults.migrate, parse::named),
            data_dir: defaults.data_dir,
            workers: from.or(&table::MAX_WORKERS, defaults.workers, parse::workers),
            lease: from.or(&table::COURIERX_LEASE, defaults.lease, parse::lease),
            idempotency_ttl: from.or(&table::IDEMPOTENCY_TTL, defaults.idempotency_ttl, parse::ttl),
            metrics: from.or(&table::ENABLE_METRICS, defaults.metrics, parse::boolean),
            metrics_token: from.optional(&table::METRICS_TOKEN, keys::secret),
            registration: from.or(&table::COURIERX_REGISTRATION, defaults.registration, parse::named),
            rate_limit_per_minute: from.or(
                &table::COURIERX_RATE_LIMIT_PER_MINUTE,
                defaults.rate_limit_per_minute,
                parse::rate_limit,
            ),
            answer_cache: from.or(&table::COURIERX_ANSWER_CACHE, defaults.answer_cache, parse::answer_cache),
            system_mail: system_mail::load(&mut from),
            private_targets: from.or(
                &table::COURIERX_ALLOW_PRIVATE_TARGETS,
                defaults.private_targets,
                parse::private_targets,
            ),
            require_verified_domains: from.or(
                &table::COURIERX_REQUIRE_VERIFIED_DOMAINS,
                defaults.require_verified_domains,
                parse::boolean,
            ),
            dns_server: from.optional(&table::COURIERX_DNS_SERVER, parse::dns_server),
            making: defaults.making,
            reading: defaults.reading,
            streams: defaults.streams,
            retention: Retention {
                content_days: from.or(
                    &table::COURIERX_CONTENT_DAYS,
                    defaults.retention.content_days,
                    parse::content_days,
                ),
                most_content_days: from.or(
                    &table::COURIERX_CONTENT_DAYS_MAX,
                    defaults.retention.most_content_days,
                    parse::content_days,
                ),
                message_days: from.or(
                    &table::COURIERX_MESSAGE_DAYS,
                    defaults.retention.message_days,
                    parse::message_days,
                ),
            },
            blobs: blobs::load(&mut from, extra_roots.as_deref()),
            extra_roots,
            admin_key: from.optional(&table::SUPER_ADMIN_API_KEY, keys::secret),
            internal_secret: from.optional(&table::INTERNAL_SECRET, keys::secret),
            jwt_secret: from.optional(&table::JWT_SECRET, keys::jwt_secret),
            encryption_key: from.optional(&table::ENCRYPTION_KEY, keys::encryption_key),
            former_keys: from.or(&table::ENCRYPTION_KEY_OLD, Vec::new(), keys::former_keys),
            log_filter: from.or(&table::LOG_LEVEL, defaults.log_filter, parse::log_filter),
            log_format: from.or(&table::LOG_FORMAT, defaults.log_format, parse::named),
        };
        let problems = from.into_problems();
        if problems.is_empty() { Ok(settings) } else { Err(ConfigError(problems)) }
    }
}

/// The database with what only PostgreSQL has. SQLite's own pool is no concern of anybody's.
fn within(database: Database, schema: Option<String>, pool_size: Option<NonZeroU32>) -> Database {
    let Database::Postgres(mut options) = database else { return database };
    if let Some(name) = schema {
        *options = options.schema(name);
    }
    if let Some(most) = pool_size {
        *options = options.connections(most);
    }
    Database::Postgres(options)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::table::{Exposure, SETTINGS};
    use super::super::{LogFormat, Migrate, PrivateTargets, Registration};
    use super::*;

    const SECRET: &str = "s3cr3t-Of-The-Tests_with-enough-bytes";

    fn load(variables: &[(&str, &str)], directory: &Path) -> Result<Settings, String> {
        let environment = variables.iter().copied().collect();
        Settings::load(&Flags::default(), &environment, directory).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let folder = tempfile::tempdir().unwrap();
        // An empty variable is an unset one.
        let settings = load(&[("PORT", ""), ("JWT_SECRET", "")], folder.path()).unwrap();
        assert_eq!(settings.local_url(), "http://127.0.0.1:4000");
        assert!(
            matches!(&settings.database, Database::Sqlite(path) if *path == Path::new("courierx-data/courierx.db"))
        );
        assert_eq!(settings.migrate, Migrate::Auto);
        assert_eq!((settings.workers, settings.metrics, settings.log_filter.as_str()), (100, true, "info"));
        assert!(settings.jwt_secret.is_none() && settings.encryption_key.is_none());
    }

    #[test]
    fn the_command_line_beats_the_environment_which_beats_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let toml = r#"
            port = 4002
            bind = "0.0.0.0"
            max_workers = 7
            enable_metrics = false
            registration = "closed"
            allow_private_targets = ["10.0.0.0/8", "192.168.1.5"]
            log_format = "json"
        "#;
        fs::write(folder.path().join("courierx.toml"), toml).unwrap();
        let environment = [("PORT", "4001"), ("MAX_WORKERS", "8")].into_iter().collect();
        let mut flags = Flags::default();
        flags.set(&table::PORT, Some("4003".to_owned()));
        flags.set(&table::BIND, None);
        let settings = Settings::load(&flags, &environment, folder.path()).unwrap();
        assert_eq!((settings.listen.to_string().as_str(), settings.workers), ("0.0.0.0:4003", 8));
        assert_eq!((settings.metrics, settings.registration), (false, Registration::Closed));
        assert!(
            matches!(&settings.private_targets, PrivateTargets::Networks(networks) if networks.len() == 2)
        );
        assert_eq!(settings.log_format, LogFormat::Json);
    }

    #[test]
    fn every_wrong_value_is_reported_at_once_and_no_secret_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = [
            ("PORT", "eighty"),
            ("JWT_SECRET", "hunter2"),
            ("DATABASE_URL", "mysql://user:hunter2@db/mail"),
            ("DATABASE_SCHEMA", "my mail"),
            ("DATABASE_POOL_SIZE", "0"),
            ("COURIERX_MIGRATE", "later"),
            ("COURIERX_REGISTRATION", "nobody"),
            ("COURIERX_TRUSTED_PROXIES", "nginx"),
            ("COURIERX_LEASE", "4"),
            ("ENCRYPTION_KEY", "hunter2"),
        ];
        let error = load(&wrong, folder.path()).unwrap_err();
        for (name, _) in wrong {
            assert!(error.contains(&format!("for example {name}=")), "{name}: {error}");
        }
        assert!(error.contains(r#"PORT="eighty" (environment) must be a port, 0 to 65535"#), "{error}");
        assert!(error.contains("must be one of: open, first, closed"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_postgres_database_has_a_schema_and_a_pool_and_shows_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let url = ("DATABASE_URL", "postgresql://app:hunter2@db.example/mail");
        let settings = load(&[url], folder.path()).unwrap();
        assert_eq!(settings.database.place(), "db.example:5432/mail, schema courierx");
        let given =
            [url, ("DATABASE_SCHEMA", "mail_2"), ("DATABASE_POOL_SIZE", "3"), ("COURIERX_MIGRATE", "never")];
        let settings = load(&given, folder.path()).unwrap();
        let Database::Postgres(options) = &settings.database else { panic!("{settings:?}") };
        assert_eq!(
            (options.place().as_str(), options.most_connections()),
            ("db.example:5432/mail, schema mail_2", 4)
        );
        assert_eq!(settings.migrate, Migrate::Never);
        assert!(!format!("{settings:?}").contains("hunter2") && !format!("{settings:?}").contains("app:"));
    }

    #[test]
    fn every_variable_can_be_a_file_but_not_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("value");
        fs::write(&path, format!("{SECRET}\r\n")).unwrap();
        let path = path.to_str().unwrap();
        let settings = load(&[("JWT_SECRET_FILE", path)], folder.path()).unwrap();
        assert_eq!(settings.jwt_secret.unwrap().expose(), SECRET);
        let error = load(&[("METRICS_TOKEN_FILE", "/nowhere/token")], folder.path()).unwrap_err();
        assert!(error.contains("METRICS_TOKEN (/nowhere/token, named by METRICS_TOKEN_FILE) cannot be read"));

        // Also proves that every setting of the table is read.
        let both: Vec<_> = SETTINGS.iter().map(|one| (one.name, format!("{}_FILE", one.name))).collect();
        let environment = both
            .iter()
            .flat_map(|(name, file)| [((*name).to_owned(), SECRET), (file.clone(), path)])
            .collect::<Environment>();
        let error = Settings::load(&Flags::default(), &environment, folder.path()).unwrap_err();
        assert_eq!(error.problems().len(), SETTINGS.len());
        for (name, file) in both {
            assert!(error.to_string().contains(&format!("{name} (environment) and {file} are both set")));
        }
        assert!(!error.to_string().contains(SECRET));
    }

    #[test]
    fn a_wrong_file_says_where_and_not_what() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(folder.path().join("courierx.toml"), text).unwrap();
        write("prot = 4001\ncolour = 1\n");
        let error = load(&[], folder.path()).unwrap_err();
        assert!(error.contains(r#"there is no setting "prot"; did you mean port?"#), "{error}");
        assert!(error.contains(r#"there is no setting "colour"; there are: port, bind"#), "{error}");
        write("port = 4001\njwt_secret = \"hunter2\n");
        let error = load(&[], folder.path()).unwrap_err();
        assert!(error.contains("courierx.toml, line 2") && !error.contains("hunter2"), "{error}");
        write("[jwt_secret]\nvalue = \"hunter2\"\n");
        let error = load(&[], folder.path()).unwrap_err();
        assert!(error.contains("JWT_SECRET") && !error.contains("hunter2"), "{error}");
        let error = load(&[("COURIERX_CONFIG", "/nowhere/courierx.toml")], folder.path()).unwrap_err();
        assert!(error.contains("COURIERX_CONFIG: the configuration file /nowhere/courierx.toml"), "{error}");
    }

    #[test]
    fn a_misspelt_variable_is_no_default() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in
            ["COURIERX_REGISTRATON", "COURIERX_DATADIR", "COURIERX_CA_FIEL", "COURIERX_REGISTRATOIN_FILE"]
        {
            let error = load(&[(wrong, "closed")], folder.path()).unwrap_err();
            assert!(
                error.contains(&format!("{wrong} (environment) is no setting; did you mean COURIERX_")),
                "{error}"
            );
        }
        for other in ["COURIERX_PORT", "COURIERX_SERVICE_HOST", "COURIERX_PORT_4000_TCP", "PROT"] {
            load(&[(other, "tcp://10.0.0.1:4000")], folder.path()).unwrap();
        }
    }

    #[test]
    fn defaults_and_examples_are_right_values() {
        let folder = tempfile::tempdir().unwrap();
        let is_literal = |text: &str| {
            !["none", "generated", "$", "sqlite", "/etc"].iter().any(|one| text.starts_with(one))
        };
        for setting in SETTINGS.iter().filter(|setting| setting.exposure == Exposure::Public) {
            for value in [setting.default, setting.example].into_iter().filter(|text| is_literal(text)) {
                load(&[(setting.name, value)], folder.path()).unwrap();
            }
        }
    }
}
