"""The ``reviewgraph`` command.

One module per command. A module imports nothing heavy until its command runs, so that ``--help``
answers at once. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C or SIGTERM).
"""

from __future__ import annotations

from pipelines import loading

with loading.ToldWhileLoading():
    import atexit
    import contextlib
    import gc
    import logging
    import os
    import sys
    import warnings

    import typer

    from pipelines import interrupts
    from pipelines.cli import (
        audit_commands,
        backfill_command,
        demo_command,
        discover_commands,
        doctor_command,
        domain_commands,
        erase_command,
        evaluate_command,
        flag_commands,
        generate_command,
        import_command,
        invite_command,
        key_commands,
        mail_commands,
        openapi_command,
        server_commands,
        session_commands,
        status_command,
        tenant_commands,
        tenant_state_commands,
        train_command,
        up_command,
        user_commands,
    )
    from resources.home import keep_private

# Python looks for garbage after every 700 new objects, which is a sixth of the time of an import.
_OBJECTS_BETWEEN_COLLECTIONS = (100_000, 20, 20)

app = typer.Typer(
    name="reviewgraph",
    help="Turns what customers write about a business into numbers, reports and alerts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo_command.demo)
app.command("up")(up_command.up)
app.command("import")(import_command.import_reviews)
app.command("backfill")(backfill_command.backfill)
app.command("status")(status_command.status)
app.command("doctor")(doctor_command.doctor)
app.command("evaluate")(evaluate_command.evaluate)
app.command("erase")(erase_command.erase)
app.command("train")(train_command.train)
app.command("generate")(generate_command.generate)
app.command("api")(server_commands.api)
app.command("sandbox")(server_commands.sandbox)
app.command("worker")(server_commands.worker)
app.command("openapi")(openapi_command.openapi)
app.add_typer(discover_commands.app, name="discover")
tenant_state_commands.add_to(tenant_commands.app)
app.add_typer(tenant_commands.app, name="tenant")
user_commands.app.command("invite")(invite_command.invite)
app.add_typer(user_commands.app, name="user")
app.add_typer(domain_commands.app, name="domain")
app.add_typer(key_commands.app, name="keys")
app.add_typer(session_commands.app, name="sessions")
app.add_typer(flag_commands.app, name="flag")
app.add_typer(mail_commands.app, name="mail")
app.add_typer(audit_commands.app, name="audit")


def main() -> None:
    """Run the command line; say what went wrong in one sentence where a user can mend it."""
    keep_private()
    # What libraries warn their own developers of is not for the people who read this output.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
    gc.set_threshold(*_OBJECTS_BETWEEN_COLLECTIONS)
    # A root logger with a handler of its own keeps libraries from printing through a default one.
    logging.getLogger().addHandler(logging.NullHandler())
    exit_codes: list[int] = []
    atexit.register(_leave, exit_codes)  # registered first, therefore called last
    exit_codes.append(_run())
    sys.exit(exit_codes[-1])


def _run() -> int:
    """Run the command that the arguments name and return its exit code."""
    interrupts.end_on_first_signal()
    try:
        app()
    except SystemExit as error:
        if error.code == interrupts.INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            return _say_interrupted()
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        return _say_interrupted()
    except Exception as error:  # noqa: BLE001 - the last line of defence of a program
        from pipelines.cli.explaining import explain

        return explain(error)
    return 0


def _say_interrupted() -> int:
    """Say that the command was interrupted and return the exit code."""
    from pipelines.cli import console

    console.err().print(interrupts.SENTENCE)
    return interrupts.INTERRUPTED


def _leave(exit_codes: list[int]) -> None:
    """End the process now that all who registered for its end have had their turn.

    Python would take every object apart first, which takes up to a second after a run, for memory
    that the operating system frees anyway.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(exit_codes[-1] if exit_codes else 1)
