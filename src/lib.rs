//! CourierX.
