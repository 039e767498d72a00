//! `CourierX` as a server: the engine of `courierx-core` behind a multi-tenant REST API.
//!
//! The binary `courierx` is what people use; this library is its inside, for its tests.
//!
//! | module | what it has |
//! |---|---|
//! | [`cli`] | the command line: `serve`, `migrate`, `doctor`, `explain` |
//! | `callbacks` | takes what providers tell of messages |
//! | [`config`] | settings: environment, files, defaults |
//! | [`ctx`] | who asks: [`Ctx`](ctx::Ctx) is the first argument of every service |
//! | [`model`] | what tenants configure, as typed records |
//! | [`services`] | what the server does, one file for each resource; knows no HTTP |
//! | [`auth`] | passwords, tokens, keys, and the cache of who may do what |
//! | [`delivery`] | the way of a tenant's messages: connections, guard, worker |
//! | `callback_setup` | tells the providers behind connections to call back here |
//! | [`dns`] | what DNS is asked about tenants' domains |
//! | [`server`] | starts all of it, and stops it |
//! | `upkeep` | what is done now and then: writing down, removing what is old, looking at domains |
//! | [`webhooks`] | tells tenants' applications what happened |
//! | `jobs` | does the jobs of a kind, for the two above |
//! | [`http`] | parses, calls a service, renders; one table of routes and what each needs |

mod answers;
pub mod app;
pub mod auth;
mod callback_setup;
mod callbacks;
pub(crate) mod changes;
pub mod cli;
pub mod config;
pub mod ctx;
pub mod delivery;
pub mod dns;
pub mod error;
pub mod http;
mod jobs;
pub mod model;
mod reconcile;
mod schema;
pub mod secret;
pub mod server;
pub mod services;
mod upkeep;
pub mod webhooks;

pub use app::App;
