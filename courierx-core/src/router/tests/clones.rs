//! What clones of a connection share, and what each has for itself.

use super::*;
use crate::provider::Capability;

fn places(connection: &Connection) -> usize {
    connection.health(NOW).in_flight_limit
}

fn most(count: usize) -> Connection {
    connection("a").with_max_in_flight(count)
}

fn built(connection: &Connection) -> usize {
    places(&Router::new(vec![connection.clone()]).unwrap().connections()[0])
}

#[test]
fn a_limit_is_of_the_clone_that_it_was_set_for() {
    let a = most(7);
    assert_eq!(built(&a), 7);
    let limited = a.clone().with_max_in_flight(1);
    assert_eq!(places(&a), 7, "nobody sends over the other one yet");
    // It is one connection, whatever is known of it: as it was built last it is used.
    assert_eq!((built(&limited), places(&a)), (1, 1));
    assert_eq!((built(&a), places(&limited)), (7, 7));
}

#[test]
fn a_limit_and_a_breaker_are_set_in_any_order() {
    let options = BreakerOptions::default();
    assert_eq!(built(&most(5).with_breaker(options)), 5);
    assert_eq!(built(&connection("a").with_breaker(options).with_max_in_flight(5)), 5);
    assert_eq!(built(&connection("a").with_breaker(options)), Capability::full().max_in_flight);
}

#[test]
fn what_is_refused_to_be_built_changes_nothing() {
    let a = most(7);
    assert_eq!(built(&a), 7);
    Router::new(vec![a.clone().with_max_in_flight(1), connection("a")]).unwrap_err();
    assert_eq!(places(&a), 7);
}
