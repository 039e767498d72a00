mod claim;
mod conformance;
mod enqueue_in;
mod ledger;
mod open;
mod plans;
mod wait;
mod write;
