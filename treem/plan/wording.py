"""The models' refusals, in Vietnamese and with a remedy.

Belongs here: one wording for each kind of refusal pydantic knows and our models can cause. Values are shown as they
stand in the file, so a secret from the environment is never shown; what stands under `password` is not shown at all.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from treem.plan.documents import Document
from treem.plan.problems import Found, Path, choose

Words = tuple[str, str]  # message, remedy
Wording = Callable[[str, Mapping[str, Any]], Words]

DATE = ("không phải ngày có thật", "Viết năm-tháng-ngày, ví dụ 2027-06-14.")
NUMBER = ("không phải số", "Viết số bằng chữ số, không dấu nháy, không dấu chấm hàng nghìn.")
TRUTH = ("không phải true hoặc false", "Viết true (có) hoặc false (không).")
BLOCK = ("phải gồm nhiều mục con", "Xuống dòng, thụt vào và viết từng mục “tên: giá trị”.")
SEVERAL = ("phải là danh sách", "Viết [a, b] hoặc mỗi phần tử một dòng, bắt đầu bằng “- ”.")


def in_words(document: Document, model: type[BaseModel], error: ErrorDetails) -> Found:
    """The problem behind one refusal of the model for this file."""
    place: Path = tuple(error["loc"])
    path = _without_rules(document, place)
    if error["type"] == "extra_forbidden":
        remedy = choose(path[-1], _keys_at(model, place[:-1]))
        return Found(document.name, path, f"Không có mục nào tên “{path[-1]}”.", remedy)
    if error["type"] == "missing":
        remedy = f"Thêm dòng “{path[-1]}: …”."
        return Found(document.name, path, f"Thiếu mục “{path[-1]}”.", remedy)
    message, remedy = _wording(error["type"])(_shown(document, path), error.get("ctx", {}))
    if error["type"] == "string_type" and error["input"] is None:
        message, remedy = "Mục này bị bỏ trống.", 'Điền giá trị, hoặc "" nếu cố ý để trống.'
    return Found(document.name, path, message, remedy)


def _without_rules(document: Document, place: Path) -> Path:
    """The place as it stands in the file: where several models are possible, pydantic names the one it took as well."""
    value: Any = document.value
    path: Path = ()
    for depth, step in enumerate(place, start=1):
        if isinstance(value, Mapping) and step not in value and depth < len(place):
            continue
        path = (*path, step)
        with suppress(LookupError, TypeError):
            value = value[step]
    return path


def _shown(document: Document, path: Path) -> str:
    if "password" in path:
        return "Giá trị"
    text = document.texts.get(path)
    return f"“{text}”" if text else "Giá trị"


def _wording(kind: str) -> Wording:
    return next((words for pattern, words in WORDINGS if re.fullmatch(pattern, kind)), _otherwise)


def _fixed(words: Words) -> Wording:
    return lambda shown, ctx: (f"{shown} {words[0]}.", words[1])  # noqa: ARG005


def _otherwise(shown: str, ctx: Mapping[str, Any]) -> Words:  # noqa: ARG001
    return f"{shown} không dùng được ở đây.", "Xem ghi chú ở đầu tệp và sửa lại."


def _text(shown: str, ctx: Mapping[str, Any]) -> Words:  # noqa: ARG001
    quoted = f'"{shown.strip("“”")}"' if shown.startswith("“") else '"…"'
    return f"{shown} phải là chữ, không phải số hay danh sách.", f"Đặt trong dấu nháy: {quoted}."


def _choice(shown: str, ctx: Mapping[str, Any]) -> Words:
    allowed = [word or number for word, number in re.findall(r"'([^']*)'|(-?\d+)", ctx["expected"])]
    return f"{shown} không nằm trong các giá trị cho phép.", choose(shown.strip("“”"), allowed)


def _rule(shown: str, ctx: Mapping[str, Any]) -> Words:  # noqa: ARG001
    allowed = [word for word, _ in re.findall(r"'([^']*)'|(-?\d+)", ctx["expected_tags"])]
    return f"Không có quy tắc “{ctx['tag']}”.", choose(ctx["tag"], allowed)


def _no_rule(shown: str, ctx: Mapping[str, Any]) -> Words:  # noqa: ARG001
    key = ctx["discriminator"].strip("'")
    return f"Thiếu mục “{key}”.", f"Thêm “{key}: …”; các quy tắc có ở ghi chú đầu tệp."


def _bound(shown: str, ctx: Mapping[str, Any]) -> Words:
    limits = {"ge": "từ", "gt": "lớn hơn", "le": "đến", "lt": "nhỏ hơn"}
    said = next((f"{word} {ctx[key]}" for key, word in limits.items() if key in ctx), "trong giới hạn")
    return f"{shown} nằm ngoài giới hạn.", f"Ghi số {said}."


WORDINGS: tuple[tuple[str, Wording], ...] = (
    (r"string_type", _text),
    (r"literal_error", _choice),
    (r"union_tag_invalid", _rule),
    (r"union_tag_not_found", _no_rule),
    (r"date_.*", _fixed(DATE)),
    (r"(int|float)_.*|finite_number", _fixed(NUMBER)),
    (r"bool_.*", _fixed(TRUTH)),
    (r"model_.*|dict_type", _fixed(BLOCK)),
    (r"(tuple|list)_type", _fixed(SEVERAL)),
    (r"too_short", _fixed(("đang trống", "Ghi ít nhất một phần tử."))),
    (r"(greater|less)_than.*", _bound),
)


def _keys_at(model: type[BaseModel], place: Path) -> list[str]:
    """The keys allowed at a place, found by walking the models' fields; a word that is no field names one of them."""
    models = [model]
    for step in place:
        holding = [m for m in models if step in m.model_fields] if isinstance(step, str) else []
        if holding:
            models = [found for m in holding for found in _models_in(m.model_fields[str(step)].annotation)]
        elif isinstance(step, str):
            models = [m for m in models if any(step in get_args(f.annotation) for f in m.model_fields.values())]
    return [info.alias or name for m in models for name, info in m.model_fields.items()]


def _models_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
