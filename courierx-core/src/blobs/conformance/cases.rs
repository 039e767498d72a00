//! The list of cases, and the macro that makes tests of them.

/// Makes one test of every case of the [suite for blobs](crate::blobs::conformance), in a module
/// `conformance`.
///
/// Takes an expression of a future that sets up a [`Subject`](crate::blobs::conformance::Subject): each test
/// awaits one of its own.
#[macro_export]
macro_rules! blobs_conformance {
    ($setup:expr) => {
        $crate::__blobs_conformance_tests! {
            $setup;
            a_blob_is_read_back_as_it_was_put,
            a_blob_is_replaced_whole,
            a_blob_that_is_not_there_is_none,
            deleted_blobs_are_gone,
            a_dropped_put_leaves_all_or_nothing,
            readers_never_see_half_a_blob,
            a_list_is_in_order_and_without_gaps,
            a_list_has_only_the_days_asked_for,
            a_list_may_begin_after_any_key,
            lists_are_stable_while_others_put,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __blobs_conformance_tests {
    ($setup:expr; $($case:ident,)*) => {
        mod conformance {
            #[allow(unused_imports, reason = "the expression names what stands around the macro")]
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let subject: $crate::blobs::conformance::Subject = $setup.await;
                $crate::blobs::conformance::$case(&subject).await;
            })*
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is not in the list would run nowhere, and nobody would notice.
    #[test]
    fn every_case_is_listed() {
        let (list, _) = include_str!("cases.rs").split_once("#[doc(hidden)]").unwrap();
        for source in [include_str!("contents.rs"), include_str!("lists.rs")] {
            for case in source.split("pub async fn ").skip(1) {
                let name = case.split('(').next().unwrap();
                assert!(list.contains(&format!(" {name},\n")), "{name} is not listed");
            }
        }
    }
}
