"""What a body's workbook says, judged against the form it was asked to fill in.

Belongs here: every decision about a reading, as values and findings. Pure: no files, no clock. Nothing is guessed and
nothing is put right silently; what cannot be understood gets a finding and no value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from treem.forms.catalogue import FoundFinding, finding
from treem.forms.encoding import looks_misencoded
from treem.forms.layout import COLUMNS, HEADINGS, REPLY_SHEET
from treem.forms.numbers import Understood, ValueKind, number_text, read_number, read_yes_no
from treem.forms.read import RawCell, RawText, Reading, Reply
from treem.forms.scoring import Verdict, score
from treem.plan.settings import Figure, Form, Settings


@dataclass(frozen=True)
class CheckedValue:
    """A figure as filed. Yes/no: 1 is Có, 0 is Không."""

    figure: str
    column: str
    kind: ValueKind
    number: Decimal | None
    sheet: str
    cell: str


@dataclass(frozen=True)
class Checked:
    """The outcome for one workbook. `notes` are the remarks beside figures (their `section` is the figure's code)."""

    values: tuple[CheckedValue, ...]
    narratives: tuple[RawText, ...]
    findings: tuple[FoundFinding, ...]
    blank: bool
    complete: bool
    notes: tuple[RawText, ...] = ()
    replies: tuple[Reply, ...] = ()  # the body's words on our list, also about what is asked elsewhere

    @property
    def valid(self) -> bool:
        """Whether nothing stands against taking the figures over."""
        return not any(found.severity == "error" for found in self.findings)


def check(
    form: Form,
    settings: Settings,
    reading: Reading,
    *,
    expected_token: str | None = None,
    expected_form: str | None = None,
    expected_body: str | None = None,
) -> Checked:
    """Judge a reading. The expected token, form code and body code are compared where the caller gives them."""
    if reading.kind != "form":
        return Checked((), (), (finding(reading.problem or "not_a_form"),), blank=False, complete=False)
    blank = not _has_content(form, reading)
    wrong = list(_wrong_form(form, reading, expected_form or form.code))
    if wrong:  # judging its rows against another form would only bury this
        return Checked((), (), tuple(wrong), blank, complete=False)
    table = _Table(form, settings, reading, expected_body or reading.body_code)
    table.judge(blank)
    findings = (
        *_marks(reading, expected_token, expected_body),
        *_layout(reading),
        *table.findings,
        *_texts(form, reading),
    )
    return Checked(
        tuple(table.values),
        tuple(_narratives(form, reading)),
        tuple(_justified(findings, reading)),
        blank,
        table.complete(),
        _filled(reading.notes),
        reading.replies,
    )


def _has_content(form: Form, reading: Reading) -> bool:
    asked = set(form.figures)
    return any(_says_something(c) for c in reading.cells if c.figure in asked) or any(
        entry.text for entry in (*reading.narratives, *reading.notes)
    )


def _says_something(cell: RawCell) -> bool:
    return cell.raw is not None or cell.is_error or cell.is_uncalculated


def _filled(texts: Iterable[RawText]) -> tuple[RawText, ...]:
    return tuple(entry for entry in texts if entry.text)


# ---- the workbook as a whole


def _wrong_form(form: Form, reading: Reading, expected: str) -> Iterator[FoundFinding]:
    if reading.form_code and reading.form_code.upper() != expected.upper():
        yield finding("wrong_form", found=reading.form_code, expected=expected)
    elif reading.form_version is not None and reading.form_version != form.version:
        yield finding("wrong_version", found=reading.form_version, expected=form.version)
    elif not {row.figure for row in reading.rows} & set(form.figures) and not {
        entry.section for entry in reading.narratives
    } & _sections(form):
        yield finding("not_a_form")


def _marks(reading: Reading, token: str | None, body: str | None) -> Iterator[FoundFinding]:
    if not (reading.token and reading.form_code):
        yield finding("no_marker")
    if token and reading.token and reading.token.casefold() != token.casefold():
        yield finding("wrong_token", found=reading.token, expected=token)
    if body and reading.body_code and reading.body_code.casefold() != body.casefold():
        yield finding("wrong_body", found=reading.body_code, expected=body)


def _layout(reading: Reading) -> Iterator[FoundFinding]:
    for notice in reading.notices:
        shown, _, hidden = notice.raw.partition("|")
        yield finding(notice.rule, notice.sheet, notice.cell, raw=notice.raw, shown=shown, hidden=hidden)


def _justified(findings: Iterable[FoundFinding], reading: Reading) -> Iterator[FoundFinding]:
    """Warnings with the body's own words beside them. An error is never explained away."""
    said = {(reply.rule, reply.sheet, reply.cell): reply.text for reply in reading.replies}
    for found in findings:
        words = said.get((found.rule, found.sheet, found.cell)) if found.severity == "warning" else None
        yield replace(found, justification=words) if words else found


# ---- texts


def _sections(form: Form) -> set[str]:
    return {*form.duties, *(closing.key for closing in form.closings)}


def _narratives(form: Form, reading: Reading) -> Iterator[RawText]:
    """One text a section: the first that says something; a second one is a finding."""
    seen: set[str] = set()
    for entry in _filled(reading.narratives):
        if entry.section in _sections(form) and entry.section not in seen:
            seen.add(entry.section)
            yield entry


def _texts(form: Form, reading: Reading) -> Iterator[FoundFinding]:
    asked, seen = _sections(form), set[str]()
    for entry in _filled(reading.narratives):
        if entry.section not in asked:
            yield finding("unknown_section", entry.sheet, entry.cell, code=entry.section)
        elif entry.section in seen:
            yield finding("duplicate_section", entry.sheet, entry.cell, code=entry.section)
        seen.add(entry.section)
    for entry in (*reading.narratives, *reading.notes):
        if looks_misencoded(entry.text):
            yield finding("broken_encoding", entry.sheet, entry.cell, raw=entry.text)
    for reply in reading.replies:
        if looks_misencoded(reply.text):
            yield finding("broken_encoding", REPLY_SHEET, raw=reply.text)


# ---- figures


@dataclass
class _Row:
    """One row with a figure code."""

    sheet: str
    code_cell: str
    cells: dict[str, RawCell] = field(default_factory=dict)

    @property
    def filled(self) -> bool:
        return any(map(_says_something, self.cells.values()))


class _Table:
    """The figures of one workbook being judged: values and findings are collected in the order of the form."""

    def __init__(self, form: Form, settings: Settings, reading: Reading, body: str | None = None) -> None:
        self.form = form
        self.body = body
        self.settings = settings
        book = settings.figures()
        self.figures = {code: book[code] for code in form.figures}
        self.rows = _rows(reading)
        self.no_heading = any(notice.rule == "no_heading" for notice in reading.notices)
        self.values: list[CheckedValue] = []
        self.numbers: dict[tuple[str, str], CheckedValue] = {}
        self.findings: list[FoundFinding] = []

    def judge(self, blank: bool) -> None:
        """Judge every row; a blank form is not told about each of its blank cells."""
        self._unknown_rows()
        chosen = self._choose_rows()
        self._missing_columns(chosen)
        for code, row in chosen.items():
            self._judge_row(self.figures[code], row)
        for figure in self.figures.values():
            self._parts(figure)
        self._inequalities()
        self._sums()
        self._verdicts()
        if not blank:
            self._blank_totals()

    def complete(self) -> bool:
        """Whether every figure has its total, or says that it does not apply."""
        answered = {(v.figure, v.column) for v in self.values if v.kind != "blank"}
        return all((figure.code, figure.columns[0]) in answered for figure in self.figures.values())

    def _add(self, rule: str, at: CheckedValue | RawCell, **facts: object) -> None:
        self.findings.append(finding(rule, at.sheet, at.cell, **facts))

    def _unknown_rows(self) -> None:
        for code, rows in self.rows.items():
            if code not in self.figures:
                self.findings += [finding("unknown_code", row.sheet, row.code_cell, code=code) for row in rows]

    def _choose_rows(self) -> dict[str, _Row]:
        """The row of each figure. Of several rows with figures none is chosen."""
        chosen: dict[str, _Row] = {}
        doubled: dict[tuple[str, str], None] = {}
        for code, figure in self.figures.items():
            rows = self.rows.get(code, [])
            filled = [row for row in rows if row.filled]
            if not rows:
                self.findings.append(finding("missing_row", code=code, label=figure.label))
            elif len(filled) < 2:
                chosen[code] = (filled or rows)[0]
            else:
                doubled |= dict.fromkeys(
                    (filled[0].sheet, row.sheet) for row in filled[1:] if row.sheet != filled[0].sheet
                )
                self._same_sheet_twice(code, filled)
        self.findings += [
            finding("repeated_sheet", second, sheet_name=second, other=first) for first, second in doubled
        ]
        return chosen

    def _same_sheet_twice(self, code: str, filled: Sequence[_Row]) -> None:
        for place, row in enumerate(filled):
            earlier = next((other for other in filled[:place] if other.sheet == row.sheet), None)
            if earlier is not None:
                self.findings.append(
                    finding("duplicate_row", row.sheet, row.code_cell, code=code, other=earlier.code_cell)
                )

    def _missing_columns(self, chosen: Mapping[str, _Row]) -> None:
        """Once a sheet and column, not once a row."""
        missing = {
            (row.sheet, column): None
            for code, row in chosen.items()
            for column in self.figures[code].columns
            if column not in row.cells and not self.no_heading
        }
        self.findings += [
            finding("missing_column", sheet, sheet_name=sheet, column=HEADINGS[column]) for sheet, column in missing
        ]

    def _judge_row(self, figure: Figure, row: _Row) -> None:
        for column in COLUMNS:
            cell = row.cells.get(column)
            if cell is None:
                continue
            if column in figure.columns:
                self._judge_cell(figure, cell)
            elif _says_something(cell):
                self._add("unexpected_value", cell, raw=_shown(cell), **_at(figure, cell))

    def _judge_cell(self, figure: Figure, cell: RawCell) -> None:
        said = _understand(figure, cell)
        if said.rule:
            number = number_text(said.number) if said.number is not None else ""
            self._add(said.rule, cell, raw=_shown(cell), unit=figure.unit, number=number, **_at(figure, cell))
        if said.kind is not None:
            value = CheckedValue(cell.figure, cell.column, said.kind, said.number, cell.sheet, cell.cell)
            self.values.append(value)
            if said.kind == "number":
                self.numbers[cell.figure, cell.column] = value

    def _blank_totals(self) -> None:
        for value in self.values:
            figure = self.figures[value.figure]
            if value.kind == "blank" and value.column == figure.columns[0]:
                self._add("blank_total", value, label=figure.label, **_at(figure, value))

    def _number(self, code: str, column: str) -> CheckedValue | None:
        return self.numbers.get((code, column))

    def _parts(self, figure: Figure) -> None:
        total, male, female, minority = (self._number(figure.code, column) for column in COLUMNS)
        if total is None:
            return
        if male is not None and female is not None:
            self._sum(figure, total, male, female)
        else:
            for part in filter(None, (male, female)):
                if _of(part) > _of(total):
                    facts = {"part": _text(part), "total": _text(total)}
                    self._add("part_over_total", part, **facts, **_at(figure, part))
        if minority is not None and _of(minority) > _of(total):
            self._add("minority_over_total", minority, figure=figure.code, part=_text(minority), total=_text(total))

    def _sum(self, figure: Figure, total: CheckedValue, male: CheckedValue, female: CheckedValue) -> None:
        both = _of(male) + _of(female)
        if both != _of(total):
            facts = {"male": _text(male), "female": _text(female), "sum": number_text(both), "total": _text(total)}
            self._add("sum_mismatch", total, figure=figure.code, **facts)

    def _inequalities(self) -> None:
        for rule in self.settings.book.inequalities:
            if rule.smaller in self.figures and rule.larger in self.figures:
                self._inequality(self.figures[rule.smaller], self.figures[rule.larger])

    def _inequality(self, smaller: Figure, larger: Figure) -> None:
        """Columns are compared one by one; a total that breaks the rule speaks for its parts."""
        for column in COLUMNS:
            small, large = self._number(smaller.code, column), self._number(larger.code, column)
            if small is None or large is None or _of(small) <= _of(large):
                continue
            self._add(
                "inequality",
                small,
                smaller=smaller.code,
                larger=larger.code,
                column=HEADINGS[column],
                small=_text(small),
                large=_text(large),
                smaller_label=smaller.label,
                larger_label=larger.label,
            )
            if column == "total":
                return

    def _sums(self) -> None:
        """A total is compared with its parts once all of them are known."""
        for rule in self.settings.book.sums:
            total = self._number(rule.total, "total")
            parts = [self._number(code, "total") for code in rule.parts]
            if total is None or None in parts:
                continue
            added = sum((_of(part) for part in parts if part), Decimal(0))
            if added != _of(total):
                facts = {"parts": f"{rule.parts[0]} … {rule.parts[-1]}", "sum": number_text(added)}
                self._add("parts_mismatch", total, figure=rule.total, total=_text(total), **facts)

    def _verdicts(self) -> None:
        """Có or Không, compared with what the scores say; "Có" also where only the total is asked."""
        for rule in self.settings.book.thresholds:
            said, total = self._number(rule.verdict, "total"), self._number(rule.total, "total")
            if said is None:
                continue
            if set(rule.parts) <= self.figures.keys():
                known = {code: _of(value) for code in rule.parts if (value := self._number(code, "total")) is not None}
                outcome = score(rule, known, self.form.group, self.body)
                agrees = outcome.passed == bool(_of(said))
            elif total is not None:
                outcome = Verdict(_of(total), (), (), rule.needed(self.form.group, self.body))
                agrees = outcome.reached or not _of(said)
            else:
                continue
            if not agrees:
                found, why = "Có" if _of(said) else "Không", "; ".join(outcome.reasons)
                self._add("verdict_mismatch", said, figure=rule.verdict, said=found, why=why, needed=outcome.needed)


def _rows(reading: Reading) -> dict[str, list[_Row]]:
    """The rows of every code, in the order found, each with its cells."""
    found: dict[tuple[str, str, str], _Row] = {}
    for row in reading.rows:
        found[row.figure, row.sheet, _line(row.cell)] = _Row(row.sheet, row.cell)
    for cell in reading.cells:
        at = found.get((cell.figure, cell.sheet, _line(cell.cell)))
        if at is not None:
            at.cells[cell.column] = cell
    by_code: dict[str, list[_Row]] = {}
    for (code, _, _), collected in found.items():
        by_code.setdefault(code, []).append(collected)
    return by_code


def _line(cell: str) -> str:
    """The row of a cell's name."""
    return cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _understand(figure: Figure, cell: RawCell) -> Understood:
    if cell.is_error:
        return Understood(None, rule="error_value")
    if cell.is_uncalculated:
        return Understood(None, rule="uncalculated")
    if cell.is_date:
        return Understood(None, rule="date_value")
    if figure.type == "yes_no":
        return read_yes_no(cell.raw)
    return read_number(cell.raw, whole=figure.type == "count", unit=figure.unit)


def _at(figure: Figure, cell: RawCell | CheckedValue) -> dict[str, str]:
    return {"figure": figure.code, "column": HEADINGS[cell.column]}


def _shown(cell: RawCell) -> str:
    if isinstance(cell.raw, str) or cell.raw is None:
        return cell.raw or ""
    return number_text(Decimal(repr(cell.raw)))


def _of(value: CheckedValue) -> Decimal:
    assert value.number is not None
    return value.number


def _text(value: CheckedValue) -> str:
    return number_text(_of(value))
