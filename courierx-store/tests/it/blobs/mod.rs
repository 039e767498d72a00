//! Large contents besides a store.

mod bucket;
mod folder;
mod s3;
