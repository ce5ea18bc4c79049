"""Why each statement of the notebook of welcome is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_LEAKS = "tests/service/test_kernel.py::test_a_shutdown_leaves_no_process"
_AGAIN = "tests/service/test_kernel.py::test_running_the_first_cell_again_keeps_the_lab"
_RESTART = "tests/service/test_kernel.py::test_a_restart_ends_the_lab_and_the_first_cell_starts_another"
_PROGRESS = "tests/service/test_lab_teaching.py::test_progress_survives_a_reset_and_a_new_lab"
_LOCKED = "tests/unit/test_teaching.py::test_a_prediction_is_kept_can_be_changed_and_is_locked_by_the_run"
_DOTS = "tests/browser/test_flow.py::test_a_dot_is_where_the_events_of_its_call_put_it"
_LIVE = "tests/browser/test_live_flow.py::test_dots_move_and_the_gauge_counts_while_a_cell_blocks"
_SHUFFLED = "tests/unit/test_teaching.py::test_options_are_shuffled_for_each_learner_and_stay_so"
_REPLIES = "tests/unit/test_teaching.py::test_every_option_has_a_reply_of_its_own_and_one_is_right"
_HINTS = "tests/unit/test_teaching.py::test_hints_come_one_after_the_other_and_are_counted"
_PLACES = "tests/unit/test_teaching.py::test_progress_goes_to_another_machine_and_is_added_there"
_FRESH = "tests/unit/test_notebook_copies.py::test_fresh_copies_keep_every_version_of_the_learner_s"
_WORKER_LOG = "tests/service/test_queue_worker.py::test_the_log_has_the_lines_of_openfaas"
_STORED = "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed"
_ONE_BY_ONE = r"(?s)^ONE after 0\.\d s.*^TWO after (0\.[6-9]|1\.\d) s.*^THREE after (1\.[6-9]|2\.\d) s"
"""Each call waited until the one before it was done."""
_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go"


def _one_second(outputs: Outputs) -> bool:
    return 1 <= outputs.seconds("first", "'HELLO', after ") < 2


PROOFS = Proofs(
    (
        HeldByTest(
            "The box says that its programs are ready",
            "tests/service/test_saved_notebook.py::test_nothing_secret_is_saved_with_a_notebook",
        ),
        HeldByTest("Every call will be a dot on it", _DOTS),
        HeldByTest("takes calls from the queue and brings them to the function", _WORKER_LOG),
        HeldByTest(
            "At first all numbers are 0, because nobody has called anything",
            "tests/browser/test_live_script.py::test_a_reset_drops_the_calls_of_before",
        ),
        HeldByTest("it moves while you work in the cells below", _LIVE),
        Shown("the gateway, the queue-worker, the **inspector**", "status", "(?s)nats-server.*gateway.*insp"),
        HeldByTest("All of them end with the lab", _LEAKS),
        Shown("It checks versions, JupyterLab and ports", "doctor", r"(?s)ok +labkit.*jupyterlab.*port 8080"),
        HeldByTest(
            "a port that is *in use* is well, too",
            "tests/service/test_lifecycle_start.py::test_other_ports_are_used_if_the_preferred_ones_are_taken",
        ),
        HeldByTest(
            "`BAD` comes with what to do",
            "tests/service/test_cli.py::test_doctor_fails_if_a_lab_could_not_start",
        ),
        HeldByTest(
            "In JupyterLab you see three things at once",
            "tests/browser/test_learner_workspace.py"
            "::test_the_first_view_has_three_panes_and_a_run_leaves_the_clone_clean",
        ),
        HeldByTest(
            "a terminal in which commands such as `labkit` work",
            "tests/browser/test_jupyterlab.py::test_the_commands_of_the_lab_text_typed_into_jupyterlabs_terminal",
        ),
        HeldByTest(
            "The first line makes a function named `shout` of the rest",
            "tests/service/test_function_cells.py::test_a_cell_becomes_a_function_that_faas_cli_can_go_on_with",
        ),
        Shown("returns in capitals what it was sent", "first", "status 200, 'HELLO'"),
        Computed("The cell did not end before", ("first",), _one_second),
        HeldByTest("From here on your prediction is locked", _LOCKED),
        Shown("Status 200 is HTTP's number for success", "first", "status 200"),
        HeldByTest(
            "The hatched strip is you, waiting",
            "tests/unit/test_plots.py::test_bars_match_the_spans",
        ),
        Shown("three calls of one second take three seconds", "three", r"the caller waited 3\.\d+ s"),
        HeldByTest(
            "The dashed line is your prediction",
            "tests/service/test_lab_teaching.py::test_a_prediction_is_locked_by_its_run_and_drawn_into_the_plot",
        ),
        HeldByTest(
            "*How* you wrote the code does not matter to it",
            "tests/course/test_exercises.py::test_every_exercise_in_three_ways",
        ),
        HeldByTest("There are three for every exercise", _HINTS),
        HeldByTest("They are counted", _HINTS),
        Shown("answers at once with `202 Accepted`", "receipts", "CallHandle.'shout', 202 Accepted."),
        Computed(
            "the cell ended before the first word was in capitals",
            ("receipts",),
            lambda outputs: outputs.seconds("receipts", "three receipts after ") < 0.9,
        ),
        Shown("the worker takes one call at a time", "results", _ONE_BY_ONE),
        Shown("does not mean that the calls run side by side", "results", _ONE_BY_ONE),
        Shown("A receipt is no output", "receipts", "202 Accepted"),
        Shown("you can ask for it with the receipt", "results", "(?s)^ONE .*^TWO .*^THREE "),
        Shown("`result()` waits, if it must", "results", "^THREE after"),
        Shown("each word waited there until the one before it was done", "results", _ONE_BY_ONE),
        Sourced(
            "This lab keeps the output for an hour",
            "services/labkit_services/jetstream/retention.py: RESULTS",
        ),
        Sourced("drops the output of an asynchronous call unless the call names a callback", _CE_WORKER),
        HeldByTest("A wrong one tells you what is wrong with it", _REPLIES),
        HeldByTest("The order of the answers is not the same for everybody", _SHUFFLED),
        HeldByTest("Stored, and no more: the worker runs it later", _STORED),
        Shown("The 202 came before the function began", "check-record", "yes all three were stored before"),
        Shown(
            "You had three receipts when the first word", "check-record", "yes all three were stored before"
        ),
        Shown("`result()` fetched it afterwards", "results", "^THREE after"),
        Computed("The function takes its second for each call", ("first",), _one_second),
        Shown("the worker takes one call after the other", "check-record", "yes one call at a time"),
        HeldByTest("The kernel has only forgotten the name `lab`", _RESTART),
        HeldByTest("your progress is in that folder", _PROGRESS),
        HeldByTest("A kernel that was restarted damages nothing there", _RESTART),
        HeldByTest("a fresh copy says the same until its first code cell has run", _RESTART),
        HeldByTest("It starts a lab, or finds the one that runs", _AGAIN),
        HeldByTest("What you have passed is kept in a file", _PROGRESS),
        HeldByTest("`lab.reset()` does not touch it", _PROGRESS),
        Shown("The line below the table", "progress", "labkit-progress v1"),
        HeldByTest(
            "In the table, ✓ is an exercise that you have passed",
            "tests/unit/test_teaching.py::test_the_report_names_the_next_exercise",
        ),
        HeldByTest("run the first code cell again; your progress stays", _PROGRESS),
        HeldByTest("your version is kept beside it under another name", _FRESH),
        HeldByTest("`lab.progress().export()` here", _PLACES),
        HeldByTest(
            "If the lab can't do what a cell asks, the cell shows a box",
            "tests/service/test_error_boxes.py::test_an_error_is_a_headline_and_a_box",
        ),
        Computed("A synchronous call keeps you waiting", ("first",), _one_second),
        Shown("You get a receipt, `202 Accepted`, at once", "receipts", "202 Accepted"),
        HeldByTest("The first code cell brings the lab back from any mess", _AGAIN),
    ),
    plain=(
        "**gateway**: the one address",
        "**queue**: where calls are stored",
        "It is the subject of notebook 3",
        "Most calls end at *done*",
        "Look at *state* only",
        "Read the first column only",
        "You need not read its code",
        "Sometimes you have no time",
        "Here is the map again",
        "Notebook 3 is about that",
        "A receipt can't hold",
        "Nothing of the installation is gone",
        "| You want | Do |",
        "Read the last line first",
        "Predict before you run",
        "Next: [1",
    ),
)
