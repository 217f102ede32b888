//! Which test shows which row of the fault matrix (facts/reliability.md section 5).

use std::fs;

use super::common::servers::project;

/// A row: its number, the fault in short, and the tests that show it, as `file::name` below `tests/` or `src/`.
type Row = (u8, &'static str, &'static [&'static str]);

const CUT: [&str; 3] = [
    "tests/faults/cuts::a_line_cut_at_any_point_leaves_each_message_exactly_once",
    "tests/faults/cuts::a_line_cut_at_any_point_leaves_each_message_exactly_once_on_cyrus",
    "tests/faults/cuts::a_line_cut_at_any_point_leaves_each_message_exactly_once_on_courier",
];
const ANSWER: &str = "tests/faults/answers::an_answer_is_taken_for_what_it_says_and_a_plain_run_completes_it";
const LESS: [&str; 3] = [
    "tests/faults/answers::a_server_that_wants_less_is_obeyed",
    "tests/faults/answers::a_server_that_wants_less_is_obeyed_on_cyrus",
    "tests/faults/answers::a_server_that_wants_less_is_obeyed_on_courier",
];
const VICE: &str = "tests/faults/answers::a_vice_of_one_command_costs_no_more_than_it_must";
const ODD: &str = "tests/faults/liars::odd_answers_that_mean_yes_are_taken_for_yes";
const NONSENSE: &str = "tests/faults/liars::nonsense_without_end_is_given_up_at_any_command";
const LIES: &str = "tests/faults/liars::a_server_that_lies_is_found_out_and_nothing_is_removed_for_it";
const HOPELESS: [&str; 3] = [
    "tests/faults/liars::a_server_that_keeps_nothing_is_given_up_and_nothing_is_removed",
    "tests/faults/liars::a_server_that_keeps_nothing_of_many_messages_in_a_command_is_given_up",
    "tests/faults/liars::each_message_is_told_when_a_server_is_given_up",
];
const HALTS: &str = "tests/faults/lines::a_line_that_halts_in_a_message_is_given_up_and_its_late_bytes_do_no_harm";
const SLOW: &str = "tests/faults/lines::slow_lines_and_answers_in_pieces_carry_everything";
const PATIENT: &str = "tests/faults/lines::a_server_that_takes_its_time_is_waited_for";
const SIGNAL: &str = "tests/faults/process::a_signal_at_any_moment_ends_cleanly_and_a_second_one_at_once";
const TLS: &str = "tests/cli::certificates_that_are_not_trusted_are_refused_before_the_password_is_sent";

const ROWS: [Row; 65] = [
    (1, "RST before the APPEND line", &CUT),
    (2, "RST, `+` lost", &CUT),
    (3, "RST in the literal", &CUT),
    (4, "RST before the final CRLF", &CUT),
    (5, "RST after the CRLF, server too", &CUT),
    (6, "OK lost", &CUT),
    (7, "cut after OK", &CUT),
    (8, "OK lost, no UIDPLUS", &CUT),
    (9, "OK lost, neither UIDPLUS nor UIDNEXT", &CUT),
    (10, "OK lost, byte-identical twins", &CUT),
    (
        11,
        "OK lost while others deliver",
        &["tests/faults/cuts::mail_that_others_deliver_meanwhile_is_not_taken_for_ours"],
    ),
    (
        12,
        "commit after the connection died",
        &[
            "tests/faults/liars::a_message_that_is_stored_late_is_waited_for",
            "tests/exchange::a_message_that_a_server_stores_after_all_patience_is_found_at_the_end_and_named",
        ],
    ),
    (
        13,
        "UIDVALIDITY changes",
        &[
            "tests/faults/liars::a_folder_with_another_uidvalidity_is_searched_as_a_whole",
            "tests/faults/reruns::a_folder_that_is_numbered_anew_meanwhile_gets_nothing_twice",
        ],
    ),
    (
        14,
        "OVERQUOTA before the go-ahead",
        &[ANSWER, "tests/faults/answers::a_real_quota_is_named_in_the_servers_words"],
    ),
    (15, "OVERQUOTA after the literal", &[ANSWER]),
    (16, "TRYCREATE", &[ANSWER, VICE]),
    (
        17,
        "TOOBIG, LIMIT",
        &[
            ANSWER,
            "tests/faults/answers::real_limits_are_named_in_the_servers_words_and_all_else_gets_across",
            "tests/limits::a_message_over_the_servers_limit_is_not_sent",
            "tests/faults/flights::a_message_that_is_refused_in_a_flight_costs_no_other_where_all_or_none_are_stored",
            "tests/faults/flights::a_message_that_is_refused_in_a_flight_costs_and_doubles_no_other_where_those_before_it_stay",
            "tests/faults/flights::a_message_that_is_refused_where_each_waits_costs_no_other",
        ],
    ),
    (18, "INUSE, UNAVAILABLE, SERVERBUG", &[ANSWER]),
    (19, "NOPERM, READ-ONLY", &[ANSWER, VICE]),
    (20, "BAD on 8-bit headers", &[ANSWER, VICE]),
    (21, "NO on NUL", &[ANSWER, "tests/faults/answers::messages_that_can_not_be_carried_stay_and_are_listed"]),
    (
        22,
        "BYE after too many commands",
        &[
            VICE,
            LESS[0],
            LESS[1],
            LESS[2],
            "tests/faults/answers::a_server_that_leaves_when_too_much_is_asked_is_asked_for_less",
            "tests/faults/answers::a_server_that_leaves_again_and_again_is_done_with_in_bounded_time",
            "tests/exchange::no_more_messages_wait_at_a_time_than_exchange_bears",
            "tests/exchange::a_server_that_bears_less_cuts_the_line_and_has_each_message_once_all_the_same",
        ],
    ),
    (
        23,
        "a back-off time in the text",
        &[
            "tests/limits::a_pause_that_the_server_asks_for_is_kept_and_told",
            LESS[0],
            LESS[1],
            LESS[2],
            "tests/faults/connections::a_pause_that_one_connection_is_asked_for_binds_all",
            "tests/faults/connections::a_pause_that_is_asked_for_at_a_login_binds_the_connections_that_work",
        ],
    ),
    (
        24,
        "one connection only",
        &[
            "tests/faults/answers::a_second_connection_that_is_refused_is_done_without",
            LESS[0],
            LESS[1],
            LESS[2],
            "tests/faults/connections::a_connection_that_is_lost_and_refused_is_done_without_while_others_work",
            "tests/faults/connections::connections_that_are_all_lost_at_a_time_are_tried_for_until_one_is_made",
        ],
    ),
    (25, "a very slow line", &[SLOW]),
    (26, "a byte a segment", &[SLOW]),
    (27, "a late greeting, or none", &[PATIENT, "tests/faults/lines::a_server_that_never_greets_is_given_up"]),
    (28, "a stall in the literal", &[HALTS]),
    (29, "a stall before OK", &[PATIENT]),
    (
        30,
        "half-open TCP",
        &[
            HALTS,
            "tests/faults/lines::an_answer_that_never_comes_is_given_up_and_found",
            "tests/faults/lines::an_ok_that_never_comes_is_given_up_after_minutes",
        ],
    ),
    (31, "refused connections", &["tests/faults/cuts::connections_that_are_refused_after_a_loss_are_tried_again"]),
    (32, "`* NO` everywhere", &[ODD]),
    (33, "untagged data", &[ODD]),
    (34, "odd text", &[ODD]),
    (35, "wrong, double or broken tags", &["tests/faults/liars::an_answer_that_is_none_is_looked_into"]),
    (36, "endless lines, answers, literals", &[NONSENSE]),
    (37, "impossible literals", &[NONSENSE, "tests/hostile::impossible_literals_are_refused"]),
    (38, "100,000 brackets", &[NONSENSE]),
    (39, "OK and not stored", &[LIES, HOPELESS[0], HOPELESS[1], HOPELESS[2]]),
    (
        40,
        "cut short, changed, wrong APPENDUID",
        &[
            LIES,
            HOPELESS[0],
            "tests/faults/liars::a_server_that_changes_raw_bytes_in_headers_is_not_given_up",
            "tests/faults/liars::a_server_that_keeps_equal_messages_once_is_no_liar",
        ],
    ),
    (41, "stored but NO, stored twice", &[LIES]),
    (
        42,
        "hostile LIST",
        &[
            "tests/faults/liars::a_list_of_hostile_names_hides_no_folder_and_takes_no_time",
            "tests/faults/liars::a_name_that_is_none_hides_no_folder_from_a_listing",
            "tests/faults/liars::a_folder_behind_very_many_names_is_not_said_to_be_missing",
        ],
    ),
    (
        43,
        "attacks on STARTTLS",
        &[
            "tests/hostile::the_password_is_never_sent_where_starttls_fails",
            "tests/hostile::greetings_that_are_none_are_refused",
        ],
    ),
    (
        44,
        "certificates that are not to be trusted",
        &[TLS, "tests/cli::a_certificate_that_has_expired_and_a_tls_of_old_are_refused_in_words"],
    ),
    (45, "another certificate than the pinned one", &[TLS]),
    (
        46,
        "logins that are refused, at first or later; there are none by token, so none expires",
        &[
            "tests/hostile::logindisabled_is_obeyed",
            "tests/hostile::a_refused_login_is_named_in_the_servers_words_and_not_tried_twice",
            "tests/faults/answers::a_login_that_is_refused_in_the_middle_of_a_job_is_not_tried_again",
        ],
    ),
    (
        47,
        "the source changes before it is sent",
        &["tests/faults/sources::a_message_that_changes_before_it_is_read_is_carried_as_it_is_or_listed"],
    ),
    (
        48,
        "the source changes after it was sent",
        &["tests/faults/sources::a_message_that_changes_after_it_was_sent_is_not_removed"],
    ),
    (
        49,
        "a locked mbox",
        &[
            "tests/faults/locks::an_mbox_that_stays_locked_is_skipped_and_not_changed",
            "tests/faults/locks::a_lock_that_is_let_go_in_time_costs_nothing",
            "tests/faults/locks::a_wait_for_a_lock_ends_at_once_when_the_job_is_to_stop",
            "tests/faults/locks::a_wait_for_a_lock_is_shown_and_esc_ends_it",
            "tests/faults/locks::a_locked_mbox_does_not_hold_up_the_others",
            "tests/faults/locks::a_copy_out_of_a_locked_mbox_waits_for_nobody",
        ],
    ),
    (50, "a delivery into the mbox", &["tests/faults/sources::a_message_that_is_delivered_meanwhile_stays"]),
    (51, "a Maildir in use", &["tests/faults/sources::messages_that_are_read_meanwhile_are_carried_once"]),
    (
        52,
        "a read-only source",
        &["tests/faults/sources::a_move_out_of_a_read_only_file_system_is_refused_before_anything_is_sent"],
    ),
    (
        53,
        "EIO on a message",
        &["tests/faults/disk::a_message_that_can_not_be_read_is_listed_and_the_others_get_across"],
    ),
    (
        54,
        "a full disk, a failing fsync",
        &[
            "tests/faults/disk::a_disk_that_fails_stops_the_job_and_a_plain_run_completes_it",
            "tests/journal::a_full_disk_stops_the_job_before_the_next_messages_and_the_same_command_completes_it",
            "tests/journal::a_journal_that_can_not_be_made_or_is_none_ends_the_job_before_anything_is_sent",
        ],
    ),
    (55, "SIGKILL at every system call", &["tests/faults/disk::a_kill_at_any_system_call_costs_nothing"]),
    (
        56,
        "a crash at every journal record",
        &[
            "tests/faults/crash::a_crash_at_any_change_of_the_journal_costs_nothing",
            "tests/faults/crash::a_crash_at_any_change_of_the_journal_costs_nothing_where_the_server_can_do_little",
            "tests/faults/crash::a_message_of_an_mbox_is_not_taken_for_the_one_that_was_taken_out_before_it",
        ],
    ),
    (57, "a damaged journal", &["tests/faults/disk::a_journal_that_is_not_as_it_was_left_costs_nothing"]),
    (
        58,
        "the terminal goes",
        &[
            SIGNAL,
            "tests/faults/process::a_terminal_that_goes_ends_the_transfer_cleanly",
            "tests/faults/process::a_terminal_that_is_closed_ends_the_program_whatever_it_is_at",
            "tests/journeys::signals_and_a_closed_terminal_end_cleanly",
        ],
    ),
    (
        59,
        "signals, once and twice",
        &[
            SIGNAL,
            "tests/faults/process::a_run_that_waits_for_a_silent_server_can_be_ended",
            "tests/faults/reruns::a_second_signal_ends_a_run_that_connects_again_in_vain",
        ],
    ),
    (60, "stopped and continued", &["tests/faults/lines::a_process_that_was_stopped_for_a_while_goes_on"]),
    (
        61,
        "a storm of resizes",
        &[
            "tests/faults/process::a_storm_of_resizes_stops_no_transfer",
            "tests/journeys::the_screen_follows_the_terminal_at_every_size",
        ],
    ),
    (
        62,
        "outputs closed or full",
        &[
            "tests/faults/process::outputs_that_are_closed_or_full_lose_no_mail",
            "tests/faults/process::without_a_terminal_the_screen_is_refused_in_words",
            "tests/cli::output_that_nobody_reads_any_more_is_no_crash",
        ],
    ),
    (
        63,
        "two at a time",
        &[
            "tests/journal::a_second_writer_to_an_account_is_told_who_the_first_is",
            "tests/journal::a_second_move_out_of_a_store_is_told_who_is_at_the_first",
        ],
    ),
    (
        64,
        "the clock is set",
        &[
            "tests/faults/disk::a_clock_that_was_set_costs_nothing",
            "tests/faults/clock::a_clock_that_is_set_while_mail_is_carried_costs_nothing",
            "tests/faults/clock::a_clock_that_is_set_in_a_pause_makes_it_neither_shorter_nor_longer",
            "tests/faults/clock::a_clock_that_is_set_after_a_crash_does_not_end_the_wait_for_what_comes_late",
            "tests/faults/clock::a_certificate_that_is_refused_since_the_clock_is_wrong_names_the_clock",
        ],
    ),
    (
        65,
        "hostile mail",
        &[
            "tests/faults/sources::hostile_mail_is_carried_byte_for_byte",
            "tests/journeys::hostile_subjects_and_names_do_not_reach_the_terminal",
        ],
    ),
];

#[test]
fn every_row_of_the_matrix_has_tests_that_are_there() {
    for (place, (number, fault, tests)) in ROWS.iter().enumerate() {
        assert_eq!(usize::from(*number), place + 1, "{fault}");
        assert!(!tests.is_empty(), "row {number}, {fault}");
        for test in *tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = fs::read_to_string(project().join(format!("{file}.rs"))).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {name}() {{")), "row {number}, {fault}: no test {test}");
        }
    }
}
