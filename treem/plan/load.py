"""The configuration, read and checked as a whole. Every problem is reported at once.

Belongs here: which files there are and how they become `Settings`. Reading one file is in `plan.documents`, wording in
`plan.wording`, checks across files in `plan.consistency`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from treem.plan.consistency import Parts, check_all
from treem.plan.documents import Document, read_document
from treem.plan.problems import ConfigError, Found, Problem
from treem.plan.settings import (
    Closed,
    Differences,
    Form,
    Holidays,
    IndicatorBook,
    Mail,
    Office,
    Plan,
    Register,
    Settings,
)
from treem.plan.wording import in_words

__all__ = ["ConfigError", "Problem", "load_settings"]

Model = TypeVar("Model", bound=Closed)
FILES: Mapping[str, type[Closed]] = {
    "office.yaml": Office,
    "bodies.yaml": Register,
    "plan.yaml": Plan,
    "indicators.yaml": IndicatorBook,
    "mail.yaml": Mail,
    "holidays.yaml": Holidays,
    "reconciliation.yaml": Differences,
}
OPTIONAL = ("reconciliation.yaml",)  # came later: a config without it has the rules as they are shipped
NO_SECRET = re.compile(r"(\$\{\w+\}|\$\{\w+:-\})?")


def load_settings(folder: Path, env: Mapping[str, str]) -> Settings:
    """The settings in the folder, with ${NAME} taken from `env`. Raises ConfigError with every problem found."""
    documents = {name: read_document(folder, name, env) for name in (*_file_names(folder), *_form_names(folder))}
    found = [*_strangers(folder), *(p for d in documents.values() for p in d.problems)]
    found += _passwords(documents["mail.yaml"])
    models = {name: _model(document, FILES.get(name, Form), found) for name, document in documents.items()}
    parts = _parts(models)
    found += check_all(parts)
    if found:
        raise ConfigError(_located(problem, folder, documents) for problem in found)
    return _settings(parts)


def _file_names(folder: Path) -> list[str]:
    return [name for name in FILES if name not in OPTIONAL or (folder / name).exists()]


def _form_names(folder: Path) -> list[str]:
    return sorted(f"forms/{path.name}" for path in (folder / "forms").glob("*.yaml"))


def _strangers(folder: Path) -> Iterator[Found]:
    """Files that nobody reads: a misspelt name must not be passed over in silence."""
    for path in sorted([*folder.glob("*.y*ml"), *folder.glob("forms/*.yml")]):
        name = path.relative_to(folder).as_posix()
        if name not in FILES:
            remedy = f"Đổi tên thành một trong {', '.join(FILES)} hoặc forms/*.yaml, hoặc xóa tệp."
            yield Found(name, (), "Tệp này không được đọc.", remedy)
    if not _form_names(folder):
        yield Found("forms", (), "Không có biểu mẫu nào.", "Thêm tệp forms/*.yaml.")


def _passwords(mail: Document) -> Iterator[Found]:
    """A password in the file would be read by everyone who reads the file, and stay in every copy."""
    for path, text in mail.texts.items():
        if "password" in path and not NO_SECRET.fullmatch(text):
            remedy = "Ghi password: ${TREEM_MAIL_PASSWORD}, đặt mật khẩu vào biến đó và đổi mật khẩu đã lộ."
            yield Found(mail.name, path, "Mật khẩu ghi thẳng trong tệp.", remedy)


def _model(document: Document, model: type[Closed], found: list[Found]) -> Closed | None:
    if document.value is None:
        if not document.problems:
            found.append(Found(document.name, (), "Tệp trống.", "Chép lại tệp từ bản cấu hình mẫu."))
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        found += (in_words(document, model, e) for e in errors if not _echoes(e["type"], e["loc"], errors))
        return None


def _echoes(kind: str, place: Sequence[str | int], errors: Sequence[ErrorDetails]) -> bool:
    """A list is called too short because its entries were refused: those have been named already."""
    return kind == "too_short" and any(len(e["loc"]) > len(place) and e["loc"][: len(place)] == place for e in errors)


def _parts(models: Mapping[str, Closed | None]) -> Parts:
    forms = {name: model for name, model in models.items() if isinstance(model, Form)}
    return Parts(
        office=_pick(models, "office.yaml", Office),
        register=_pick(models, "bodies.yaml", Register),
        plan=_pick(models, "plan.yaml", Plan),
        book=_pick(models, "indicators.yaml", IndicatorBook),
        mail=_pick(models, "mail.yaml", Mail),
        holidays=_pick(models, "holidays.yaml", Holidays),
        differences=_pick(models, "reconciliation.yaml", Differences),
        forms=forms,
        all_forms=len(forms) == len([name for name in models if name not in FILES]),
    )


def _pick(models: Mapping[str, Closed | None], name: str, model: type[Model]) -> Model | None:
    found = models.get(name)
    return found if isinstance(found, model) else None


def _settings(parts: Parts) -> Settings:
    return Settings.model_validate(
        {
            "office": parts.office,
            "register": parts.register,
            "plan": parts.plan,
            "book": parts.book,
            "forms": tuple(form for file in parts.forms.values() for form in file.each()),
            "mail": parts.mail,
            "holidays": parts.holidays,
            "differences": parts.differences or Differences(),
        }
    )


def _located(found: Found, folder: Path, documents: Mapping[str, Document]) -> Problem:
    document = documents.get(found.file, Document(found.file))
    line = found.line or document.line(found.path)
    return Problem(
        f"{folder.resolve().name}/{found.file}", line, document.where(found.path), found.message, found.remedy
    )
