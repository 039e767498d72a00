//! What the arguments of handlers say of requests.

use std::sync::Arc;

use axum::extract::{Path, State};
use courierx_core::id::{MessageId, RecordId, TenantId};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{Operation, Takes};
use crate::App;
use crate::auth::Credential;
use crate::ctx::{Ctx, Operator};
use crate::http::{Form, Id, Input, Json, MaybeEmpty, New, Params, PlanId, Table, Unread};

/// What no client sees.
macro_rules! silent {
    ($($argument:ty),+) => {$(
        impl Takes for $argument {
            fn tell(_: &mut Operation) {}
        }
    )+};
}
silent! { State<Arc<App>>, Ctx, Operator, Credential }

impl<T: ToSchema> Takes for Json<T> {
    fn tell(operation: &mut Operation) {
        operation.body::<T>(true);
    }
}

impl<T: ToSchema + Input> Takes for New<T> {
    fn tell(operation: &mut Operation) {
        operation.new_body::<T>(T::NEEDED);
    }
}

impl<T: ToSchema> Takes for MaybeEmpty<T> {
    fn tell(operation: &mut Operation) {
        operation.body::<T>(false);
    }
}

impl<Q: IntoParams> Takes for Params<Q> {
    fn tell(operation: &mut Operation) {
        operation.query::<Q>();
    }
}

impl<const MAX: usize> Takes for Table<MAX> {
    fn tell(operation: &mut Operation) {
        operation.text_body("text/csv");
    }
}

impl<const MAX: usize> Takes for Form<MAX> {
    fn tell(operation: &mut Operation) {
        operation.form();
    }
}

/// Whatever somebody else says: no schema of ours describes it.
impl Takes for Unread {
    fn tell(operation: &mut Operation) {
        operation.body::<Value>(true);
    }
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

impl Takes for Id<RecordId> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "The identifier", &uuid());
    }
}

impl Takes for Id<MessageId> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "The identifier of the message", &uuid());
    }
}

impl Takes for Id<String> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "The secret token", &json!({ "type": "string", "minLength": 1 }));
    }
}

impl Takes for Id<TenantId> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "The identifier of the tenant", &uuid());
    }
}

impl Takes for Id<PlanId> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "What the plan is called", &json!({ "type": "string", "minLength": 1 }));
    }
}

/// Something that is numbered within something else.
impl Takes for Path<(String, String)> {
    fn tell(operation: &mut Operation) {
        operation.path("id", "The identifier", &uuid());
        operation.path("number", "The number", &json!({ "type": "integer", "minimum": 1 }));
    }
}
