"""The district report as a Word document: the office's template (templates/documents) filled with the sections.

Belongs here: the template's values, its rendering, and errors of a broken template said so that the office can mend it.
What is said in which section is decided in `sections` and `figures`. This is an outward document: no sensitive figure
of a single body stands in it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import SandboxedEnvironment

from treem.district.merge import District
from treem.documents import charts, sections
from treem.documents import figures as words
from treem.documents.beside import NOTHING, Beside, counted_text, picked_lines, recommended_lines, reconciled_lines
from treem.documents.by_body import body_tables
from treem.documents.charts import Chart
from treem.documents.dates import blank_date, document_number, number_text, official_date
from treem.documents.duty_sheet import nobody_showed, somebody_did_not
from treem.documents.figures import Merged
from treem.documents.package import EPOCH, normalised
from treem.documents.periods import deadline_text, estimate_text, period_label, period_text, period_title
from treem.documents.reconciliation_sheet import with_changes
from treem.documents.template_source import BY_BODY, BY_COMMUNE
from treem.ledger.queries import FilingRow, NarrativeRow
from treem.plan.agenda import RoundPlan
from treem.plan.settings import Column, Settings

TEMPLATES = Path(__file__).parents[2] / "templates" / "documents"
TAG = re.compile(r"{%.*?%}|{{.*?}}")
BROKEN_TAG = re.compile(r"{[{%].*|.*[}%]}")
EMPTY = "…"
FIXED_WIDTHS = {BY_COMMUNE: (9, 46, 15, 14), BY_BODY: (10, 55)}  # mm


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
    parts: str = ""  # the breakdown in words
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
    beside: Beside = NOTHING,
    number: str = "",
    signed_on: date | None = None,
    draft: bool = True,
    templates: Path = TEMPLATES,
) -> bytes:
    """The report as a .docx. The same input gives the same bytes. Raises TemplateError when the template is broken.

    Number and date are given by the records clerk after signing (Nghị định 30/2020, Điều 14–15): a draft leaves both
    blank whatever is passed.
    """
    merged = with_changes(words.merged_figures(district, settings, beside.sources, plan), beside.compared)
    context = {
        **_head(settings, plan, "" if draft else number, None if draft else signed_on, draft=draft),
        **_office(settings, plan),
        **_opening(settings, plan, filing),
        **_body(merged, settings, plan, narratives),
        **_beside(plan, beside),
        **_annexes(merged, district, settings, plan, filing),
    }
    drawn = _charts(context, merged, settings, plan, filing, beside)
    return render(templates / f"{plan.collection.document}.docx", context, drawn)


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
        "recipients": list_lines(office.report_recipients),
        "copies": list_lines(office.report_copies),
        "signing": [line for line in (signatory.authority, signatory.capacity, signatory.position) if line],
        "signer": signatory.name,
        "annex_reference": f"(Kèm theo Báo cáo số {shown}/{office.report_symbol} {day} của {_issuer_name(settings)})",
    }


def _office(settings: Settings, plan: RoundPlan) -> dict[str, Any]:
    """The head and foot of the office's own papers, which carry no number."""
    office, signatory = settings.office, settings.office.letter_signatory
    return {
        "office_parent": office.letter_parent,
        "office_name": office.name,
        "office_signing": [line for line in (signatory.authority, signatory.capacity, signatory.position) if line],
        "office_signer": signatory.name,
        "office_reference": f"({_subject(settings, plan)}; dùng trong {office.short_name})",
    }


def _issuer_name(settings: Settings) -> str:
    committee = f"Ủy ban nhân dân {settings.office.district}"
    return committee if " ".join(settings.office.report_issuer) == committee.upper() else settings.office.name


def _subject(settings: Settings, plan: RoundPlan) -> str:
    """The trích yếu: of a periodic report what the plan does, as a result, and the period; else the round's name."""
    if plan.activity.kind != "report" or plan.collection.reconciles:
        title = _capital(re.sub(r"^báo cáo\s+", "", plan.collection.title or plan.activity.title, flags=re.IGNORECASE))
        named = f"{title} {plan.year}" if title.endswith(" năm") else f"{title} năm {plan.year}"
        return named.replace(f"năm {plan.year}", f"năm\u00a0{plan.year}")
    deed = re.sub(r"^kế hoạch\s+", "", settings.plan.title.strip().rstrip("."), flags=re.IGNORECASE)
    return f"Kết quả {deed[:1].lower()}{deed[1:]}, {period_title(plan)}"


