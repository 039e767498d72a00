//! The list of cases, and the macro that makes tests of them.

/// Makes one test of every case of the [store suite](crate::store::conformance), in a module
/// `conformance`.
///
/// Takes an expression of a future that sets up a [`Subject`](crate::store::conformance::Subject): each
/// test awaits one of its own.
#[macro_export]
macro_rules! store_conformance {
    ($setup:expr) => {
        $crate::__store_conformance_tests! {
            $setup;
            ledger {
                accepted_messages_are_read_back_whole,
                a_batch_may_mix_tenants,
                effects_are_committed_with_the_message,
                accepting_the_same_message_again_changes_nothing,
                a_key_accepts_one_message,
                a_key_may_be_used_anew_after_it_expired,
                concurrent_calls_with_one_key_store_one_message,
                what_a_key_was_used_for_is_told,
                no_more_is_accepted_than_allowed,
                a_repeated_message_uses_its_allowance_once,
                concurrent_calls_never_exceed_an_allowance,
                what_is_canceled_makes_room_again,
                an_attempt_is_visible_before_its_result,
                attempts_are_numbered,
                beginning_the_same_attempt_again_changes_nothing,
                nothing_begins_under_a_lost_lease,
                an_ended_lease_holds_until_it_is_claimed,
                nothing_begins_for_whom_is_not_open,
                attempts_may_follow_refusals_and_unknown_outcomes,
                a_full_quota_leaves_nothing_behind,
                concurrent_attempts_share_a_quota,
                cancel_ends_open_recipients,
                cancel_is_too_late_on_the_wire_and_after,
                cancel_ends_only_who_was_not_sent_to,
                cancel_is_possible_after_a_crash,
                cancel_does_not_tell_what_nobody_knows,
                a_message_is_due_at_its_new_date,
                only_what_nobody_claimed_is_moved,
                a_claim_and_a_new_date_exclude_each_other,
                a_key_goes_along_with_its_message,
                what_is_due_is_queued,
                what_lost_its_job_gets_another_one,
                what_has_a_job_or_an_end_gets_none,
                the_order_of_events_does_not_matter,
                news_in_any_order_ends_alike,
                many_news_at_once_end_alike,
                a_reported_event_is_recorded_once,
                events_are_matched_within_tenant_and_connection,
                an_event_moves_its_recipient,
                an_event_without_an_address_is_its_attempts,
                a_reader_meets_every_event_once,
                the_last_event_is_told,
                events_are_read_by_tenant_and_message,
                another_tenant_can_do_nothing_with_a_message,
                pages_of_messages_are_stable,
                lists_are_filtered,
                a_page_of_messages_may_begin_later,
                messages_are_counted,
                messages_are_read_with_what_belongs_to_them,
                an_outline_has_no_content,
                who_has_content_is_told,
                purge_removes_only_what_is_settled_and_old,
                purge_is_bounded,
                a_purge_removes_old_events_about_no_message,
                a_purge_keeps_what_has_work_to_do,
                the_content_of_some_tenants_goes_sooner,
                a_result_is_kept_whole,
                a_result_is_recorded_under_a_lost_lease,
                a_result_is_recorded_once,
                a_step_moves_the_job_and_its_recipients,
                what_is_decided_too_late_brings_nothing_along,
                a_quota_is_given_back_when_nothing_was_sent,
                an_early_callback_outlives_the_result,
                settlements_are_answered_item_by_item,
                too_many_soft_bounces_in_a_row_suppress,
                what_arrives_ends_a_row,
                old_soft_bounces_do_not_count,
            }
            queue {
                a_job_is_claimed_whole,
                only_the_kinds_asked_for_are_claimed,
                jobs_come_by_lane_and_then_by_date,
                only_due_jobs_are_claimed,
                a_claim_is_bounded,
                concurrent_claimers_never_share_a_job,
                a_long_queue_delays_no_other_tenant,
                every_tenant_has_its_turn,
                a_tenant_holds_no_more_than_it_may,
                full_tenants_crowd_nobody_out,
                very_many_jobs_delay_others_by_a_batch,
                everybody_is_served_before_anybody_is_twice,
                what_is_odd_goes_round,
                old_mail_does_not_jump_the_line,
                finished_jobs_take_no_place,
                every_lane_has_its_share,
                ended_leases_are_claimed_in_order,
                no_job_is_lost_in_a_crowd,
                depth_tells_when_there_may_be_more,
                an_ended_lease_is_claimed_anew,
                an_extended_lease_is_kept,
                a_lease_never_gets_shorter,
                only_the_owner_decides_about_a_job,
                an_ended_lease_can_still_be_finished,
                depth_counts_every_lane,
                a_new_job_ends_the_wait,
                a_job_that_becomes_due_ends_the_wait,
                a_lease_that_ends_ends_the_wait,
                a_job_that_is_put_back_ends_the_wait,
                a_wait_ends_when_it_was_told_to,
                waking_ends_the_wait,
            }
            suppressions {
                addresses_and_domains_are_recognised,
                an_entry_is_kept_whole,
                scopes_hold_back_their_own_mail,
                the_strongest_entry_is_told,
                an_expired_entry_is_absent,
                entries_are_merged,
                leaving_is_merged,
                entries_are_removed,
                entries_are_listed_in_pages,
                lists_of_entries_are_filtered,
                a_page_of_entries_may_begin_later,
                entries_are_counted,
                a_thousand_addresses_are_checked_at_once,
                an_entry_is_found_by_its_identifier,
                notes_and_causes_are_merged,
                an_entry_names_the_message_that_caused_it,
            }
            counters {
                a_quota_ends_at_its_cap,
                a_batch_of_reservations_is_answered_item_by_item,
                calendar_windows_start_anew,
                a_rolling_window_moves_by_the_hour,
                concurrent_reservations_never_exceed_a_cap,
                a_look_at_quotas_takes_nothing,
                a_grant_is_given_back_once,
                a_grant_returns_to_its_own_period,
                old_grants_are_removed_to_the_last,
                statistics_are_read_by_day_and_month,
                concurrent_additions_are_all_counted,
            }
            configs {
                unique_keys_are_one_records,
                keys_are_freed,
                global_keys_are_one_records_of_all_tenants,
                keys_may_be_swapped,
                references_point_to_something,
                references_may_come_before_what_they_point_to,
                a_record_in_use_is_not_removed,
                dependents_are_removed_along,
                a_dependent_in_use_keeps_the_whole,
                records_have_types,
                earlier_versions_are_upcast,
                a_record_is_kept_whole,
                versions_are_compared,
                one_of_many_changes_succeeds,
                changes_are_applied_all_or_none,
                records_are_their_tenants,
                records_are_listed_in_pages,
                a_page_of_records_may_begin_later,
                records_of_all_tenants_are_listed_by_a_global_key,
                changes_are_announced,
                only_the_last_change_of_a_record_is_kept,
            }
            state {
                an_entry_is_written_by_compare_and_set,
                an_entry_expires,
                versions_are_never_used_again,
                an_entry_is_removed_at_its_version,
                one_of_many_swaps_succeeds,
                entries_are_listed_by_prefix,
            }
            webhook_log {
                entries_are_listed_the_latest_first,
                entries_are_filtered,
                old_entries_are_removed,
            }
            audit_log {
                an_entry_is_written_with_its_change_or_not_at_all,
                entries_are_listed_from_the_newest,
                old_entries_are_removed_in_batches,
            }
            callback_log {
                a_callback_is_kept_with_its_job,
                what_is_left_of_a_callback_is_kept,
                a_callback_is_settled_under_its_lease,
                old_callbacks_are_removed,
            }
            erasure {
                all_of_a_tenant_goes_and_nothing_of_others,
                what_is_under_way_ends_with_its_tenant,
            }
            generations {
                a_delivery_is_other_generations,
                changing_a_message_is_another_generation,
                other_writes_are_other_generations,
                reading_keeps_the_generation,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_tests {
    ($setup:expr; $($group:ident { $($case:ident,)* })*) => {
        mod conformance {
            #[allow(unused_imports, reason = "the expression names what stands around the macro")]
            use super::*;

            $(mod $group {
                #[allow(unused_imports, reason = "as above")]
                use super::*;

                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let subject: $crate::store::conformance::Subject = $setup.await;
                    $crate::store::conformance::$group::$case(&subject).await;
                })*
            })*
        }
    };
}

#[cfg(test)]
mod tests {
    const SOURCES: &[&str] = &[
        include_str!("ledger/accept.rs"),
        include_str!("ledger/attempts.rs"),
        include_str!("ledger/cancel.rs"),
        include_str!("ledger/events.rs"),
        include_str!("ledger/feed.rs"),
        include_str!("ledger/isolation.rs"),
        include_str!("ledger/lists.rs"),
        include_str!("ledger/pages.rs"),
        include_str!("ledger/settle.rs"),
        include_str!("ledger/soft_bounces.rs"),
        include_str!("queue/claim.rs"),
        include_str!("queue/crowd.rs"),
        include_str!("queue/fair.rs"),
        include_str!("queue/leases.rs"),
        include_str!("queue/wait.rs"),
        include_str!("suppressions/changes.rs"),
        include_str!("suppressions/checks.rs"),
        include_str!("suppressions/details.rs"),
        include_str!("suppressions/lists.rs"),
        include_str!("counters/quotas.rs"),
        include_str!("counters/statistics.rs"),
        include_str!("configs/keys.rs"),
        include_str!("configs/lists.rs"),
        include_str!("configs/references.rs"),
        include_str!("configs/typed.rs"),
        include_str!("configs/versions.rs"),
        include_str!("state.rs"),
        include_str!("webhook_log.rs"),
        include_str!("audit_log.rs"),
        include_str!("callback_log.rs"),
        include_str!("erasure.rs"),
        include_str!("generations.rs"),
    ];

    /// A case that is not in the list would run nowhere, and nobody would notice.
    #[test]
    fn every_case_is_listed() {
        let (list, _) = include_str!("cases.rs").split_once("#[doc(hidden)]").unwrap();
        for source in SOURCES {
            for case in source.split("pub async fn ").skip(1) {
                let name = case.split('(').next().unwrap();
                assert!(list.contains(&format!(" {name},\n")), "{name} is not listed");
            }
        }
    }
}
