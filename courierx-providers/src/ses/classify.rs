//! What SES's answers mean.

use courierx_core::provider::{Acceptance, Outcome, Refusal, RefusalKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Ses;
use crate::http::{Answer, Rule, VendorError, is_page, refusal, refused, stranger};
use crate::secret::Secret;

const TOO_FAST: &[&str] = &[
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    // SNS, as the other names below that no call of SES has.
    "Throttled",
];

/// SES's error codes. The same code comes with several statuses, so none counts.
///
/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors>,
/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html>
pub(crate) const RULES: &[Rule] = &[
    Rule::codes(TOO_FAST, RefusalKind::Quota).saying(&["daily message quota", "quota exceeded"]),
    Rule::codes(TOO_FAST, RefusalKind::Throttled),
    Rule::codes(&["LimitExceededException"], RefusalKind::Throttled).saying(&["sending rate"]),
    Rule::codes(
        &["LimitExceededException", "TopicLimitExceeded", "SubscriptionLimitExceeded"],
        RefusalKind::Quota,
    ),
    Rule::codes(
        &[
            "AccountSuspendedException",
            "SendingPausedException",
            "AccountSendingPausedException",
            "ConfigurationSetSendingPausedException",
        ],
        RefusalKind::Auth,
    ),
    // Of the sender, and in the sandbox of a recipient too: there the account is what is not ready.
    Rule::codes(&["MessageRejected"], RefusalKind::Sender).saying(&["not verified"]),
    Rule::codes(&["MessageRejected"], RefusalKind::Auth).saying(&[
        "sending suspended",
        "sending paused",
        "account is paused",
    ]),
    Rule::codes(&["MessageRejected"], RefusalKind::Content),
    Rule::codes(
        &["MailFromDomainNotVerifiedException", "MailFromDomainNotVerified", "FromEmailAddressNotVerified"],
        RefusalKind::Sender,
    ),
    // A configuration set, a template or a tenant: the connection's set-up is wrong.
    Rule::codes(
        &[
            "NotFoundException",
            "NotFound",
            "ConfigurationSetDoesNotExist",
            "ConfigurationSetDoesNotExistException",
        ],
        RefusalKind::Auth,
    ),
    Rule::codes(&["BadRequestException"], RefusalKind::Auth).saying(&["configuration set"]),
    Rule::codes(&["BadRequestException"], RefusalKind::Content),
    // One identity that the policy does not list; others may be sent from.
    Rule::codes(NOT_PERMITTED, RefusalKind::Sender).saying(&[":identity/"]),
    Rule::codes(
        &[
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidClientTokenIdException",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "ExpiredToken",
            "ExpiredTokenException",
            "OptInRequired",
            "SubscriptionRequiredException",
            "AccessDenied",
            "AccessDeniedException",
            "NotAuthorized",
            "NotAuthorizedException",
            "AuthorizationError",
            // The clock is wrong.
            "RequestExpired",
            "RequestTimeTooSkewed",
        ],
        RefusalKind::Auth,
    ),
    Rule::codes(
        &[
            "RequestEntityTooLarge",
            "RequestEntityTooLargeException",
            "SerializationException",
            "ValidationError",
            "ValidationException",
            "InvalidParameter",
            "InvalidParameterException",
        ],
        RefusalKind::Content,
    ),
    Rule::codes(
        &[
            "InternalError",
            "InternalFailure",
            "InternalFailureException",
            "InternalServerError",
            "InternalServerErrorException",
            "InternalServerException",
            "InternalServiceErrorException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "ConcurrentModificationException",
            "ConflictException",
            "RequestAbortedException",
        ],
        RefusalKind::Unavailable,
    ),
];

/// Codes of a valid signature by somebody who may not do what was asked.
const NOT_PERMITTED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorized",
    "NotAuthorizedException",
    "AuthorizationError",
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Accepted {
    #[serde(default)]
    message_id: Option<String>,
}

impl Ses {
    /// What became of a message.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        if answer.status.is_success() {
            if is_page(answer) {
                return stranger(answer, "a page for people");
            }
            // A complete success that cannot be read is one nevertheless.
            let accepted = answer.json::<Accepted>().unwrap_or_default();
            return Outcome::Accepted(Acceptance::with_id(accepted.message_id.unwrap_or_default()));
        }
        refused(RULES, answer, error(answer).as_ref(), &self.secrets())
    }

    /// The reason of an answer that is no success, where nothing was to be sent.
    pub(super) fn reason(&self, answer: &Answer) -> Refusal {
        self.because(answer, &error(answer).unwrap_or_default())
    }

    /// The reason that this error gives.
    pub(super) fn because(&self, answer: &Answer, error: &VendorError) -> Refusal {
        refusal(RULES, answer, error, &self.secrets())
    }

    fn secrets(&self) -> Vec<&Secret> {
        let token = self.credentials.session_token.as_ref();
        [Some(&self.credentials.secret_access_key), token].into_iter().flatten().collect()
    }
}

/// Whether the credentials are right, and only lack the permission.
pub(super) fn is_not_permitted(refusal: &Refusal) -> bool {
    refusal.code.as_deref().is_some_and(|code| NOT_PERMITTED.contains(&code))
}

/// The vendor's error in an answer that is no success, if it is the vendor's: its code stands in a header or in the
/// body. Below 500 an object without one is taken for its own too, and so is nothing at all; a page is not.
fn error(answer: &Answer) -> Option<VendorError> {
    let object = answer.json::<Map<String, Value>>();
    let is_its_own = (object.is_some() || answer.body.is_empty()) && !is_page(answer);
    let certain = answer.status.is_client_error() && is_its_own;
    let body = object.unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let code = answer.header("x-amzn-errortype").or_else(|| text("__type"));
    let code = code.or_else(|| text("code").filter(|_| certain));
    let code = code.map(bare).filter(|code| !code.is_empty()).map(str::to_owned);
    let message = text("message").or_else(|| text("Message")).unwrap_or_default().to_owned();
    (code.is_some() || certain).then_some(VendorError { code, message })
}

/// A code without the name space before it and the address behind it.
fn bare(code: &str) -> &str {
    let name = code.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}
