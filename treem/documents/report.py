"""The district report as a Word document: the office's template (templates/documents) filled with the sections.

Belongs here: the template's values, its rendering, and errors of a broken template said so that the office can mend it.
What is said in which section is decided in `sections` and `figures`. This is an outward document: no sensitive figure
of a single body stands in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import SandboxedEnvironment

from treem.district.merge import District
from treem.documents import figures as words
from treem.documents import sections
from treem.documents.dates import blank_date, document_number, number_text, official_date, short_date
from treem.documents.figures import Merged
from treem.documents.package import EPOCH, normalised
from treem.documents.template_source import BY_COMMUNE
from treem.ledger.queries import FilingRow, NarrativeRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Column, Settings

TEMPLATES = Path(__file__).parents[2] / "templates" / "documents"
TAG = re.compile(r"{%.*?%}|{{.*?}}")
BROKEN_TAG = re.compile(r"{[{%].*|.*[}%]}")
EMPTY = "…"


class TemplateError(Exception):
    """A Word template cannot be used: which tag is wrong, and the paragraph it stands in."""

    def __init__(self, template: str, tag: str, paragraph: str, reason: str) -> None:
        self.template, self.tag, self.paragraph, self.reason = template, tag, paragraph, reason
        where = f" Thẻ: “{tag}”. Đoạn văn: “{paragraph}”." if tag or paragraph else ""
        super().__init__(f"Mẫu Word {template} bị lỗi: {reason}.{where} Hãy mở mẫu trong Word và sửa lại thẻ này.")


@dataclass(frozen=True)
class FigureRow:
    """A row of Phụ lục I, or of Phụ lục II with one cell a commune."""

    order: str
    label: str
    unit: str
    total: str
    male: str = ""
    female: str = ""
    minority: str = ""
    coverage: str = ""
    note: str = ""
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class FigureGroup:
    """The rows of one section of the report in Phụ lục I."""

    title: str
    rows: tuple[FigureRow, ...]


def write_report(
    district: District,
    settings: Settings,
    plan: RoundPlan,
    filing: Sequence[FilingRow],
    narratives: Sequence[NarrativeRow],
    *,
    number: str = "",
    signed_on: date | None = None,
    draft: bool = True,
    templates: Path = TEMPLATES,
) -> bytes:
    """The report as a .docx. The same input gives the same bytes. Raises TemplateError when the template is broken.

    Number and date are given by the records clerk after signing (Nghị định 30/2020, Điều 14–15): a draft leaves both
    blank whatever is passed.
    """
    context = {
        **_head(settings, plan, "" if draft else number, None if draft else signed_on, draft=draft),
        **_opening(settings, plan, filing),
        **_body(words.merged_figures(district, settings), settings, plan, narratives),
        **_annexes(district, settings, plan, filing),
    }
    return _render(templates / f"{plan.collection.document}.docx", context)


def _head(settings: Settings, plan: RoundPlan, number: str, signed_on: date | None, *, draft: bool) -> dict[str, Any]:
    office, signatory = settings.office, settings.office.report_signatory
    day = official_date(signed_on) if signed_on else blank_date(plan.year)
    shown = document_number(number) or " " * 6
    return {
        "draft": draft,
        "issuer": office.report_issuer,
        "issuer_name": _issuer_name(settings),
        "number_line": f"Số: {shown}/{office.report_symbol}",
        "place_date": f"{office.place}, {day}",
        "subject": _subject(settings, plan),
        "recipients": _list_lines(office.report_recipients),
        "copies": _list_lines(office.report_copies),
        "signing": [line for line in (signatory.authority, signatory.capacity, signatory.position) if line],
        "signer": signatory.name,
        "annex_reference": f"(Kèm theo Báo cáo số {shown}/{office.report_symbol} {day} của {_issuer_name(settings)})",
    }


def _issuer_name(settings: Settings) -> str:
    committee = f"Ủy ban nhân dân {settings.office.district}"
    return committee if " ".join(settings.office.report_issuer) == committee.upper() else settings.office.name


def _subject(settings: Settings, plan: RoundPlan) -> str:
    """The trích yếu: what the plan does, as a result, and the period."""
    deed = re.sub(r"^kế hoạch\s+", "", settings.plan.title.strip().rstrip("."), flags=re.IGNORECASE)
    return f"Kết quả {deed[:1].lower()}{deed[1:]}, {_period_title(plan)}"


def _period_title(plan: RoundPlan) -> str:
    return plan.collection.period_title.format(year=plan.year).replace(f" năm {plan.year}", f" năm\u00a0{plan.year}")


def _period_text(plan: RoundPlan) -> str:
    mark = " (số ước thực hiện)" if plan.is_estimate else ""
    return f"từ {_day(plan.period_start)} đến hết {_day(plan.period_end)}{mark}"


def _day(day: date) -> str:
    return f"ngày {short_date(day)}"


def _list_lines(lines: Sequence[str]) -> list[str]:
    """Addressees: each line ends in a semicolon, the last in a full stop (Phụ lục I, mục II.9)."""
    bare = [re.sub(r"^-\s*|[;.,/\s]+$", "", line) for line in lines]
    return [f"{line};" for line in bare[:-1]] + [f"{line}." for line in bare[-1:]]


def _opening(settings: Settings, plan: RoundPlan, filing: Sequence[FilingRow]) -> dict[str, Any]:
    accepted = [row for row in filing if row.state == "accepted"]
    return {
        "plan_reference": _plan_reference(settings),
        "period_title": _period_title(plan),
        "period_text": _period_text(plan),
        "asked": len(filing),
        "filed": len(accepted),
        "on_time": sum(1 for row in accepted if row.on_time),
        "without_figures": sections.without_figures(plan, filing, settings),
    }


def _plan_reference(settings: Settings) -> str:
    """The plan by number and date; its title alone while the office has not entered them."""
    plan, committee = settings.plan, f"Ủy ban nhân dân {settings.office.district}"
    deed = re.sub(r"^kế hoạch\s+", "", plan.title.strip().rstrip("."), flags=re.IGNORECASE)
    number = f" số {plan.number}" if plan.number else ""
    day = f" {official_date(plan.signed_on)}" if plan.signed_on else ""
    return f"Kế hoạch{number}{day} của {committee} về {deed[:1].lower()}{deed[1:]}"


def _body(
    merged: Sequence[Merged], settings: Settings, plan: RoundPlan, narratives: Sequence[NarrativeRow]
) -> dict[str, Any]:
    def section(key: str) -> sections.Section:
        return sections.section(key, merged, settings, plan, narratives)

    def closing(part: str) -> tuple[sections.Answer, ...]:
        return sections.closings(part, settings, plan, narratives)

    return {
        "situation": section("I"),
        "direction": section("II"),
        "results": [section(key) for key in sections.RESULTS],
        "assessment": closing("IV"),
        "directions": closing("V"),
        "proposals": closing("VI"),
    }


def _annexes(district: District, settings: Settings, plan: RoundPlan, filing: Sequence[FilingRow]) -> dict[str, Any]:
    merged = words.merged_figures(district, settings)
    communes = [body for body in plan.bodies if body.kind == "commune"]
    bound = plan.legal_due + timedelta(days=1)
    return {
        "district_rows": list(_district_groups(merged)),
        "communes": [words.commune_heading(body.name) for body in communes],
        "commune_rows": _commune_rows(merged, district, [body.code for body in communes]),
        "legend": words.CELL_LEGEND,
        "filing_rows": sections.filing_lines(plan, filing, settings),
        "due_text": f"trước {_day(bound)} (ngày làm việc cuối cùng: {_day(plan.due)})",
    }


def _district_groups(merged: Sequence[Merged]) -> Iterator[FigureGroup]:
    titles = {"I": "Đặc điểm tình hình", **sections.RESULTS}
    order = {m.figure.code: str(n) for n, m in enumerate((m for key in titles for m in merged if _in(m, key)), start=1)}
    for key, title in titles.items():
        rows = tuple(_district_row(order[m.figure.code], m) for m in merged if _in(m, key))
        if rows:
            yield FigureGroup(title, rows)


def _in(merged: Merged, section: str) -> bool:
    return merged.indicator.section == section


def _district_row(order: str, merged: Merged) -> FigureRow:
    parts = [f"Chưa có: {', '.join(merged.coverage.missing)}"] if merged.coverage.missing else []
    if merged.coverage.asked == merged.coverage.reporting == 1:
        parts.append(f"Nguồn: {merged.coverage.names[0]}")
    if merged.coverage.not_applicable:
        parts.append(f"Không áp dụng: {', '.join(merged.coverage.not_applicable)}")
    parts += [text[:1].upper() + text[1:] for text in words.outward_checks(merged)]
    return FigureRow(
        order,
        merged.figure.label,
        merged.figure.unit,
        _outward_cell(merged, "total"),
        _outward_cell(merged, "male"),
        _outward_cell(merged, "female"),
        _outward_cell(merged, "minority"),
        merged.coverage.ratio,
        "; ".join(parts),
    )


def _outward_cell(merged: Merged, column: Column) -> str:
    if column == "total" and merged.withheld:
        return words.WITHHELD
    if column == "total" and merged.figure.merge == "none":
        return "không cộng"
    if column not in merged.outward_columns:
        return ""
    number = merged.numbers.get(column)
    return EMPTY if number is None else number_text(number)


def _commune_rows(merged: Sequence[Merged], district: District, communes: Sequence[str]) -> list[FigureRow]:
    """The communes' own figures, without the sensitive ones: a small cell of a commune can name a child."""
    rows = words.commune_rows(district, [m for m in merged if not m.indicator.sensitive], communes)
    return [
        FigureRow(
            str(order),
            row.merged.figure.label,
            row.merged.figure.unit,
            row.total_text,
            cells=tuple(words.cell_text(*cell) if cell else "" for cell in row.cells),
        )
        for order, row in enumerate((r for r in rows if r.column == "total"), start=1)
    ]


