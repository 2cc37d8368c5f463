"""Runs a call's checks, several at once, and hands each outcome on: as it ends, and in the order of the arguments."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from imapcheck.check.guarded_logins import GuardedLogins
from imapcheck.check.run import run_check
from imapcheck.cli.crash import crash_report
from imapcheck.cli.login_file import CallGuard
from imapcheck.cli.orders import Order
from imapcheck.definition.json_text import display_name
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import ImapcheckError
from imapcheck.output.outcome import Outcome
from imapcheck.output.screen import Screen
from imapcheck.result import CheckResult

_NAP = 0.2


def run_orders(
    orders: Sequence[Order],
    screen: Screen,
    concurrency: int,
    keep: Callable[[Outcome], None],
    guard: CallGuard | None = None,
) -> list[Outcome]:
    """Outcomes in the order of the arguments; `keep` takes each as soon as it is known.

    A KeyboardInterrupt leaves at once: checks under way are not waited for, those that wait do not begin.
    """
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="check")
    try:
        futures = [pool.submit(run_order, order, screen, guard=guard) for order in orders]
        return _collected(futures, screen, keep)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def run_order(
    order: Order,
    screen: Screen,
    *,
    renewed: Callable[[Order], Order] = lambda order: order,
    guard: CallGuard | None = None,
) -> Outcome:
    """One check. Whatever goes wrong is an outcome: one file's bug must not take the others' results along.

    `renewed` is asked for the order as it is now; a `guard` withholds logins that were refused.
    """
    try:
        order = renewed(order)
        if order.problem is not None or order.definition is None:
            return order.outcome()
        screen.started(order.check)
        return order.outcome(_run(order, order.definition, screen, guard))
    except ImapcheckError as error:
        return order.outcome(error=f"{display_name(order.file)}: {error}")
    except Exception as error:  # noqa: BLE001 - see above
        return order.outcome(error=f"{display_name(order.file)}: internal error\n{crash_report(error)}", crashed=True)


def _run(order: Order, definition: CheckDefinition, screen: Screen, guard: CallGuard | None) -> CheckResult:
    credentials, hooks = order.found.credentials if order.found is not None else None, screen.hooks(order.check)
    if guard is None or credentials is None:
        return run_check(definition, credentials, hooks=hooks, keep_transcript=screen.transcripts)
    logins = GuardedLogins(guard, definition, credentials, lambda login: guard.version_of(login.credentials))
    result = run_check(
        logins.definition,
        credentials,
        hooks=hooks,
        login_pause=logins.pause("authenticate"),
        send_pause=logins.pause("send_authenticate"),
        keep_transcript=screen.transcripts,
    )
    logins.note(result)
    return result


def _collected(futures: list[Future[Outcome]], screen: Screen, keep: Callable[[Outcome], None]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    waiting = set(futures)
    while waiting:
        # In naps: where a signal reaches another thread first, a wait without end would sleep through Ctrl-C.
        done, waiting = wait(waiting, _NAP, FIRST_COMPLETED)
        for future in done:
            keep(future.result())
            screen.ended(future.result())
        while len(outcomes) < len(futures) and futures[len(outcomes)].done():
            outcomes.append(futures[len(outcomes)].result())
            screen.result(outcomes[-1])
    return outcomes
