//! What is planted with a message, so that callbacks and questions find it again.

/// The custom argument, metadata entry or tag that carries the delivery id.
pub(crate) const DELIVERY_KEY: &str = "courierx_delivery";

/// The header that carries the delivery id, for vendors whose callbacks repeat headers, and for people who look at
/// the source of a message.
pub(crate) const DELIVERY_HEADER: &str = "X-Courierx-Delivery";
