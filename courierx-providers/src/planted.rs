//! What is planted with a message, so that callbacks and questions find it again.

/// The custom argument, metadata entry or tag that carries the delivery id.
pub(crate) const DELIVERY_KEY: &str = "courierx_delivery";
