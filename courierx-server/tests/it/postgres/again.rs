//! Tests of the API that pass on SQLite and have to pass here as well.

use crate::support::database::on_postgres;

/// Runs these tests of a module once more.
macro_rules! again {
    ([$($module:tt)+]) => {};
    ([$($module:tt)+] $test:ident $($more:ident)*) => {
        #[test]
        fn $test() {
            on_postgres(crate::$($module)+::$test);
        }
        again!([$($module)+] $($more)*);
    };
}

again!([answers]
    every_write_is_in_the_next_answer
    what_was_acknowledged_is_never_missing
);
again!([audit_log] every_change_is_in_the_log_with_who_made_it_and_no_secret);
again!([deletion]
    nobody_gets_into_a_deleted_tenant_and_all_it_had_is_free_again
    rules_and_the_connections_that_they_name_go_as_well
    who_belongs_to_another_tenant_stays_there
);
again!([domains]
    a_domain_is_added_verified_listed_changed_and_removed
    a_domain_is_theirs_whose_token_it_publishes
);
again!([domains::life] a_new_domain_is_looked_at_rarer_and_rarer_until_it_is_there);
again!([domains::sending] the_sandbox_needs_no_domain_and_a_real_connection_a_verified_one);
again!([email_templates]
    a_template_is_made_listed_changed_and_removed
    a_name_is_unique_for_its_tenant
);
again!([email_templates::repeated]
    a_repeated_batch_is_the_same_messages_whatever_was_published_meanwhile
    a_repeated_request_is_the_same_message_where_its_template_makes_none_any_more
);
again!([email_templates::sending]
    a_message_is_what_the_published_version_makes_of_it
    a_repeated_request_is_the_same_message_whatever_was_published_meanwhile
);
again!([email_templates::versions]
    what_is_published_never_changes
    changes_at_once_are_all_there
);
again!([emails]
    what_was_sent_is_answered_listed_and_told_whole
    a_list_is_filtered_and_paged
    an_idempotency_key_gives_the_same_answer_once_more
    what_was_refused_as_suppressed_is_refused_again
);
again!([events]
    only_what_is_asked_for_is_listed
    pages_are_read_one_after_the_other_while_others_write
);
again!([events::stream]
    what_happens_is_told_as_it_happens_and_nothing_before
    whoever_is_cut_off_goes_on_without_loss_or_repetition
);
again!([emails::batch]
    one_bad_message_does_not_spoil_the_others
    each_recipient_gets_a_message_of_their_own
    a_batch_can_be_repeated
);
again!([emails::idempotency]
    a_hundred_requests_at_once_are_one_message
    a_key_is_remembered_for_a_day_after_the_date
    a_repeated_request_is_the_same_message_when_its_time_is_over
    a_repeated_request_is_the_same_message_when_nothing_is_left_to_send_it_with
);
again!([emails::schedule]
    a_message_is_sent_at_its_date
    a_date_can_be_moved_until_delivery_begins
    what_is_canceled_is_not_sent
    whoever_cancels_while_it_is_sent_is_told_the_truth
);
again!([delivery]
    a_message_goes_out_over_the_tenants_connection
    what_the_sandbox_calls_back_reaches_the_message_and_suppresses_nobody
    a_change_counts_from_the_next_message_on
);
again!([api_keys] a_key_works_until_it_is_revoked);
again!([suppressions] who_is_suppressed_gets_no_mail_until_the_entry_is_removed);
again!([suppressions::topics]
    who_left_a_topic_is_found_by_it
    lists_and_tables_are_filtered_by_topic
    entries_about_one_topic_are_removed_at_once
);
again!([suppressions::tables] what_is_exported_can_be_imported_and_no_cell_is_a_formula);
again!([permissions]
    what_another_tenant_has_is_as_what_nobody_has
    an_idempotency_key_is_its_tenants_own
);
again!([plans]
    no_more_mail_is_accepted_than_the_plan_includes
    a_batch_is_held_to_the_quota_message_by_message
    a_quota_holds_however_many_send_at_once
    what_is_never_handed_over_is_given_back
);
again!([operator]
    tenants_are_listed_in_pages_and_by_what_they_are
    plans_are_made_changed_and_removed
    a_suspended_tenant_reads_and_sends_nothing
);
again!([statistics] the_counters_say_what_the_lists_say);
again!([provider_connections]
    a_connection_is_made_verified_listed_changed_and_removed
    first_connections_that_come_together_are_all_made
);
again!([provider_connections::limits] a_cap_holds_is_counted_and_can_be_raised);
again!([routing]
    a_quota_that_is_used_up_is_known_without_asking_the_wire
    an_email_tells_whom_it_passed_over_and_why_it_waits
);
again!([routing_rules]
    a_rule_is_made_listed_changed_and_removed
    mail_goes_by_the_rules_from_the_next_message_on
);
again!([team] invitations_end_with_the_role_in_which_they_were_made);
again!([engine::repeat]
    a_repeated_request_is_answered_and_not_sent_again
    requests_at_the_same_time_are_one
);
again!([engine::send]
    the_documents_request_is_answered_as_the_document_says
    the_suppressions_of_a_tenant_of_this_server_count
);
