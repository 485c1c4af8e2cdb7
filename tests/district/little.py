"""A little district: communes, the police and the health centre; one figure of every merge rule."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pandas as pd

from treem.plan.settings import Body, Figure, Form, Group, Indicator, IndicatorBook, Register, Settings

Answers = Mapping[tuple[str, str, str], Decimal | str]  # (body, figure, column) → a number, "blank", "not_applicable"
GROUPS = {"xa": "UBND các xã", "cong-an": "Công an huyện", "ttyt": "Trung tâm Y tế"}


def body(code: str, group: str = "xa") -> Body:
    kind = {"xa": "commune", "cong-an": "police", "ttyt": "service"}[group]
    return Body.model_validate(
        {"code": code, "name": f"Đơn vị {code}", "group": group, "kind": kind}
        | {"emails": [f"{code}@xa.test"], "valid_from": date(2020, 1, 1)}
    )


def figure(code: str, merge: str, groups: tuple[str, ...] = ("xa",), **more: object) -> Figure:
    kinds = {"rate": "rate", "count_yes": "yes_no", "none": "score"}
    fields = {"code": code, "label": code, "unit": "trẻ em", "merge": merge, "groups": groups, **more}
    return Figure.model_validate({"type": kinds.get(merge, "count"), **fields})


FIGURES = (
    figure("TONG", "sum", columns=("total", "male", "female")),
    figure("CO", "count_yes"),
    figure("DIEM", "none"),
    figure("TU", "sum"),
    figure("MAU", "sum"),
    figure("TYLE", "rate", (), numerator="TU", denominator="MAU"),
    figure("VU", "primary", ("xa", "cong-an", "ttyt"), primary="cong-an"),
)


def settings(*bodies: Body) -> Settings:
    """Only what the merge reads; everything else is left out."""
    forms = tuple(_form(group) for group in GROUPS)
    groups = tuple(Group(key=k, name=n, duty_group="III.9", tone="instruct") for k, n in GROUPS.items())
    indicators = tuple(
        Indicator(code=f.code, name=f.code, section="I", accrual="flow", basis="S", duties=(), figures=(f,))
        for f in FIGURES
    )
    parts = {"register_": Register(groups=groups, bodies=bodies), "book": IndicatorBook(indicators=indicators)}
    return Settings.model_construct(**parts, forms=forms)


def _form(group: str) -> Form:
    codes = tuple(f.code for f in FIGURES if group in f.groups)
    fields = {"code": f"BM-{group}", "version": 1, "title": "", "group": group, "activities": ("dot",)}
    return Form.model_validate({**fields, "figures": codes, "duties": (), "closings": ()})


def rows(answers: Answers) -> pd.DataFrame:
    """Answers as the ledger gives them."""
    frame = [(*key, said, None) if isinstance(said, str) else (*key, "number", said) for key, said in answers.items()]
    return pd.DataFrame(frame, columns=["body", "figure", "column", "kind", "number"], dtype=object)
