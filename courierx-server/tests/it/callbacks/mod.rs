//! What providers call back.

mod setup;
