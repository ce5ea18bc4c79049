"""The inspector's contract, row by row, and the test of each row.

A row is a method and path, a parameter, a status, a field of a record, or a rule of behaviour. A test is
``FILE::NAME``; ``tests/unit/test_inspector_row_table.py`` fails for one that does not exist, and for a route
without a row.
"""

from __future__ import annotations

_CAPTURE = "test_inspector.py::"
_RESPONSES = "test_inspector_responses.py::"
_QUERIES = "test_inspector_queries.py::"
_HOLD = "test_inspector_hold.py::"
_FORWARD = "test_inspector_forward.py::"
_REPLAY = "test_inspector_replay.py::"
_HISTORY = "test_inspector_history.py::"
_WAITING = "test_inspector_waiting_and_events.py::"
_CALLS = "test_calls_api.py::"
_ROWS = "test_inspector_rows.py::"
_LAB = "test_inspector_lab_rows.py::"
_ACCESS = "test_inspector_access_table.py::"
_EACH = _ROWS + "test_each_parameter_of_a_list_selects"
_MONITORS = _ROWS + "test_monitors_need_no_token"
_BINS = _CAPTURE + "test_bins_are_created_changed_listed_and_deleted"
_QUEUES = _CALLS + "test_the_state_of_queues_services_and_functions"
_DEAD = _CALLS + "test_a_dead_lettered_call_and_its_redrive"
_INVALID_LIST = _CAPTURE + "test_an_invalid_query_is_a_422"
_MISSING = _CAPTURE + "test_a_missing_bin_is_a_404_with_the_next_step"

CAPTURE = {
    "/{bin}, /{bin}/anything": _CAPTURE + "test_both_urls_of_a_bin_and_all_paths_below_are_captured",
    "any method": _ROWS + "test_any_method_and_any_sub_path_is_captured",
    "no token": _CAPTURE + "test_captures_need_no_token_but_page_and_api_do",
    "created on the fly, X-Bin-Created": _CAPTURE + "test_the_response_to_the_first_request_shows_a_new_bin",
    "/r/{bin}": _CAPTURE + "test_both_urls_of_a_bin_and_all_paths_below_are_captured",
    "/{bin}/{200-599}": _RESPONSES + "test_every_status_from_200_to_599_round_trips_with_delay",
    "/{bin}/{100-199}": _RESPONSES + "test_every_interim_status_is_captured_and_answered_422",
    "exactly two segments": _RESPONSES + "test_a_number_elsewhere_in_the_path_is_no_status",
    "?_status": _RESPONSES + "test_url_switches_override_the_rules_for_this_request_only",
    "?_delay": _RESPONSES + "test_every_status_from_200_to_599_round_trips_with_delay",
    "?_fail": _RESPONSES + "test_fail_answers_some_requests_with_an_error",
    "?_echo": _RESPONSES + "test_echo_returns_the_body_and_is_not_run_as_markup",
    "switches are left out of query": _RESPONSES + "test_switches_are_kept_in_the_url_but_not_in_the_query",
    "?inspect": _ROWS + "test_inspect_leads_a_browser_to_the_page",
    "X-Bin-Id, X-Request-Id": _ROWS + "test_the_default_reply_is_ok_with_the_id",
    "default reply": _ROWS + "test_the_default_reply_is_ok_with_the_id",
    "reserved names 409": _ROWS + "test_no_bin_has_a_reserved_name",
    "invalid names 422": _CAPTURE + "test_an_invalid_name_is_an_error",
}

