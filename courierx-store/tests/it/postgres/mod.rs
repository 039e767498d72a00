mod cluster;
mod conformance;
mod support;
