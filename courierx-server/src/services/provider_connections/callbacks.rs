//! What a client says of the callbacks of a connection, and the URL that it is shown.

use std::mem::take;

use courierx_core::id::{RecordId, TenantId};

use super::check::Applied;
use super::input::{ConnectionInput, Given};
use crate::App;
use crate::delivery::Keys;
use crate::error::ServiceResult;
use crate::model::provider_connections::{CallbackSecrets, Callbacks, ProviderConnection, ProviderKind};
use crate::secret::Secret;

/// Bytes of a key.
const MAX_KEY: usize = 4096;
/// Topics of a connection.
const MAX_TOPICS: usize = 10;

/// What a client says of callbacks.
pub(super) struct CallbackInput {
    key: Given<Secret>,
    topics: Given<Vec<String>>,
}

impl CallbackInput {
    /// Takes it out of what the client says of a connection. An empty key says nothing: forms send those.
    pub(super) fn take(input: &mut ConnectionInput) -> Self {
        let key = match take(&mut input.webhook_secret) {
            Given::Value(key) if key.expose().trim().is_empty() => Given::No,
            key => key,
        };
        Self { key, topics: take(&mut input.sns_topic_arns) }
    }
}

impl Applied<'_> {
    /// Changes what the connection has for being called back, as the client says.
    pub(super) fn callbacks(
        &mut self,
        app: &App,
        input: CallbackInput,
        tenant: TenantId,
        connection: &mut ProviderConnection,
    ) -> ServiceResult<()> {
        let kind = connection.kind();
        if !kind.calls_back() {
            if matches!(input.key, Given::Value(_)) {
                self.is_wrong("webhook_secret", format!("is nothing that {kind} has"));
            }
            if matches!(&input.topics, Given::Value(topics) if !topics.is_empty()) {
                self.is_wrong("sns_topic_arns", format!("is nothing that {kind} has"));
            }
            return Ok(());
        }
        self.topics(app, input.topics, kind, &mut connection.callbacks);
        have_token(app, tenant, self.id, connection)?;
        if input.key == Given::No {
            return Ok(());
        }
        let secrets = connection.callbacks.open(&app.vault, tenant, &self.id).ok().flatten();
        let mut secrets = secrets.unwrap_or_default();
        match input.key {
            Given::Value(key) if self.is_key(app, &key, kind) => secrets.add_key(key),
            Given::Value(_) | Given::No => {}
            Given::Null => secrets.keys.clear(),
        }
        connection.callbacks.seal(&secrets, &app.vault, tenant, &self.id)?;
        Ok(())
    }

    fn is_key(&mut self, app: &App, key: &Secret, kind: ProviderKind) -> bool {
        let long = key.expose().len() > MAX_KEY;
        // A password of a topic is judged with any topic.
        let topics = vec!["arn:aws:sns:us-east-1:123456789012:any".to_owned()];
        let keys = Keys { keys: vec![key.clone()], topics };
        let why = match keys.check(kind, app.providers.webhooks()) {
            _ if long => format!("is too long (maximum is {MAX_KEY} bytes)"),
            Ok(()) => return true,
            Err(error) => error.to_string(),
        };
        self.is_wrong("webhook_secret", why);
        false
    }

    fn topics(
        &mut self,
        app: &App,
        given: Given<Vec<String>>,
        kind: ProviderKind,
        callbacks: &mut Callbacks,
    ) {
        let topics = match given {
            Given::No => return,
            Given::Null => Vec::new(),
            Given::Value(topics) => topics,
        };
        if !topics.is_empty() && kind != ProviderKind::AwsSes {
            self.is_wrong("sns_topic_arns", format!("is nothing that {kind} has"));
        } else if topics.len() > MAX_TOPICS {
            self.is_wrong("sns_topic_arns", format!("has too many (maximum is {MAX_TOPICS})"));
        } else if let Err(error) =
            (Keys { keys: Vec::new(), topics: topics.clone() }).check(kind, app.providers.webhooks())
        {
            self.is_wrong("sns_topic_arns", error.to_string());
        } else {
            callbacks.topics = topics;
        }
    }
}

/// Gives the connection a URL to be called back at, if its provider does that and it has none.
pub(super) fn have_token(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    connection: &mut ProviderConnection,
) -> ServiceResult<()> {
    if connection.kind().calls_back() && connection.callbacks.token_digest.is_none() {
        connection.callbacks.seal(&CallbackSecrets::new(), &app.vault, tenant, &id)?;
    }
    Ok(())
}

/// The URL at which the provider is to call back, as far as this server knows how it is reached.
pub(super) fn callback_url(app: &App, kind: ProviderKind, secrets: &CallbackSecrets) -> Option<String> {
    let path = format!("/api/v1/webhooks/{}/{}", kind.provider_id(), secrets.token.expose());
    app.settings.public_url.as_ref().map(|url| url.at(&path))
}
