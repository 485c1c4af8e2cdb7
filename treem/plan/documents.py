"""One YAML file as plain values, with the line of every entry.

Belongs here: reading YAML and the environment. Stricter than PyYAML: a key may stand once, keys are always text (YAML
1.1 would read `on` as true), and there are no anchors. What the values must be is in `plan.settings`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any
from unicodedata import normalize

import yaml

from treem.plan.problems import Found, Path

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^{}]*))?\}")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built, several times faster
NAMES = ("code", "key", "name")  # what people call an entry of a list


@dataclass
class Document:
    """A file of the configuration. `name` is relative to the folder: "forms/xa.yaml"."""

    name: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)  # scalars as written, before the environment
    problems: list[Found] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of the entry, or of the nearest entry around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path) -> str:
        """The place in words: "bodies › 03424 › emails › 1"."""
        return " › ".join(self._names(path))

    def _names(self, path: Path) -> Iterator[str]:
        for depth, step in enumerate(path, start=1):
            own = (self.texts.get((*path[:depth], key)) for key in NAMES)
            yield str(step) if isinstance(step, str) else next(filter(None, own), str(step + 1))

    def refuse(self, path: Path, message: str, remedy: str) -> None:
        """Note a problem."""
        self.problems.append(Found(self.name, path, message, remedy))


def read_document(folder: FilePath, name: str, env: Mapping[str, str]) -> Document:
    """The file's values and lines. Never raises for what a file may hold: trouble is in `problems`."""
    document = Document(name)
    text = ""
    try:
        text = normalize("NFC", (folder / name).read_bytes().decode("utf-8-sig"))
        loader = LOADER(text)
        root = loader.get_single_node()
    except FileNotFoundError:
        document.refuse((), "Thiếu tệp này.", "Chép lại tệp từ bản cấu hình mẫu.")
    except OSError as error:
        document.refuse((), f"Không mở được tệp ({type(error).__name__}).", "Kiểm tra quyền đọc tệp.")
    except UnicodeDecodeError:
        document.refuse((), "Tệp không phải UTF-8.", "Lưu lại tệp với bảng mã UTF-8 (Unicode).")
    except yaml.YAMLError as error:
        _refuse_syntax(document, error, text)
    else:
        document.value = _Reader(document, env, loader).value(root, ()) if root is not None else None
    return document


def _refuse_syntax(document: Document, error: yaml.YAMLError, text: str) -> None:
    mark = getattr(error, "problem_mark", None)
    lines = text.splitlines()
    if mark is not None:
        document.lines[()] = min(mark.line + 1, max(len(lines), 1))
    if re.match(r"\s*\t", "".join(lines[document.line(()) - 1 : document.line(())])):
        document.refuse((), "Có phím Tab ở đầu dòng.", "Thụt dòng bằng dấu cách.")
        return
    remedy = "Xem dòng này và dòng trên: thụt dòng, dấu hai chấm, dấu nháy, dấu ngoặc."
    document.refuse((), "Không đọc được YAML.", remedy)


@dataclass
class _Reader:
    """Turns nodes into values, noting lines and trouble on the way."""

    document: Document
    env: Mapping[str, str]
    loader: Any
    seen: set[int] = field(default_factory=set)

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The node's value. The line is the key's, for entries of mappings."""
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:  # an alias hides what an entry says, and can make a file endless
            self.document.refuse(path, "Không dùng bí danh YAML (*tên).", "Chép lại nội dung thay cho bí danh.")
            return None
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in result:
                self._refuse_duplicate(key, line, path)
                continue
            self.document.lines[(*path, key)] = line
            result[key] = self.value(value_node, (*path, key))
        return result

    def _refuse_duplicate(self, key: str, line: int, path: Path) -> None:
        message = f"Mục “{key}” đã có ở dòng {self.document.lines[(*path, key)]}."
        remedy = "Giữ một mục, xóa mục còn lại."
        self.document.problems.append(Found(self.document.name, (*path, key), message, remedy, line))

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        self.document.texts[path] = str(node.value)
        if "${" in node.value:
            return self._from_environment(node.value, path)
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError):  # 2027-02-30 looks like a date; an unknown !tag
            return str(node.value)

    def _from_environment(self, text: str, path: Path) -> str:
        """Text with every ${NAME} replaced. Always text: a password of digits is no number."""
        if "${" in VARIABLE.sub("", text):
            self.document.refuse(path, "Biến môi trường viết sai.", "Viết ${TEN_BIEN} hoặc ${TEN_BIEN:-giá trị}.")
            return text
        for name in (m[1] for m in VARIABLE.finditer(text) if m[2] is None and m[1] not in self.env):
            remedy = f"Đặt biến {name} trước khi chạy, hoặc viết ${{{name}:-giá trị mặc định}} nếu không phải mật khẩu."
            self.document.refuse(path, f"Chưa có biến môi trường {name}.", remedy)
        return VARIABLE.sub(lambda m: self.env.get(m[1]) or m[3] or "", text)