def _deed(settings: Settings, plan: RoundPlan) -> str:
    """The subject within a sentence: "… báo cáo kết quả tổ chức Tết Trung thu năm 2027"."""
    subject = _subject(settings, plan)
    lowered = subject[:1].lower() + subject[1:]
    return lowered if re.match("kết quả|tình hình|tổng hợp|số liệu", lowered) else f"kết quả {lowered}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def list_lines(lines: Sequence[str]) -> list[str]:
    """Addressees: each line ends in a semicolon, the last in a full stop (Phụ lục I, mục II.9)."""
    bare = [re.sub(r"^-\s*|[;.,/\s]+$", "", line) for line in lines]
    return [f"{line};" for line in bare[:-1]] + [f"{line}." for line in bare[-1:]]


def _opening(settings: Settings, plan: RoundPlan, filing: Sequence[FilingRow]) -> dict[str, Any]:
    accepted = [row for row in filing if row.state == "accepted"]
    return {
        "plan_reference": plan_reference(settings),
        "deed": _deed(settings, plan),
        "period_title": period_title(plan),
        "period_label": period_label(plan),
        "period_text": period_text(plan) + (" (số ước thực hiện)" if plan.is_estimate else ""),
        "estimate_text": estimate_text(plan),
        "asked": len(filing),
        "filed": len(accepted),
        "on_time": sum(1 for row in accepted if row.on_time),
        "without_figures": sections.without_figures(plan, filing, settings),
    }


def plan_reference(settings: Settings) -> str:
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
        "results_in_brief": sections.in_brief(merged, settings, plan, narratives),
        "all_lines": [words.sentence(m) for m in merged],
        "all_answers": sections.all_answers(settings, plan, narratives),
        "assessment": closing("IV"),
        "accounts": [answer for answer in closing("IV") if answer.code not in sections.ASSESSING],
        "appraisal": [answer for answer in closing("IV") if answer.code in sections.ASSESSING],
        "directions": closing("V"),
        "proposals": closing("VI"),
        "outlook": (*closing("V"), *closing("VI")),
    }


def _beside(plan: RoundPlan, beside: Beside) -> dict[str, Any]:
    """Other rounds' figures, final figures beside estimates, the selection and the recommendations. Reasons may tell a
    body's figure, and recommendations its affairs: a document that leaves the office has only who was chosen, and how
    many recommendations there are; the internal workbook has everything.
    """
    stays = plan.collection.send_on is None
    chosen = sum(picked.chosen for picked in beside.selection)
    places = sum(picked.places or 0 for picked in beside.selection if picked.chosen)
    given = f", phân bổ {places} chỗ" if places else ""
    return {
        "taken_from": list(dict.fromkeys(source.title for source in beside.taken)),
        "reconciled_period": beside.reconciliation.period if beside.reconciliation else "",
        "reconciled_rows": list(reconciled_lines(beside.reconciliation)),
        "selection_text": f"Đã chọn {chosen} trong {len(beside.selection)} cơ quan, đơn vị được xem xét{given}:",
        "selection_rows": list(picked_lines(beside.selection, with_reasons=stays)),
        "recommendation_text": counted_text(beside.recommendations) if beside.recommendations else "",
        "recommendation_rows": list(recommended_lines(beside.recommendations)) if stays else [],
        "duties_nobody_showed": nobody_showed(beside.duties),
        "duties_somebody_did_not": somebody_did_not(beside.duties),
    }


def _annexes(
    merged: Sequence[Merged], district: District, settings: Settings, plan: RoundPlan, filing: Sequence[FilingRow]
) -> dict[str, Any]:
    communes = [body for body in plan.bodies if body.kind == "commune"]
    return {
        "district_rows": list(_district_groups(merged)),
        "communes": [words.commune_heading(body.name) for body in communes],
        "commune_rows": _commune_rows(merged, district, [body.code for body in communes]),
        "body_tables": body_tables(merged, district, [body.code for body in settings.register_.bodies]),
        "legend": words.CELL_LEGEND + (f" {words.HIDDEN_LEGEND}" if any(m.hidden for m in merged) else ""),
        "filing_rows": sections.filing_lines(plan, filing, settings),
        "due_text": deadline_text(plan, plan.due, plan.legal_due),
    }