ROUTES = {
    "POST /bins": _ROWS + "test_a_bin_is_created_with_all_fields",
    "POST /bins without a name": _CAPTURE + "test_post_creates_a_bin_with_or_without_a_name",
    "POST /bins 409": _CAPTURE + "test_post_creates_a_bin_with_or_without_a_name",
    "POST /bins 422": _CAPTURE + "test_invalid_settings_are_an_error",
    "POST /bins response": _ROWS + "test_an_invalid_response_creates_no_bin",
    "PUT /bins/{bin} 200, 201": _BINS,
    "GET /bins": _BINS,
    "GET /bins/{bin}": _BINS,
    "GET /bins/{bin} 404": _MISSING,
    "DELETE /bins/{bin}": _BINS,
    "GET /bins/{bin}/requests": _CAPTURE + "test_lists_are_filtered_and_paged",
    "GET /bins/{bin}/requests limit": _EACH,
    "GET /bins/{bin}/requests after": _ROWS + "test_after_continues_a_list_in_both_orders",
    "GET /bins/{bin}/requests order": _EACH,
    "GET /bins/{bin}/requests q": _EACH,
    "GET /bins/{bin}/requests in": _EACH,
    "GET /bins/{bin}/requests method": _EACH,
    "GET /bins/{bin}/requests status": _EACH,
    "GET /bins/{bin}/requests call_id": _EACH,
    "GET /bins/{bin}/requests function": _EACH,
    "GET /bins/{bin}/requests function_status": _EACH,
    "GET /bins/{bin}/requests since": _EACH,
    "GET /bins/{bin}/requests until": _EACH,
    "GET /bins/{bin}/requests wait": _CAPTURE + "test_wait_returns_as_soon_as_enough_requests_match",
    "GET /bins/{bin}/requests min": _ROWS + "test_wait_with_min_returns_at_once_or_times_out",
    "GET /bins/{bin}/requests timed_out": _CAPTURE + "test_a_wait_that_times_out_reports_it",
    "GET /bins/{bin}/requests closest": (
        _QUERIES + "test_a_wait_that_times_out_names_the_closest_requests_and_what_differed"
    ),
    "GET /bins/{bin}/requests 422": _INVALID_LIST,
    "GET /bins/{bin}/requests/{id}": _ROWS + "test_latest_first_and_an_id_name_a_request",
    "GET /bins/{bin}/requests/{id} 404": _ROWS + "test_latest_first_and_an_id_name_a_request",
    "GET /bins/{bin}/requests/{id}/raw": _ROWS + "test_a_body_is_returned_raw",
    "GET /bins/{bin}/requests/{id}/export": _ROWS + "test_a_request_is_exported_in_each_format",
    "GET /bins/{bin}/requests/{id}/diff": (_QUERIES + "test_any_two_requests_are_compared_also_of_two_bins"),
    "PATCH /bins/{bin}/requests/{id}": _QUERIES + "test_a_request_gets_note_mark_and_pin",
    "DELETE /bins/{bin}/requests/{id}": _ROWS + "test_one_request_and_all_are_deleted",
    "DELETE /bins/{bin}/requests": _ROWS + "test_one_request_and_all_are_deleted",
    "POST /bins/{bin}/requests/shift": _QUERIES + "test_shift_pops_the_oldest_and_waits_for_one",
    "POST /bins/{bin}/requests/shift 204": _QUERIES + "test_shift_pops_the_oldest_and_waits_for_one",
    "POST /bins/{bin}/requests/{id}/replay": _REPLAY + "test_a_replay_goes_where_the_request_came_to",
    "POST …/replay target": _REPLAY + "test_a_replay_to_another_bin_is_captured_there",
    "POST …/replay method, headers, body, path": (
        _REPLAY + "test_a_replay_changes_method_headers_body_and_path"
    ),
    "POST …/replay times, gap": _REPLAY + "test_gaps_are_kept_between_the_sends",
    "POST …/replay diff": (_REPLAY + "test_a_replay_is_answered_by_the_rules_of_now_and_shows_what_differs"),
    "POST …/replay 403": _ACCESS + "test_no_target_beyond_this_machine_is_sent_to",
    "GET /bins/{bin}/responses": _RESPONSES + "test_a_rule_answers_with_its_status_headers_and_body",
    "PUT /bins/{bin}/responses": _RESPONSES + "test_a_rule_answers_with_its_status_headers_and_body",
    "DELETE /bins/{bin}/responses": _RESPONSES + "test_deleting_the_rules_restores_the_default",
    "GET /bins/{bin}/responses/{method}": (
        _RESPONSES + "test_the_per_method_short_form_answers_that_method_only"
    ),
    "PUT /bins/{bin}/responses/{method}": (
        _RESPONSES + "test_the_per_method_short_form_answers_that_method_only"
    ),
    "DELETE /bins/{bin}/responses/{method}": (
        _RESPONSES + "test_the_per_method_short_form_answers_that_method_only"
    ),
    "responses status, headers, body, body_base64": (
        _RESPONSES + "test_a_rule_answers_with_its_status_headers_and_body"
    ),
    "responses template": _RESPONSES + "test_a_template_echoes_the_request_and_nothing_else",
    "responses delay, jitter": _RESPONSES + "test_a_rule_s_delay_and_jitter_come_after_the_capture",
    "responses times, then": _RESPONSES + "test_a_sequence_answers_503_503_then_200_for_ever",
    "responses when": _RESPONSES + "test_a_rule_answers_only_when_its_conditions_match",
    "responses 422": _RESPONSES + "test_an_invalid_rule_is_refused_and_changes_nothing",
    "GET /bins/{bin}/hold": _HOLD + "test_a_held_request_is_answered_by_hand",
    "PUT /bins/{bin}/hold": _HOLD + "test_a_held_request_is_answered_by_hand",
    "DELETE /bins/{bin}/hold": _HOLD + "test_releasing_a_hold_answers_by_the_rules",
    "PUT /bins/{bin}/hold timeout": _HOLD + "test_after_the_timeout_the_rules_answer",
    "PUT /bins/{bin}/requests/{id}/response": _HOLD + "test_a_held_request_is_answered_by_hand",
    "POST /bins/{bin}/requests/{id}/drop": _HOLD + "test_a_dropped_request_has_no_response",
    "PUT …/response 409": _HOLD + "test_answering_twice_is_409_and_an_unknown_request_404",
    "GET /bins/{bin}/forward": _FORWARD + "test_a_forward_can_be_removed",
    "PUT /bins/{bin}/forward": _FORWARD + "test_a_proxy_answers_with_the_target_s_response",
    "DELETE /bins/{bin}/forward": _FORWARD + "test_a_forward_can_be_removed",
    "PUT …/forward mode copy": _FORWARD + "test_a_copy_is_sent_while_the_rules_answer",
    "PUT …/forward expand_path": _FORWARD + "test_expand_path_appends_the_path_below_the_bin",
    "X-Do-Not-Forward": _FORWARD + "test_bins_that_forward_to_each_other_end_the_loop",
    "POST /bins/{bin}/verify": _QUERIES + "test_verify_waits_up_to_within_and_returns_with_the_request",
    "POST …/verify ordered, no_extra": _QUERIES + "test_verify_no_extra_ordered_and_after",
    "POST …/verify never": _QUERIES + "test_verify_never_watches_the_whole_window",
    "POST …/verify near_misses": _QUERIES + "test_verify_explains_a_near_miss",
    "POST …/verify 422": _QUERIES + "test_an_invalid_verification_is_a_422",
    "GET /bins/{bin}/export": _QUERIES + "test_every_format_is_exported_and_secrets_are_masked_on_request",
    "GET /bins/{bin}/export csv": _QUERIES + "test_a_table_of_a_bin_has_a_line_for_each_request",
    "POST /bins/{bin}/import": _QUERIES + "test_what_was_exported_is_imported_again",
    "GET /bins/{bin}/events": _QUERIES + "test_a_stream_resumes_after_the_last_event_of_the_client",
    "GET /events": _CAPTURE + "test_changes_are_sent_as_events",
    "GET /events Last-Event-ID": _QUERIES + "test_a_stream_resumes_after_the_last_event_of_the_client",
    "GET /events poll=1": _QUERIES + "test_polling_returns_the_same_events_as_the_stream",
    "GET /events request.received, answered, deleted": _CAPTURE + "test_changes_are_sent_as_events",
    "GET /events bin.cleared": _CAPTURE + "test_changes_are_sent_as_events",
    "GET /events rule.changed": _HOLD + "test_switching_a_hold_is_an_event",
    "GET /events fault.started, fault.ended": (
        _LAB + "test_the_stream_of_events_tells_when_a_fault_starts_and_ends"
    ),
    "GET /events heartbeat": _WAITING + "test_heartbeats_are_sent_when_nothing_happens",
    "GET /calls": _CALLS + "test_lists_are_filtered_and_paged",
    "GET /calls function, state": _CALLS + "test_lists_are_filtered_and_paged",
    "POST /calls": _CALLS + "test_a_call_is_sent_through_the_api",
    "GET /batches": _LAB + "test_a_batch_of_calls_is_sent_in_the_background",
    "POST /batches": _LAB + "test_a_batch_of_calls_is_sent_in_the_background",
    "POST /batches at_once": _LAB + "test_a_batch_sends_several_synchronous_calls_at_once",
    "POST /batches 422": _LAB + "test_an_invalid_batch_is_422_and_sends_nothing",
    "GET /batches/{id}": _LAB + "test_a_batch_of_calls_is_sent_in_the_background",
    "DELETE /batches/{id}": _LAB + "test_a_batch_is_stopped",
    "GET /calls/events": _CALLS + "test_changed_calls_faults_queues_and_services_are_pushed",
    "GET /calls/{id}": _CALLS + "test_an_asynchronous_call_with_its_callback",
    "DELETE /calls/{id}": _LAB + "test_a_queued_call_is_cancelled",
    "GET /faults history": _LAB + "test_faults_are_listed_at_once_while_nats_is_stopped",
    "GET /faults": _LAB + "test_faults_lists_none_at_first",
    "POST /faults": _LAB + "test_faults_begins_a_pause_that_ends_by_itself",
    "POST /faults callback status": (_LAB + "test_a_callback_fault_makes_a_bin_fail_until_it_expires"),
    "POST /faults callback drop": (_LAB + "test_a_callback_fault_drops_connections_until_it_is_deleted"),
    "POST /faults worker kill": _LAB + "test_faults_kills_a_service_that_comes_back",
    "POST /faults network delay": _LAB + "test_faults_makes_the_network_slow",
    "POST /faults 409": _LAB + "test_a_fault_that_is_active_is_409",
    "POST /faults 422": _LAB + "test_an_invalid_fault_is_422_with_what_is_expected",
    "PATCH /faults": _LAB + "test_a_fault_can_t_be_changed",
    "PATCH /faults/{id}": _LAB + "test_a_fault_can_t_be_changed",
    "DELETE /faults": _LAB + "test_faults_are_ended_by_delete_one_or_all",
    "DELETE /faults/{id}": _LAB + "test_faults_are_ended_by_delete_one_or_all",
    "GET /queue": _LAB + "test_queue_shows_the_next_messages_and_consumes_none",
    "GET /queue ack_pending": _LAB + "test_queue_shows_what_is_delivered_and_not_acknowledged",
    "GET /queue 404, 422": _LAB + "test_queue_of_an_unknown_name_is_404_and_a_bad_one_422",
    "GET /queues": _QUEUES,
    "GET /queues/{queue}": _QUEUES,
    "PUT /queues/{queue}": _QUEUES,
    "GET /queues/{queue}/dead-letters": _DEAD,
    "DELETE /queues/{queue}/dead-letters": _LAB + "test_dead_letters_are_deleted_one_or_all",
    "DELETE /queues/{queue}/dead-letters/{id}": _LAB + "test_dead_letters_are_deleted_one_or_all",
    "POST /queues/{queue}/dead-letters/redrive": _LAB + "test_dead_letters_are_redriven_all",
    "POST /queues/{queue}/dead-letters/{id}/redrive": _DEAD,
    "GET /services": _QUEUES,
    "X-Labkit-Run 421": _LAB + "test_a_request_for_another_run_of_the_lab_is_refused",
    "GET /workers": _LAB + "test_workers_are_scaled_up_and_down",
    "PUT /workers": _LAB + "test_workers_are_scaled_up_and_down",
    "PUT /workers 422": _LAB + "test_an_invalid_number_of_workers_or_replicas_changes_nothing",
    "GET /functions": _QUEUES,
    "GET /functions/{function}": _LAB + "test_replicas_of_a_function_are_changed",
    "PUT /functions/{function}": _LAB + "test_replicas_of_a_function_are_changed",
    "PUT /functions/{function} 422": (_LAB + "test_an_invalid_number_of_workers_or_replicas_changes_nothing"),
    "POST /reset": _LAB + "test_a_reset_is_asked_for_and_its_end_is_seen",
    "GET /logs": _CALLS + "test_logs_are_merged_and_followed_and_name_their_calls",
    "GET /logs/events": _CALLS + "test_logs_are_merged_and_followed_and_name_their_calls",
    "GET /status": _ROWS + "test_status_counts_what_is_kept_within_which_limits",
    "GET /version": _MONITORS,
    "GET /version run_id": _LAB + "test_the_version_names_the_running_lab",
    "GET /openapi.json": _ROWS + "test_the_openapi_document_is_served",
    "GET /healthz": _MONITORS,
    "GET /ready": _MONITORS,
    "GET /ready 503": _ROWS + "test_ready_is_503_while_nothing_can_be_saved",
    "GET /metrics": _ROWS + "test_metrics_count_requests_and_statuses_without_names_of_bins",
    "503 without a lab": _ROWS + "test_without_a_lab_its_routes_are_503_with_the_next_step",
    "every route 401": _ACCESS + "test_every_route_without_the_token_is_401",
    "every change 403 from another site": _ACCESS + "test_every_change_from_another_site_is_403",
    "RequestBin's routes": _QUERIES + "test_requestbin_s_client_creates_a_bin_and_reads_its_requests",
}
"""Under ``/api/v1``."""

