//! The answer to a batch.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Rendered, millis, render};
use crate::error::ServiceError;
use crate::http::{Answer, ApiError};
use crate::services::engine::{BatchReport, BatchResult};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineBatchReport)]
pub struct RenderedBatch<'a> {
    success: bool,
    total: usize,
    success_count: usize,
    failure_count: usize,
    unknown_count: usize,
    duration_ms: u64,
    results: Vec<RenderedResult<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = EngineBatchResult)]
enum RenderedResult<'a> {
    Report {
        email: &'a str,
        #[serde(flatten)]
        report: Box<Rendered<'a>>,
    },
    Wrong(Wrong<'a>),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineBatchError)]
struct Wrong<'a> {
    email: &'a str,
    success: bool,
    code: &'static str,
    error: String,
    email_id: Option<&'a str>,
}

/// The answer to a batch: 200, whatever became of its messages.
pub(in super::super) fn batch(report: BatchReport) -> Answer<RenderedBatch<'static>> {
    let BatchReport { mut results, took } = report;
    let total = results.len();
    let success_count = results.iter().filter(|one| one.is_sent()).count();
    let unknown_count = results.iter().filter(|one| one.is_unknown()).count();
    // An error is told by what the API calls it.
    let wrong: Vec<Option<ApiError>> = results.iter_mut().map(take_error).collect();
    let results = results.iter().zip(&wrong).map(|(one, wrong)| render_result(one, wrong.as_ref())).collect();
    let body = RenderedBatch {
        success: success_count == total,
        total,
        success_count,
        failure_count: total - success_count,
        unknown_count,
        duration_ms: millis(took),
        results,
    };
    Answer::of(&body)
}

fn take_error(result: &mut BatchResult) -> Option<ApiError> {
    let error = result.outcome.as_mut().err()?;
    let error = match std::mem::replace(error, ServiceError::NotFound) {
        ServiceError::Invalid(mut fields) => {
            for one in fields.iter_mut().filter(|one| one.field.starts_with("to")) {
                "email".clone_into(&mut one.field);
            }
            ServiceError::Invalid(fields)
        }
        error => error,
    };
    Some(error.into())
}

fn render_result<'a>(result: &'a BatchResult, wrong: Option<&'a ApiError>) -> RenderedResult<'a> {
    let (email, email_id) = (result.email.as_str(), result.email_id.as_deref());
    if let Ok(report) = &result.outcome {
        return RenderedResult::Report { email, report: Box::new(render(report, email_id)) };
    }
    let (code, error) = wrong.map_or(("internal_error", ""), ApiError::told);
    RenderedResult::Wrong(Wrong { email, success: false, code, error: error.to_owned(), email_id })
}
