"""What the files must say together: codes that exist, dates in order, figures that somebody is asked.

Belongs here: checks of valid models against each other, one module a file, and `check_all`, their only entry. A file
that could not be read is None: what depends on it is not checked, everything else is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from treem.plan.consistency.activities import check_plan
from treem.plan.consistency.asking import check_asking, check_form
from treem.plan.consistency.differences import check_differences
from treem.plan.consistency.figures import check_book
from treem.plan.consistency.office import check_holidays, check_mail, check_office
from treem.plan.consistency.order import check_order
from treem.plan.consistency.register import check_register
from treem.plan.problems import Found
from treem.plan.settings import Differences, Form, Holidays, IndicatorBook, Mail, Office, Plan, Register


@dataclass(frozen=True)
class Parts:
    """The files that are well formed by themselves. `forms` is by file name."""

    office: Office | None
    register: Register | None
    plan: Plan | None
    book: IndicatorBook | None
    mail: Mail | None
    holidays: Holidays | None
    differences: Differences | None  # also None where the config has no such file
    forms: Mapping[str, Form]
    all_forms: bool  # every file of forms/ is in `forms`


def check_all(parts: Parts) -> Iterator[Found]:
    """Everything that does not fit together."""
    if parts.office:
        yield from check_office(parts.office)
    if parts.register:
        yield from check_register(parts.register)
    if parts.plan:
        yield from _of_plan(parts, parts.plan)
    if parts.book:
        yield from check_book(parts.book, parts.register, parts.plan)
    if parts.mail:
        yield from check_mail(parts.mail)
    if parts.holidays:
        yield from check_holidays(parts.holidays)
    if parts.differences:
        yield from check_differences(parts.differences, parts.plan, parts.book)
    for name, form in parts.forms.items():
        yield from check_form(name, form, parts.register, parts.plan, parts.book)
    if parts.all_forms and parts.register and parts.plan and parts.book:
        yield from check_asking(parts.forms, parts.register, parts.plan, parts.book)


def _of_plan(parts: Parts, plan: Plan) -> Iterator[Found]:
    yield from check_plan(plan, parts.register, parts.holidays, parts.book)
    if parts.holidays:
        yield from check_order(plan, parts.holidays, parts.forms.values())
