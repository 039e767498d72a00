//! Whether an account works, without sending anything.

use courierx_core::provider::{EmailProvider as _, SendOptions, Verified};

use super::providers::{AccountInput, account, unusable};
use crate::App;
use crate::ctx::Operator;
use crate::delivery::Purpose;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::provider_connections::{PATIENCE, told};

/// What came of verifying an account.
#[derive(Debug)]
pub struct Verification {
    /// Whether it works.
    pub verified: bool,
    /// Whether it takes mail and only pretends to deliver it.
    pub sandbox: bool,
    /// What was checked, or what is wrong.
    pub message: String,
}

/// Asks the provider whether the account works.
pub async fn verify(_: &Operator, app: &App, input: AccountInput) -> ServiceResult<Verification> {
    let AccountInput { kind, config } = input;
    let given = account(app, kind.as_deref(), config.unwrap_or_default()).map_err(named)?;
    let purpose = Purpose::Verification;
    let provider = app.providers.of_account(&given.account, &given.credentials, given.mode, purpose);
    let provider = provider.map_err(|error| match unusable(&error) {
        Some(wrong) => named(vec![wrong]),
        None => ServiceError::internal(error),
    })?;
    let options = SendOptions::default().timeout(PATIENCE);
    let asked = tokio::time::timeout(PATIENCE, provider.verify(&options)).await;
    Ok(match asked {
        Ok(Ok(Verified { detail, sandbox, .. })) => Verification { verified: true, sandbox, message: detail },
        Ok(Err(refusal)) => Verification { verified: false, sandbox: false, message: told(refusal) },
        Err(_elapsed) => {
            let message = format!("the provider did not answer within {} seconds", PATIENCE.as_secs());
            Verification { verified: false, sandbox: false, message }
        }
    })
}

/// What is wrong, by the names of this request's fields.
fn named(mut wrong: Vec<FieldError>) -> ServiceError {
    for one in &mut wrong {
        one.field = if one.field == "type" { "provider".to_owned() } else { format!("config.{}", one.field) };
    }
    ServiceError::Invalid(wrong)
}
