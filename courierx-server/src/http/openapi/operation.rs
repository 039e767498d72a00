//! What a handler's signature tells of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

/// An operation of the document, while its parts are told.
#[derive(Default)]
pub struct Operation {
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: BTreeMap<u16, Value>,
    pub(super) errors: BTreeSet<u16>,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

/// What a handler takes of a request.
pub trait Takes {
    /// Tells it.
    fn tell(operation: &mut Operation);
}

/// What a handler answers.
pub trait Answers {
    /// Tells it.
    fn tell(operation: &mut Operation);
}

/// A handler whose arguments and answers say what they are. `T` are its arguments, as axum names them.
pub trait Described<T> {
    /// Tells all of them.
    fn tell(operation: &mut Operation);
}

macro_rules! handlers {
    ($([$($argument:ident),+])+) => {$(
        impl<F, Fut, Out, Marker, $($argument),+> Described<(Marker, $($argument,)+)> for F
        where
            F: FnOnce($($argument),+) -> Fut,
            Fut: Future<Output = Out>,
            Out: Answers,
            $($argument: Takes,)+
        {
            fn tell(operation: &mut Operation) {
                $($argument::tell(operation);)+
                Out::tell(operation);
            }
        }
    )+};
}
handlers! { [A] [A, B] [A, B, C] [A, B, C, D] [A, B, C, D, E] }

impl<F, Fut, Out> Described<((),)> for F
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Out>,
    Out: Answers,
{
    fn tell(operation: &mut Operation) {
        Out::tell(operation);
    }
}

impl<T: Answers, E> Answers for Result<T, E> {
    fn tell(operation: &mut Operation) {
        T::tell(operation);
    }
}

impl Operation {
    /// A schema, where it is used: a reference to its name.
    pub fn schema<T: ToSchema>(&mut self) -> Value {
        let name = T::name();
        // Anything at all.
        if name == "Value" {
            return json!({});
        }
        let is_known = self.schemas.iter().any(|(known, _)| *known == name);
        if !is_known {
            self.schemas.push((name.to_string(), T::schema()));
            T::schemas(&mut self.schemas);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The body of the request.
    pub fn body<T: ToSchema>(&mut self, required: bool) {
        let schema = self.schema::<T>();
        self.body = Some(json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        }));
        self.errors.extend([400, 408, 413, 422]);
    }

    /// The body of a request for something new, which has to have these fields.
    pub fn new_body<T: ToSchema>(&mut self, needed: &[&str]) {
        self.body::<T>(true);
        let given =
            needed.iter().map(|field| ((*field).to_owned(), json!({ "not": { "enum": [null, ""] } })));
        let given: Map<String, Value> = given.collect();
        if let Some(body) = &mut self.body {
            let schema = &mut body["content"]["application/json"]["schema"];
            *schema = json!({ "allOf": [schema.take(), { "required": needed, "properties": given }] });
        }
    }

    /// A body that is a text of this media type.
    pub fn text_body(&mut self, media: &str) {
        self.body = Some(json!({
            "required": true,
            "content": { media: { "schema": { "type": "string" } } },
        }));
        self.errors.extend([400, 408, 413, 422]);
    }

    /// The parameters of the query.
    pub fn query<T: IntoParams>(&mut self) {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        let told = parameters.iter().filter_map(|one| serde_json::to_value(one).ok());
        self.parameters.extend(told.map(|mut one| {
            // One that is there and empty is none: forms send those for what was not filled in.
            if one["required"] != true {
                one["allowEmptyValue"] = true.into();
            }
            one
        }));
        self.errors.extend([400, 422]);
    }

    /// A parameter of the path. What cannot be one is not found.
    pub fn path(&mut self, name: &str, description: &str, schema: &Value) {
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": schema,
        }));
        self.errors.insert(404);
    }

    /// A body that is a form whose fields are nobody's to know but its page's. What is none is answered all the same.
    pub fn form(&mut self) {
        let schema = json!({ "schema": { "type": "string" } });
        self.body = Some(json!({
            "required": false,
            "content": { "application/x-www-form-urlencoded": schema },
        }));
        self.errors.extend([400, 408, 413]);
    }

    /// A signed token in the path. What is none, the handler answers itself.
    pub fn token(&mut self) {
        self.parameters.push(json!({
            "name": "token", "in": "path", "required": true, "description": "The signed token",
            "schema": { "type": "string", "minLength": 1 },
        }));
    }

    /// A header of the request.
    pub fn header(&mut self, name: &str, description: &str, schema: &Value) {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": schema,
        }));
        self.errors.insert(422);
    }

    /// Errors that may be answered.
    pub fn errors(&mut self, statuses: impl IntoIterator<Item = u16>) {
        self.errors.extend(statuses);
    }

    /// An answer. Of two with one status either may come.
    pub fn answer(&mut self, status: u16, description: &str, content: Option<(&str, Value)>) {
        let content = content.map(|(media, schema)| json!({ media: { "schema": schema } }));
        let mut answer = json!({ "description": description });
        if let Some(content) = content {
            answer["content"] = content;
        }
        self.answers.insert(status, answer);
    }

    /// A header of an answer, by its name in the document.
    pub fn answer_header(&mut self, status: u16, header: &str, component: &str) {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["headers"][header] = json!({ "$ref": format!("#/components/headers/{component}") });
        }
    }
}
