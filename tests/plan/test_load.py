"""A wrong configuration is refused with every mistake named: file, line, what is wrong, what to write instead."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from treem.plan.load import ConfigError, Problem, load_settings

CONFIG = Path(__file__).parents[2] / "config"


@dataclass(frozen=True)
class Edit:
    """Text replaced once in one file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Bad:
    """An edit, and the problem it must cause on the first line that holds `at` (of `file`, else the edited file)."""

    name: str
    edit: Edit
    at: str
    message: str
    remedy: str = ""
    file: str = ""
    below: int = 0  # so many lines further down
    alone: bool = True  # the edit causes this problem and no other


XA, TTYT = "forms/xa.yaml", "forms/ttyt.yaml"
REPORTS = "activities: [bao-cao-6-thang, bao-cao-nam, so-chinh-thuc]"
HOLIDAYS = (CONFIG / "holidays.yaml").read_text(encoding="utf-8")
BODY_BO = '  - code: "03424"'
LAST_OPEN = "    open: {working_days: -20}"

BAD = [
    # YAML itself
    Bad("unreadable", Edit("office.yaml", "place: Tam Đường", "place: [Tam Đường"), "timezone:", "Không đọc được YAML"),
    Bad("tab", Edit("plan.yaml", "    open:", "\topen:"), "\topen:", "Tab", "dấu cách"),
    Bad("empty file", Edit("holidays.yaml", HOLIDAYS, "# hết\n"), "#", "Tệp trống"),
    Bad("key twice", Edit("mail.yaml", "folder: INBOX", "folder: INBOX\nfolder: A"), "folder: A", "đã có ở dòng"),
    Bad(
        "nested key twice",
        Edit("plan.yaml", "    hour: 8", "    hour: 8\n    kind: event"),
        "kind: event",
        "Mục “kind” đã có ở dòng",
    ),
    Bad(
        "alias",
        Edit("holidays.yaml", "off: []\nworking: []", "off: &a []\nworking: *a"),
        "working: *a",
        "bí danh",
        alone=False,
    ),
    # one entry by itself
    Bad(
        "unknown key", Edit("plan.yaml", "    reminders:", "    remiders:"), "remiders", "tên “remiders”", "“reminders”"
    ),
    Bad(
        "unknown top key",
        Edit("office.yaml", "short_name:", "short_nam:"),
        "short_nam",
        "“short_nam”",
        "“short_name”",
        alone=False,
    ),
    Bad(
        "missing key",
        Edit("bodies.yaml", f"{BODY_BO}\n    name: ", f"{BODY_BO}\n    # "),
        BODY_BO,
        "Thiếu mục “name”",
        "name: …",
    ),
    Bad("empty entry", Edit("office.yaml", "place: Tam Đường", "place:"), "place:", "bỏ trống"),
    Bad("wrong type", Edit("plan.yaml", "hour: 8", "hour: sáng"), "hour: sáng", "“sáng” không phải số"),
    Bad("out of bounds", Edit("plan.yaml", "hour: 8", "hour: 24"), "hour: 24", "ngoài giới hạn", "đến 23"),
    Bad(
        "not a list",
        Edit(XA, REPORTS, "activities: bao-cao-6-thang"),
        "activities:",
        "phải là danh sách",
    ),
    Bad("not a block", Edit("plan.yaml", LAST_OPEN, "    open: -20"), "open: -20", "mục con"),
    Bad("not a choice", Edit("indicators.yaml", "merge: sum", "merge: summ"), "merge: summ", "“summ”", "“sum”"),
    Bad(
        "not a truth",
        Edit("bodies.yaml", "    to_confirm: true", "    to_confirm: có lẽ"),
        "có lẽ",
        "không phải true hoặc false",
    ),
    Bad("no address", Edit("bodies.yaml", "[xa-ban-bo@tamduong.test]", "[]"), "emails: []", "đang trống"),
    Bad("code as number", Edit("bodies.yaml", 'code: "03400"', "code: 03400"), "code: 03400", "phải là chữ", '"03400"'),
    Bad(
        "impossible day",
        Edit("bodies.yaml", "valid_from: 2020-03-01", "valid_from: 2021-02-29"),
        "2021-02-29",
        "“2021-02-29” không phải ngày có thật",
    ),
    Bad(
        "impossible holiday",
        Edit("holidays.yaml", "off: []", "off: [2027-04-31]"),
        "2027-04-31",
        "không phải ngày có thật",
    ),
    # bodies.yaml
    Bad("short GSO code", Edit("bodies.yaml", 'code: "03400"', 'code: "3400"'), '"3400"', "không đủ 5 chữ số"),
    Bad("odd code", Edit("bodies.yaml", 'code: "cong-an"', 'code: "Công an"'), '"Công an"', "ký tự"),
    Bad(
        "code in use",
        Edit("bodies.yaml", 'code: "03394"', 'code: "03390"'),
        "xã Thèn Sin",
        "trùng với",
        "valid_to",
        below=-1,
    ),
    Bad(
        "unknown group",
        Edit("bodies.yaml", "group: cong-an", "group: cong_an"),
        "group: cong_an",
        "“cong_an”",
        "“cong-an”",
        alone=False,
    ),
    Bad(
        "group without bodies",
        Edit("bodies.yaml", "    group: dai\n", "    group: vhtt\n"),
        "{key: dai",
        "không có đơn vị nào",
    ),
    Bad("group twice", Edit("bodies.yaml", "{key: dai,", "{key: vhtt,"), "Đài truyền thanh", "đã có", alone=False),
    Bad(
        "bad address",
        Edit("bodies.yaml", "[xa-ban-bo@tamduong.test]", "[xa-ban-bo]"),
        "[xa-ban-bo]",
        "địa chỉ thư điện tử",
    ),
    Bad(
        "ends before it begins",
        Edit("bodies.yaml", "    valid_from: 2020-03-01", "    valid_from: 2020-03-01\n    valid_to: 2020-01-01"),
        "valid_to: 2020-01-01",
        "trước ngày bắt đầu",
    ),
    Bad(
        "unknown successor",
        Edit("bodies.yaml", "    valid_from: 2020-03-01", '    valid_from: 2020-03-01\n    successors: ["03999"]'),
        "successors: [",
        "“03999”",
    ),
    # plan.yaml
    Bad(
        "duty twice",
        Edit("plan.yaml", "code: III.1.2", "code: III.1.1"),
        "Chủ trì, phối hợp với các cơ quan, đơn vị triển khai",
        "đã dùng",
        below=-3,
        alone=False,
    ),
    Bad(
        "duty of unknown group",
        Edit("plan.yaml", "groups: [gddt]", "groups: [gdt]"),
        "groups: [gdt]",
        "“gdt”",
        "“gddt”",
        alone=False,
    ),
    Bad(
        "unknown audience",
        Edit("plan.yaml", "audience: [ldtbxh,", "audience: [ldtbx,"),
        "audience: [ldtbx",
        "“ldtbx”",
        "“ldtbxh”",
        alone=False,
    ),
    Bad(
        "31 February",
        Edit("plan.yaml", '{before: "06-15"}', '{before: "02-31"}'),
        '"02-31"',
        "“02-31” không phải ngày có thật",
        "06-15",
    ),
    Bad("29 February", Edit("plan.yaml", 'end: "05-31"', 'end: "02-29"'), '"02-29"', "của mọi năm"),
    Bad(
        "two due dates",
        Edit("plan.yaml", '{before: "06-15"}', '{before: "06-15", on: "06-14"}'),
        'on: "06-14"',
        "before, on",
    ),
    Bad(
        "two units",
        Edit("plan.yaml", "close: {working_days: 5}", "close: {working_days: 5, days: 7}"),
        "days: 7}",
        "days, working_days",
    ),
    Bad(
        "opens after due",
        Edit("plan.yaml", LAST_OPEN, "    open: {working_days: 2}"),
        "open: {working_days: 2}",
        "không trước hạn nộp",
        alone=False,
    ),
    Bad(
        "reminder after due",
        Edit("plan.yaml", "- {working_days: -1}", "- {working_days: 2}"),
        "- {working_days: 2}",
        "Ngày nhắc sau hạn nộp",
    ),
    Bad(
        "reminder before opening",
        Edit("plan.yaml", "- {working_days: -1}", "- {days: -40}"),
        "- {days: -40}",
        "không sau ngày mở đợt",
    ),
    Bad(
        "chase before due",
        Edit("plan.yaml", "- {working_days: 3}", "- {working_days: -3}"),
        "- {working_days: -3}",
        "không sau hạn nộp",
    ),
    Bad(
        "chase after close",
        Edit("plan.yaml", "- {working_days: 3}", "- {working_days: 6}"),
        "- {working_days: 6}",
        "sau ngày đóng đợt",
    ),
    Bad(
        "close after send_on",
        Edit("plan.yaml", "send_on: {working_days: 8}", "send_on: {working_days: 4}"),
        "close:",
        "sau ngày gửi báo cáo",
    ),
    Bad(
        "period backwards",
        Edit("plan.yaml", "start_year: -1", "start_year: 0"),
        'start: "12-15"',
        "bắt đầu sau ngày kết thúc",
    ),
    # indicators.yaml
    Bad(
        "indicator twice",
        Edit("indicators.yaml", "- code: LD-16\n    name", "- code: LD-15\n    name"),
        "Số cơ quan, đơn vị, xã, thị trấn được kiểm tra",
        "đã có",
        below=-1,
        alone=False,
    ),
    Bad(
        "figure twice",
        Edit("indicators.yaml", "- code: LD-08.2", "- code: LD-08.1"),
        "Trong đó: số ý kiến, kiến nghị đã trả lời",
        "“LD-08.1” đã có",
        below=-1,
        alone=False,
    ),
    Bad(
        "figure of another indicator",
        Edit("indicators.yaml", "- code: LD-17.2", "- code: XX-17.2"),
        "XX-17.2",
        "không bắt đầu bằng",
        alone=False,
    ),
    Bad(
        "figure of unknown group",
        Edit("indicators.yaml", "groups: [tckh]", "groups: [tkch]"),
        "groups: [tkch]",
        "“tkch”",
        "“tckh”",
        alone=False,
    ),
    Bad(
        "indicator of unknown duty",
        Edit("indicators.yaml", "duties: [III.1.1, II.2.4]", "duties: [III.1.9, II.2.4]"),
        "III.1.9",
        "“III.1.9”",
    ),
    Bad(
        "rate without numerator",
        Edit("indicators.yaml", "        numerator: LD-03\n", ""),
        "- code: LD-04\n        label",
        "thiếu tử số",
        "numerator",
    ),
    Bad(
        "rate over nothing",
        Edit("indicators.yaml", "denominator: YT-06", "denominator: YT-66"),
        "YT-66",
        "làm mẫu số",
        "“YT-",
    ),
    Bad(
        "typed rate",
        Edit("indicators.yaml", "        numerator: LD-03\n", "        groups: [xa]\n        numerator: LD-03\n"),
        "groups: [xa]\n        numerator",
        "không đơn vị nào nhập",
    ),
    Bad(
        "rate added up",
        Edit("indicators.yaml", "type: rate\n        merge: rate", "type: rate\n        merge: sum"),
        "merge: sum\n        numerator",
        "kiểu rate không tổng hợp",
    ),
    Bad(
        "score added up",
        Edit("indicators.yaml", "merge: none", "merge: sum"),
        "type: score\n        merge",
        "kiểu score không tổng hợp",
        "none",
        below=1,
    ),
    Bad(
        "primary without group",
        Edit("indicators.yaml", "primary: gddt", "primary: dai"),
        "primary: dai",
        "“dai” không có trong groups",
        "gddt, cong-an",
    ),
    Bad(
        "latest of two groups",
        Edit("indicators.yaml", "merge: primary\n        primary: xa\n", "merge: latest\n"),
        "merge: latest",
        "đúng một nhóm",
    ),
    Bad(
        "no total",
        Edit("indicators.yaml", "columns: [total, male, female]", "columns: [male, female]"),
        "columns: [male, female]",
        "Thiếu cột total",
    ),
    Bad(
        "boys only",
        Edit("indicators.yaml", "columns: [total, male, female]", "columns: [total, male]"),
        "columns: [total, male]",
        "một trong hai cột nam, nữ",
    ),
    Bad("rule of unknown figure", Edit("indicators.yaml", "smaller: LD-03,", "smaller: LD-33,"), "LD-33", "“LD-33”"),
    Bad(
        "rule nobody can break",
        Edit("indicators.yaml", "{smaller: LD-03, larger: LD-02}", "{smaller: LD-03, larger: YT-01}"),
        "larger: YT-01",
        "cả hai số liệu",
    ),
    # forms/*.yaml
    Bad(
        "form asks a rate",
        Edit(XA, "- LD-03 ", "- LD-04 "),
        "- LD-04 ",
        "“LD-04” là tỷ lệ",
        "LD-03 và LD-02",
        alone=False,
    ),
    Bad("form asks the unknown", Edit(XA, "- LD-05 ", "- LD_05 "), "- LD_05 ", "“LD_05”", "“LD-05”", alone=False),
    Bad(
        "form asks another group's", Edit(XA, "- LD-05 ", "- YT-06 "), "- YT-06 ", "không do nhóm xa nhập", alone=False
    ),
    Bad("form asks twice", Edit(XA, "- LD-05 ", "- LD-05\n  - LD-05 "), "- LD-05 ", "đã có ở vị trí"),
    Bad(
        "figure nobody asks",
        Edit(XA, "  - LD-05 ", "  # "),
        "- code: LD-05\n        label",
        "không biểu mẫu nào hỏi",
        "LD-05",
        "indicators.yaml",
        below=5,
    ),
    Bad("form of unknown group", Edit(XA, "group: xa", "group: xaa"), "group: xaa", "“xaa”", alone=False),
    Bad(
        "form of unknown activity",
        Edit(XA, "[bao-cao-6-thang,", "[bao-cao-6thang,"),
        "[bao-cao-6thang,",
        "“bao-cao-6thang”",
        "“bao-cao-6-thang”",
        alone=False,
    ),
    Bad(
        "group without form",
        Edit(TTYT, REPORTS, "activities: [bao-cao-nam, so-chinh-thuc]"),
        "audience:",
        "“ttyt” chưa có biểu mẫu",
        file="plan.yaml",
    ),
    Bad(
        "group not in audience",
        Edit("plan.yaml", "ttyt, gddt, vhtt", "gddt, vhtt"),
        REPORTS,
        "không hỏi nhóm ttyt",
        file=TTYT,
    ),
    Bad("form of unknown duty", Edit(XA, "duties: [III.9.1,", "duties: [III.9.8,"), "duties: [III.9.8", "“III.9.8”"),
    Bad(
        "form of another's duty",
        Edit(TTYT, "duties: [III.2.1,", "duties: [III.3.1,"),
        "duties: [III.3.1",
        "không phải của nhóm ttyt",
    ),
    Bad("unknown closing", Edit(XA, "key: kien-nghi", "key: kien-nghj"), "kien-nghj", "“kien-nghj”", "“kien-nghi”"),
    Bad(
        "box of a report in an event",
        Edit("forms/giam-sat.yaml", "key: noi-dung", "key: Nội dung"),
        "key: Nội dung",
        "ký tự không dùng được",
        "kien-nghi-1",
    ),
    Bad(
        "group and groups",
        Edit("forms/giam-sat.yaml", "groups: [mttq, doan-the]", "group: mttq\ngroups: [mttq, doan-the]"),
        "groups: [mttq",
        "đúng một mục",
        "groups: [khóa nhóm",
    ),
    Bad(
        "neither group nor groups",
        Edit("forms/kien-nghi.yaml", "group: xa\n", ""),
        "code: BM-KN",
        "đúng một mục",
        alone=False,
    ),
    Bad(
        "one of the groups unknown",
        Edit("forms/giam-sat.yaml", "groups: [mttq, doan-the]", "groups: [mttq, doan-the, mtttq]"),
        "groups: [mttq",
        "“mtttq”",
        "“mttq”",
        alone=False,
    ),
    Bad(
        "group twice in a form",
        Edit("forms/giam-sat.yaml", "groups: [mttq, doan-the]", "groups: [mttq, doan-the, mttq]"),
        "groups: [mttq",
        "đã có ở vị trí 1",
        alone=False,
    ),
    Bad(
        "explains a figure it does not ask",
        Edit("forms/kien-nghi.yaml", "  LD-17.2: ", "  LD-17.3: "),
        "  LD-17.3: ",
        "không hỏi số liệu “LD-17.3”",
        "“LD-17.2”",
    ),
    Bad(
        "not the duty of each group",
        Edit("forms/danh-ba.yaml", "closings:", "duties: [III.8.1]\nclosings:"),
        "duties: [III.8.1]",
        "không phải của nhóm cong-an",
        alone=False,
    ),
    Bad("form code twice", Edit(XA, "code: BM-XA", "code: BM-DAI"), "code: BM-DAI", "đã dùng"),
    # office.yaml, mail.yaml, holidays.yaml
    Bad("unknown zone", Edit("office.yaml", "Asia/Ho_Chi_Minh", "Asia/Tam_Duong"), "timezone:", "múi giờ"),
    Bad(
        "report to nobody",
        Edit("office.yaml", "  - ubnd-tinh@laichau.test\n  - so-ldtbxh@laichau.test", "  []"),
        "report_emails:",
        "đang trống",
    ),
    Bad(
        "password in clear",
        Edit("mail.yaml", "password: ${TREEM_MAIL_PASSWORD:-}", "password: hoa-ban-2027"),
        "password: hoa-ban",
        "ghi thẳng",
    ),
    Bad(
        "password as default",
        Edit("mail.yaml", "${TREEM_MAIL_PASSWORD:-}", "${TREEM_MAIL_PASSWORD:-hoa-ban-2027}"),
        "password: ${TREEM_MAIL_PASSWORD:-h",
        "ghi thẳng",
    ),
    Bad(
        "password as number",
        Edit("mail.yaml", "${TREEM_MAIL_PASSWORD:-}", "20272027"),
        "password: 20272027",
        "ghi thẳng",
        alone=False,
    ),
    Bad(
        "variable not set",
        Edit("mail.yaml", "${TREEM_MAIL_PASSWORD:-}", "${TREEM_MAIL_PASSWORD}"),
        "password: ${TREEM_MAIL_PASSWORD}",
        "Chưa có biến môi trường TREEM_MAIL_PASSWORD",
    ),
    Bad(
        "variable misspelt",
        Edit("mail.yaml", "${TREEM_SMTP_HOST:-127.0.0.1}", "${TREEM-SMTP}"),
        "${TREEM-SMTP}",
        "viết sai",
        alone=False,
    ),
    Bad(
        "port is no number",
        Edit("mail.yaml", "${TREEM_SMTP_PORT:-8025}", "${TREEM_SMTP_PORT:-smtp}"),
        "port:",
        "không phải số",
    ),
    Bad("port out of range", Edit("mail.yaml", "${TREEM_SMTP_PORT:-8025}", "99999"), "port: 99999", "65535"),
    Bad(
        "plain abroad",
        Edit("mail.yaml", "${TREEM_SMTP_HOST:-127.0.0.1}", "thu.tamduong.test"),
        "security:",
        "không mã hóa",
    ),
    Bad(
        "off and worked",
        Edit("holidays.yaml", "off: []\nworking: []", "off: [2027-05-03]\nworking: [2027-05-03]"),
        "working: [2027-05-03]",
        "vừa nghỉ vừa làm bù",
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the configuration that ships."""
    return shutil.copytree(CONFIG, tmp_path / "config")


def apply(folder: Path, edit: Edit) -> None:
    path = folder / edit.file
    text = path.read_text(encoding="utf-8")
    assert edit.old in text, f"{edit.file} no longer holds {edit.old!r}"
    path.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")


def problems(folder: Path, env: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as raised:
        load_settings(folder, env or {})
    return raised.value.problems


def line_of(folder: Path, file: str, text: str) -> int:
    """The line on which the text begins."""
    content = (folder / file).read_text(encoding="utf-8")
    assert text in content
    return content[: content.index(text)].count("\n") + 1


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_mistake_is_named_with_file_line_and_remedy(folder: Path, bad: Bad) -> None:
    apply(folder, bad.edit)
    found = problems(folder)
    file = bad.file or bad.edit.file
    line = line_of(folder, file, bad.at) + bad.below
    matching = [p for p in found if p.file == f"config/{file}" and p.line == line and bad.message in p.message]
    assert matching, "\n".join(map(str, found))
    assert all(bad.remedy in p.remedy and p.remedy for p in matching)
    if bad.alone:
        assert len(found) == 1, "\n".join(map(str, found))


def test_the_shipped_configuration_has_no_problem() -> None:
    settings = load_settings(CONFIG, {})
    assert len(settings.register_.bodies) == 28
    assert settings.body("03424", date(2027, 6, 1)).name == "Ủy ban nhân dân xã Bản Bo"


def test_all_problems_of_all_files_come_at_once(folder: Path) -> None:
    apply(folder, Edit("plan.yaml", "hour: 8", "hour: tám"))
    apply(folder, Edit("bodies.yaml", 'code: "03400"', "code: 03400"))
    apply(folder, Edit("indicators.yaml", "numerator: LD-03", "numerator: LD-0"))
    apply(folder, Edit(XA, "key: kien-nghi", "key: Kn"))
    (folder / "office.yaml").unlink()
    found = problems(folder)
    assert {p.file for p in found} == {
        f"config/{name}" for name in ("plan.yaml", "bodies.yaml", "indicators.yaml", XA, "office.yaml")
    }
    assert len(found) == 5


def test_an_error_reads_as_one_line_a_problem(folder: Path) -> None:
    apply(folder, Edit("plan.yaml", '{before: "06-15"}', '{before: "02-31"}'))
    apply(folder, Edit("mail.yaml", "folder: INBOX", "foder: INBOX"))
    with pytest.raises(ConfigError) as raised:
        load_settings(folder, {})
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"config/mail.yaml:{line_of(folder, 'mail.yaml', 'foder')}: foder: ")
    assert first.endswith("→ Có phải là “folder”? Hãy sửa lại.")
    assert "activities › bao-cao-6-thang › collections › bao-cao › due › before" in second
    assert " → " in second


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "mail.yaml").unlink()
    (found,) = problems(folder)
    assert (found.file, found.line, found.message) == ("config/mail.yaml", 1, "Thiếu tệp này.")


def test_a_missing_folder_names_every_file(tmp_path: Path) -> None:
    found = problems(tmp_path / "config")
    assert {p.file.removeprefix("config/") for p in found} == {
        "office.yaml", "bodies.yaml", "plan.yaml", "indicators.yaml", "mail.yaml", "holidays.yaml", "forms"
    }  # fmt: skip


def test_a_file_under_a_wrong_name_is_not_passed_over(folder: Path) -> None:
    (folder / "holiday.yaml").write_text("off: [2027-05-03]\n", encoding="utf-8")
    (folder / "forms" / "moi.yml").write_text("code: BM-MOI\n", encoding="utf-8")
    found = problems(folder)
    assert [p.file for p in found] == ["config/forms/moi.yml", "config/holiday.yaml"]
    assert all("không được đọc" in p.message for p in found)


def test_a_file_in_an_old_encoding_is_named(folder: Path) -> None:
    (folder / "office.yaml").write_bytes("name: Phòng".encode("cp1258", errors="replace") + b"\xf2")
    (found,) = problems(folder)
    assert found.file == "config/office.yaml"
    assert "UTF-8" in found.remedy


def test_decomposed_letters_are_composed(folder: Path) -> None:
    """macOS editors may write "Bản" as separate letters and marks; names must still compare equal."""
    apply(folder, Edit("bodies.yaml", "xã Bản Bo", "xã Ba\u0309n Bo"))
    assert load_settings(folder, {}).body("03424", date(2027, 6, 1)).name.endswith("xã Bản Bo")


def test_one_code_may_serve_two_bodies_one_after_the_other(folder: Path) -> None:
    """GSO gave 03390 to xã Bình Lư when thị trấn Tam Đường ended."""
    path = folder / "bodies.yaml"
    text = path.read_text(encoding="utf-8")
    head, tail = text.split('- code: "03390"')
    tail = tail.replace("valid_from: 2020-03-01", "valid_from: 2020-03-01\n    valid_to: 2025-06-30", 1)
    new = (
        '\n  - code: "03390"\n    name: Ủy ban nhân dân xã Bình Lư\n    group: xa\n    kind: commune\n'
        "    emails: [xa-binh-lu-moi@tamduong.test]\n    valid_from: 2025-07-01\n"
    )
    path.write_text(f'{head}- code: "03390"{tail}{new}', encoding="utf-8")
    settings = load_settings(folder, {})
    assert settings.body("03390", date(2025, 6, 30)).name.endswith("Tam Đường")
    assert settings.body("03390", date(2025, 7, 1)).name.endswith("Bình Lư")


def test_the_environment_fills_in_servers_and_secrets(folder: Path) -> None:
    apply(folder, Edit("mail.yaml", "${TREEM_MAIL_PASSWORD:-}", "${TREEM_MAIL_PASSWORD}"))
    env = {"TREEM_SMTP_PORT": "2525", "TREEM_MAIL_PASSWORD": "0123", "TREEM_SMTP_HOST": ""}
    mail = load_settings(folder, env).mail
    assert (mail.smtp.port, mail.smtp.password, mail.smtp.host) == (2525, "0123", "127.0.0.1")
    assert mail.imap.port == 8143


def test_no_secret_is_ever_repeated(folder: Path) -> None:
    apply(folder, Edit("mail.yaml", "${TREEM_SMTP_PORT:-8025}", "${TREEM_MAIL_PASSWORD}"))
    apply(folder, Edit("mail.yaml", "password: ${TREEM_MAIL_PASSWORD:-}", "password: [bi-mat-1, bi-mat-2]"))
    apply(folder, Edit("mail.yaml", "password: ${TREEM_MAIL_PASSWORD:-}", "password: 987654321"))
    said = "\n".join(map(str, problems(folder, {"TREEM_MAIL_PASSWORD": "bi-mat-3"})))
    assert "ghi thẳng" in said
    assert "bi-mat" not in said
    assert "987654321" not in said


def test_a_key_named_on_is_a_word_not_a_truth_value(folder: Path) -> None:
    apply(folder, Edit("plan.yaml", '{before: "06-15"}', '{on: "06-14"}'))
    assert load_settings(folder, {}).activity("bao-cao-6-thang").collections[0].due.on == "06-14"


def test_a_real_server_needs_its_password(folder: Path) -> None:
    env = {"TREEM_SMTP_HOST": "thu.tamduong.test", "TREEM_SMTP_SECURITY": "tls", "TREEM_MAIL_USER": "treem"}
    (found,) = problems(folder, env)
    assert (found.file, found.line) == ("config/mail.yaml", line_of(folder, "mail.yaml", "  password:"))
    assert "Chưa có mật khẩu" in found.message
    assert load_settings(folder, env | {"TREEM_MAIL_PASSWORD": "x"}).mail.smtp.host == "thu.tamduong.test"