def _render(path: Path, context: dict[str, Any]) -> bytes:
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    try:
        template = DocxTemplate(path)
        template.init_docx()
    except Exception as error:  # python-docx lets out whatever zip and XML parsing raise
        raise TemplateError(path.name, "", "", "không mở được, tệp thiếu hoặc không phải .docx") from error
    _demand_whole_tags(path)
    try:
        template.render(context, environment, autoescape=True)
    except JinjaError as error:
        raise _explained(path, environment, error) from error
    _set_commune_widths(template.docx)
    properties = template.docx.core_properties
    properties.last_modified_by, properties.revision = "", 1
    saved = BytesIO()
    template.docx.save(saved)
    return normalised(saved.getvalue(), EPOCH)


def _demand_whole_tags(path: Path) -> None:
    """A tag opened and not closed in its paragraph would swallow text up to the next tag without any error."""
    for text in _paragraphs(path):
        if broken := BROKEN_TAG.findall(TAG.sub("", text)):
            raise TemplateError(path.name, broken[0], text, "thẻ mở mà không đóng, hoặc đóng mà không mở")


def _explained(path: Path, environment: SandboxedEnvironment, error: JinjaError) -> TemplateError:
    """The paragraph with the tag that does not parse; else the one that speaks of the unknown name."""
    message = str(error.message or "")
    name = re.search(r"'([^']+)' is undefined|has no attribute '([^']+)'", message)
    paragraphs = list(_paragraphs(path))
    if name:
        word = name[1] or name[2]
        for text in paragraphs:
            for tag in TAG.findall(text):
                if re.search(rf"\b{re.escape(word)}\b", tag):
                    return TemplateError(path.name, tag, text, f"không có giá trị nào tên “{word}”")
    for text in paragraphs:
        for tag in TAG.findall(text):
            if _is_broken(environment, tag):
                return TemplateError(path.name, tag, text, "thẻ viết sai cú pháp")
    context = [line.strip() for line in getattr(error, "docx_context", ()) if TAG.search(line)]
    near = context[len(context) // 2] if context else ""
    return TemplateError(path.name, next(iter(TAG.findall(near)), ""), near, "các thẻ mở và đóng không khớp nhau")


def _paragraphs(path: Path) -> Iterator[str]:
    """Text of every paragraph of the template, tables, headers and footers too."""
    document = DocxTemplate(path).get_docx()
    parts = [document.element.body]
    for section in document.sections:
        parts += [section.header._element, section.footer._element]
    for part in parts:
        for paragraph in part.iter(qn("w:p")):
            yield "".join(node.text or "" for node in paragraph.iter(qn("w:t")))


def _is_broken(environment: SandboxedEnvironment, tag: str) -> bool:
    """Whether a tag alone cannot be read. Block tags are closed with what they need before they are tried."""
    plain = re.sub(r"^{([{%])(?:p|tr|tc|r)\s", r"{\1 ", tag)
    block = re.match(r"{%-?\s*(\w+)", plain)
    keyword = block[1] if block else ""
    around = {
        "for": (plain, "{% endfor %}"),
        "if": (plain, "{% endif %}"),
        "elif": ("{% if 1 %}" + plain, "{% endif %}"),
        "else": ("{% if 1 %}" + plain, "{% endif %}"),
        "endif": ("{% if 1 %}" + plain, ""),
        "endfor": ("{% for x in [] %}" + plain, ""),
    }
    try:
        environment.parse("".join(around.get(keyword, (plain, ""))))
    except JinjaError:
        return True
    return False


def _set_commune_widths(document: Any) -> None:
    """The table with one column a commune: fixed columns keep their widths, the communes share what is left."""
    fixed, whole = (9, 46, 15, 14), 247
    for table in document.tables:
        caption = table._tbl.tblPr.find(qn("w:tblCaption"))
        if caption is None or caption.get(qn("w:val")) != BY_COMMUNE:
            continue
        grid = table._tbl.tblGrid.findall(qn("w:gridCol"))
        each = (whole - sum(fixed)) / max(len(grid) - len(fixed), 1)
        widths = [Mm(width) for width in (*fixed, *[each] * (len(grid) - len(fixed)))]
        for column, width in zip(grid, widths, strict=True):
            column.set(qn("w:w"), str(int(width.twips)))
        for row in table._tbl.tr_lst:
            for cell, width in zip(row.tc_lst, widths, strict=False):
                cell.width = width