RECORD = {
    "every field": _ROWS + "test_a_record_has_every_field",
    "response null while open": _HOLD + "test_a_held_request_is_answered_by_hand",
    "body_base64, body_sha256, truncated": (
        _ROWS + "test_a_body_beyond_a_mebibyte_is_truncated_and_hashed_whole"
    ),
    "headers in order, with duplicates": _CAPTURE + "test_a_request_is_captured_unchanged",
    "openfaas queue_wait_seconds, end_to_end_seconds": (
        _LAB + "test_a_callback_s_record_has_queue_wait_and_end_to_end"
    ),
    "replay_of": _REPLAY + "test_a_replay_goes_where_the_request_came_to",
    "note, mark, pinned": _QUERIES + "test_a_request_gets_note_mark_and_pin",
}

BEHAVIOUR = {
    "recorded on arrival, updated on answer": (
        _RESPONSES + "test_a_rule_s_delay_and_jitter_come_after_the_capture"
    ),
    "a ring, never a refusal": _ROWS + "test_a_ring_never_refuses_and_shows_how_many_were_dropped",
    "pinned records stay": _ROWS + "test_pinned_requests_stay_in_a_full_ring",
    "body cap, truncated, hash of all": (
        _ROWS + "test_a_body_beyond_a_mebibyte_is_truncated_and_hashed_whole"
    ),
    "binds 127.0.0.1": _ROWS + "test_it_listens_on_this_machine_only",
    "token in a strict cookie": (
        _CAPTURE + "test_the_link_with_the_token_redirects_to_an_address_without_it"
    ),
    "cross-site changes refused": _ACCESS + "test_every_change_from_another_site_is_403",
    "Host checked": _ACCESS + "test_every_route_is_refused_under_another_site_s_name",
    "CORS never granted, nosniff and a policy everywhere": (
        _ACCESS + "test_every_response_has_a_policy_and_grants_no_other_site"
    ),
    "replay and forward to this machine only": (_ACCESS + "test_no_target_beyond_this_machine_is_sent_to"),
    "--allow-target": _FORWARD + "test_a_setting_allows_more_targets_and_checks_their_addresses",
    "asked-for port, else any": _CAPTURE + "test_another_port_is_used_if_the_preferred_one_is_taken",
    "worker_url and browser_url together": _ROWS + "test_all_urls_of_a_bin_are_shown_together",
    "relative URLs": "test_inspector_page.py::test_the_page_works_under_the_prefix_of_a_proxy",
    "LABKIT_CI=1": "test_lab_calls.py::test_labkit_ci_draws_no_progress_bar",
    "kill -9 loses nothing answered": _HISTORY + "test_a_kill_loses_no_request_that_was_answered",
    "history survives a restart": (
        _HISTORY + "test_a_restart_keeps_bins_settings_and_requests_and_continues_the_numbering"
    ),
    "200 concurrent captures keep seq": (_HISTORY + "test_200_concurrent_captures_keep_the_order_of_seq"),
    "flat memory at 1 GB": _HISTORY + "test_a_body_of_a_gigabyte_is_hashed_in_flat_memory",
}

NOT_TESTED = {
    "record t_lab": "there is no lab clock: all hops have Unix time, which survives a restart of the lab",
    "faults probability, times, match": "422: a bin's rules have times and when, its URL ?_fail",
    "faults where=function": "422: a function's environment decides how it fails",
    "--no-auto-create": "not built: an unknown bin's name is created, which is what the lab text needs",
}
"""Row: why it has no test."""