def _charts(
    context: Mapping[str, Any],
    merged: Sequence[Merged],
    settings: Settings,
    plan: RoundPlan,
    filing: Sequence[FilingRow],
    beside: Beside,
) -> tuple[Chart, ...]:
    """Drawn from what the annexes print, and nothing else: what is hidden there is hidden here."""
    if plan.activity.kind != "report" or plan.collection.reconciles:
        return ()
    printed = {row.label: row for group in context["district_rows"] for row in group.rows}
    shown = [m.figure.code for m in merged if _is_number(printed[m.figure.label].total)]
    bars = [charts.Bars(row.label, row.unit, row.cells) for row in context["commune_rows"]]
    drawn = (
        charts.timeline(plan, filing, settings.office.timezone),
        charts.beside_last_year(beside.compared, merged, shown),
        charts.communes(context["communes"], bars, merged),
    )
    return tuple(chart for chart in drawn if chart)


def _is_number(text: str) -> bool:
    return text[:1].isdecimal()


def _district_groups(merged: Sequence[Merged]) -> Iterator[FigureGroup]:
    titles = sections.TITLES
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
    if merged.sources:
        parts.append(_capital(words.source_text(merged)))
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
        words.breakdown_text(merged),
    )


def _outward_cell(merged: Merged, column: Column) -> str:
    if column == "total" and merged.withheld:
        return words.WITHHELD
    if column == "total" and merged.figure.merge == "none":
        return "không cộng"
    if column not in merged.outward_columns:
        return ""
    if merged.hides(column):
        return words.HIDDEN
    number = merged.numbers.get(column)
    return EMPTY if number is None else number_text(number)


def _commune_rows(merged: Sequence[Merged], district: District, communes: Sequence[str]) -> list[FigureRow]:
    """The communes' own figures, without the sensitive ones: a small cell of a commune can name a child."""
    rows = words.commune_rows(district, [m for m in merged if not m.indicator.sensitive], communes, outward=True)
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


def render(path: Path, context: dict[str, Any], drawn: Sequence[Chart] = ()) -> bytes:
    """The template filled in, as a .docx whose bytes depend on nothing else. Raises TemplateError."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    try:
        template = DocxTemplate(path)
        template.init_docx()
    except Exception as error:  # python-docx lets out whatever zip and XML parsing raise
        raise TemplateError(path.name, "", "", "không mở được, tệp thiếu hoặc không phải .docx") from error
    _demand_whole_tags(path)
    pictures = [
        {"number": n, "title": c.title, "picture": InlineImage(template, BytesIO(c.png), width=Mm(c.width))}
        for n, c in enumerate(drawn, start=1)
    ]
    try:
        template.render({**context, "charts": pictures}, environment, autoescape=True)
    except JinjaError as error:
        raise _explained(path, environment, error) from error
    _set_widths(template.docx)
    _describe(template.docx, drawn)
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


def _set_widths(document: Any) -> None:
    """Tables with as many columns as there are communes or figures: fixed columns keep their widths, the others share
    what is left.
    """
    whole = 247
    for table in document.tables:
        caption = table._tbl.tblPr.find(qn("w:tblCaption"))
        fixed = FIXED_WIDTHS.get(caption.get(qn("w:val"))) if caption is not None else None
        if fixed is None:
            continue
        grid = table._tbl.tblGrid.findall(qn("w:gridCol"))
        each = (whole - sum(fixed)) / max(len(grid) - len(fixed), 1)
        widths = [Mm(width) for width in (*fixed, *[each] * (len(grid) - len(fixed)))]
        for column, width in zip(grid, widths, strict=True):
            column.set(qn("w:w"), str(int(width.twips)))
        for row in table._tbl.tr_lst:
            for cell, width in zip(row.tc_lst, widths, strict=False):
                cell.width = width


def _describe(document: Any, drawn: Sequence[Chart]) -> None:
    """Say in words what each picture shows: for those who do not see it, and for those who have it read to them."""
    words_of = {chart.png: chart for chart in drawn}
    for place in document.element.body.iter(qn("wp:inline")):
        shown = next(place.iter(qn("a:blip")), None)
        part = document.part.related_parts.get(shown.get(qn("r:embed"))) if shown is not None else None
        chart = words_of.get(part.blob) if part is not None else None
        if chart:
            properties = place.find(qn("wp:docPr"))
            properties.set("name", chart.title)
            properties.set("descr", chart.alt)
