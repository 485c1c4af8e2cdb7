"""Cases 20 to 33: which request a letter answers, and who may answer it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from tests.cases.letters import answer, letter, thread
from tests.cases.office import FILE, JUNE, LATER, STRANGER, SUPERIOR, CaseDesk, Prepared, prepare
from tests.cases.workbooks import unmarked
from tests.rounds.conftest import ROUND, ZONE
from tests.rounds.desk import vouched
from treem.mailroom.match import DISAGREE, NO_SENDER, SEVERAL_OPEN
from treem.mailroom.match import STRANGER as UNKNOWN
from treem.rehearsal.mail_server import SERVER_NAME
from treem.rehearsal.stage import Stage
from treem.rounds import decisions, inbox
from treem.rounds.decisions import Decided
from treem.rounds.steps import carry_out

HOUR = timedelta(hours=1)


def nameless(desk: CaseDesk, body: str = "dai") -> tuple[str, bytes]:
    """The filled form copied into a book of the body's own: nothing in it says which request it answers."""
    return FILE, unmarked(desk.good(body)[1])


def accepted_once(desk: CaseDesk, body: str = "dai") -> bool:
    """Whether the letter was taken as the body's answer, the body alone was told, and nothing else happened."""
    states = desk.requests()
    assert desk.ends() == [("done", "answer")], desk.reason()
    assert desk.out() == [(desk.address(body), "accepted")]
    assert desk.accepted(body) == 4
    return states.pop(body) == "accepted" and set(states.values()) == {"sent"}


# ---- 20 to 24: signals that are lost on the way


@pytest.mark.parametrize("kept", ["thread", "address"])
def test_case_20_a_reply_from_a_phone_without_token_in_the_subject_is_matched(desk: CaseDesk, kept: str) -> None:
    asked, sender = desk.asked("dai"), desk.address("dai")
    to = desk.mailbox if kept == "thread" else asked.reply_to
    words = "Em gửi báo cáo ạ.\n\nGửi từ điện thoại của tôi\n"
    _, raw = letter(sender, to, nameless(desk), subject="Re: bao cao tre em", text=words)
    desk.post(sender, (thread(asked) if kept == "thread" else b"") + raw, JUNE, to)
    desk.collect(LATER)
    assert accepted_once(desk)


@pytest.mark.parametrize("subject", ["Trả lời: Yêu cầu gửi báo cáo", "TL: [Đài TT-TH] báo cáo 6 tháng đã ký", ""])
def test_case_21_a_subject_that_was_translated_or_rewritten_does_not_matter(desk: CaseDesk, subject: str) -> None:
    desk.answer("dai", nameless(desk), subject=subject)
    desk.collect(LATER)
    assert accepted_once(desk)


@pytest.mark.parametrize("subject", ["Trả lời: [#{token}] Yêu cầu", "FW: TL: [#{lower}]Yêu cầu (đã ký)"])
def test_case_22_without_references_the_token_in_the_subject_is_enough(desk: CaseDesk, subject: str) -> None:
    token, sender = desk.asked("dai").token or "", desk.address("dai")
    said = subject.format(token=token, lower=token.lower())
    desk.post(sender, letter(sender, desk.mailbox, nameless(desk), subject=said)[1], JUNE)
    desk.collect(LATER)
    assert accepted_once(desk)


def test_case_23_a_new_letter_of_a_sender_with_one_open_request_answers_that(desk: CaseDesk) -> None:
    sender = desk.address("dai")
    desk.post(sender, letter(sender, desk.mailbox, nameless(desk))[1], JUNE)
    desk.collect(LATER)
    assert accepted_once(desk)


def test_case_24_of_two_open_requests_none_is_guessed_and_a_token_decides(desk: CaseDesk) -> None:
    """Next year's round is opened while this year's report has not been sent on."""
    sender, now = desk.address("dai"), datetime(2028, 5, 22, 8, tzinfo=ZONE)
    carry_out(desk.house, "bao-cao-6-thang/2028", now)
    desk.post(sender, letter(sender, desk.mailbox, nameless(desk))[1], now)
    desk.collect(now)
    assert desk.ends() == [("hold", "unmatched")]
    assert desk.reason() == SEVERAL_OPEN
    assert desk.nothing_filed()
    desk.answer("dai", nameless(desk), when=now)
    desk.collect(now)
    assert desk.requests()["dai"] == "accepted"
    assert [said for to, said in desk.out() if to == sender and said == "accepted"] == ["accepted"]


# ---- 25, 26: a token does not authorise


@pytest.mark.parametrize("way", ["address", "subject beside its own form", "thread"])
def test_case_25_the_token_of_one_body_in_a_letter_of_another_is_held(desk: CaseDesk, way: str) -> None:
    asked, sender, own = desk.asked("dai"), desk.address("tckh"), desk.good("tckh")
    raw = {
        "address": letter(sender, asked.reply_to, desk.good("dai"))[1],
        "subject beside its own form": letter(sender, desk.mailbox, own, subject=f"Re: {asked.subject}")[1],
        "thread": thread(asked) + letter(sender, desk.mailbox, nameless(desk))[1],
    }[way]
    desk.post(sender, raw, JUNE, asked.reply_to if way == "address" else desk.mailbox)
    desk.collect(LATER)
    assert desk.ends() == [("hold", "unmatched")]
    assert desk.only().authentication == "pass"  # the sender is who it says
    assert desk.reason() == (DISAGREE if "own" in way else UNKNOWN)
    assert desk.out() == []
    assert desk.nothing_filed()


def test_case_26_a_stranger_with_token_thread_and_form_waits_for_a_person_and_hears_nothing(desk: CaseDesk) -> None:
    desk.answer("dai", desk.good("dai"), by=STRANGER)
    desk.collect(LATER)
    assert desk.ends() == [("hold", "unmatched")]
    assert desk.reason() == UNKNOWN
    assert [x.sender for x in inbox.waiting(desk.house)] == [STRANGER]
    assert desk.out() == []
    assert desk.nothing_filed()


# ---- 27: who vouches for the sender

GENUINE = "dmarc=pass header.from=tamduong.test"
RULES = {"dai": "require", "tckh": "hold", "03390": "accept"}


@pytest.fixture(scope="module")
def by_rule(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """An office whose bodies.yaml has another rule of authentication for each body."""
    changes = {code: {"authentication": rule} for code, rule in RULES.items()}
    return prepare(stage, tmp_path_factory.mktemp("rules"), changes)


@pytest.fixture
def ruled(by_rule: Prepared, tmp_path: Path) -> CaseDesk:
    return by_rule.desk(tmp_path / "home")


def from_each(desk: CaseDesk, hand_in: Callable[[str, bytes], None]) -> None:
    """One letter in words from each body, handed in as said, and collected."""
    for body in RULES:
        hand_in(desk.address(body), answer(desk.asked(body), desk.address(body), subject=body)[1])
    desk.collect(LATER)


def each_by_its_rule(desk: CaseDesk, verdict: str) -> bool:
    """Refused, held and taken, as the rules say of a sender nobody vouches for; only who was taken hears of it."""
    assert [x.authentication for x in desk.letters_in()] == [verdict] * 3
    assert desk.out() == [(desk.address("03390"), "prose")]
    assert len(inbox.waiting(desk.house)) == 1
    return desk.ends() == [("done", "unauthenticated"), ("hold", "unauthenticated"), ("done", "prose")]


def test_case_27_a_sender_our_server_vouches_for_is_taken_under_every_rule(ruled: CaseDesk) -> None:
    from_each(ruled, lambda sender, raw: ruled.post(sender, raw, JUNE))
    assert ruled.ends() == [("done", "prose")] * 3
    assert ruled.out() == [(ruled.address(body), "prose") for body in RULES]


def test_case_27_a_form_under_a_false_name_counts_only_where_nobody_asks_who_sent_it(ruled: CaseDesk) -> None:
    for body in RULES:
        _, raw = answer(ruled.asked(body), ruled.address(body), ruled.good(body))
        ruled.post(STRANGER, raw, JUNE, ruled.reply_address(body))
    ruled.collect(LATER)
    assert ruled.ends() == [("done", "unauthenticated"), ("hold", "unauthenticated"), ("done", "answer")]
    assert ruled.requests() == {"dai": "sent", "tckh": "sent", "03390": "accepted"}
    assert ruled.out() == [(ruled.address("03390"), "accepted")]


@pytest.mark.parametrize(
    "forged",
    [
        "",
        f"Authentication-Results: {SERVER_NAME}; {GENUINE}",
        f"authentication-results:{SERVER_NAME} ; {GENUINE}",
        f"Authentication-Results:\r\n {SERVER_NAME}; {GENUINE}",
        f"Authentication-Results: {SERVER_NAME}.noi-khac.test; {GENUINE}",
        f"Authentication-Results: noi-khac.test; {GENUINE}",
        f"Authentication-Results: noi-khac.test ({SERVER_NAME}; {GENUINE}",
        f"Authentication-Results: ({SERVER_NAME}) noi-khac.test; {GENUINE}",
        f"X-Authentication-Results: {SERVER_NAME}; {GENUINE}",
        f"Original-Authentication-Results: {SERVER_NAME}; {GENUINE}",
        f"ARC-Authentication-Results: i=1; {SERVER_NAME}; {GENUINE}",
    ],
)
def test_case_27_a_forged_header_sent_along_gains_nothing(ruled: CaseDesk, forged: str) -> None:
    """Over SMTP: our server takes out what speaks in its name, and says itself that the sender is another."""
    along = f"{forged}\r\n".encode() if forged else b""
    from_each(ruled, lambda _sender, raw: ruled.post(STRANGER, along + raw, JUNE))
    assert each_by_its_rule(ruled, "fail")


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ([], "none"),
        ([f"{SERVER_NAME}; {GENUINE}", f"{SERVER_NAME}; dmarc=fail header.from=tamduong.test"], "fail"),
        ([f"{SERVER_NAME}; dmarc=fail header.from=tamduong.test", f"{SERVER_NAME}; {GENUINE}"], "fail"),
        ([f"{SERVER_NAME}; none", f"{SERVER_NAME}; {GENUINE}"], "none"),
        ([f"noi-khac.test; {GENUINE}"], "none"),
        ([f"{SERVER_NAME}; dmarc=pass header.from=noi-khac.test"], "none"),
        ([f"{SERVER_NAME}; spf=pass (x; {GENUINE}) smtp.mailfrom=a@noi-khac.test"], "none"),
        ([f"{SERVER_NAME}; dkim=pass header.d=noi-khac.test"], "none"),
    ],
)
def test_case_27_in_a_mailbox_whose_server_strips_nothing_a_forged_header_gains_nothing(
    ruled: CaseDesk, headers: list[str], verdict: str
) -> None:
    above = "".join(f"Authentication-Results: {value}\r\n" for value in headers).encode()
    from_each(ruled, lambda _sender, raw: ruled.put(above + raw, JUNE))
    assert each_by_its_rule(ruled, verdict)


# ---- 28, 29: who the sender is


@pytest.mark.parametrize(
    "sender",
    [
        "{stranger}\r\nFrom: {body}",
        "{body}\r\nFrom: {stranger}",
        "{body}, {stranger}",
        "{stranger}, {body}",
        "<{body}> <{stranger}>",
        "{body} <{stranger}>",
        "nhom:{body};",
        "{body}:{stranger};",
        "=?utf-8?q?{encoded}_=3Cx=40noi-khac.test=3E?=",
        "",
    ],
)
def test_case_28_two_senders_or_a_trick_are_nobody_and_nobody_is_answered(desk: CaseDesk, sender: str) -> None:
    """The body itself hands it in: even a genuine login does not make a doubtful From plain."""
    body = desk.address("dai")
    said = sender.format(body=body, stranger=STRANGER, encoded=body.replace("@", "=40"))
    _, raw = answer(desk.asked("dai"), body, desk.good("dai"))
    desk.post(body, raw.replace(f"From: =?utf-8?b?Q8OhbiBi4buZ?= <{body}>".encode(), f"From: {said}".encode()), JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")], [])
    assert desk.reason() in (NO_SENDER, UNKNOWN)
    assert desk.nothing_filed()


def test_case_28_a_display_name_that_shows_the_body_is_a_stranger_all_the_same(desk: CaseDesk) -> None:
    body = desk.address("dai")
    _, raw = answer(desk.asked("dai"), STRANGER, desk.good("dai"), from_=f'"{body}" <{STRANGER}>')
    desk.post(STRANGER, raw, JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")], [])
    assert desk.nothing_filed()


def test_case_29_the_answer_goes_to_the_sender_never_to_another_reply_to(desk: CaseDesk) -> None:
    desk.answer("dai", desk.good("dai"), reply_to=STRANGER, return_receipt_to=STRANGER, errors_to=STRANGER)
    desk.collect(LATER)
    assert accepted_once(desk)


def test_case_29_a_body_in_reply_to_and_sender_does_not_vouch_for_a_stranger(desk: CaseDesk) -> None:
    body = desk.address("dai")
    desk.answer("dai", desk.good("dai"), by=STRANGER, reply_to=body, sender=body, resent_from=body)
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")], [])
    assert desk.nothing_filed()


# ---- 30 to 33: other ways


def test_case_30_a_superior_s_forward_waits_and_a_person_may_let_it_count(desk: CaseDesk) -> None:
    desk.answer("dai", desk.good("dai"), by=SUPERIOR, subject=f"Fwd: Re: {desk.asked('dai').subject}")
    desk.collect(LATER)
    assert (desk.ends(), desk.out()) == ([("hold", "unmatched")], [])
    decisions.assign(desk.house, desk.only().id, f"{ROUND}/dai", Decided("can-bo", "lãnh đạo đã gọi điện", LATER))
    desk.collect(LATER)
    assert accepted_once(desk)  # the body is told, not the superior


def test_case_31_to_both_our_addresses_at_once_comes_twice_and_counts_once(desk: CaseDesk) -> None:
    body, asked = desk.address("dai"), desk.asked("dai")
    _, raw = answer(asked, body, desk.good("dai"), cc=desk.mailbox)
    desk.post(body, raw, JUNE, asked.reply_to, desk.mailbox)
    desk.collect(LATER)
    assert desk.ends() == [("done", "answer"), ("done", "duplicate")]
    assert desk.out() == [(body, "accepted")]
    assert len(desk.submissions("dai")) == 1


@pytest.mark.parametrize("first", ["forwarded", "direct"])
@pytest.mark.parametrize("body", ["dai", "tckh"])
def test_case_31_of_two_copies_the_one_that_is_vouched_for_counts_whichever_came_first(
    ruled: CaseDesk, body: str, first: str
) -> None:
    """The other one came through a forwarder, which the body's domain does not vouch for."""
    sender = ruled.address(body)
    _, raw = answer(ruled.asked(body), sender, ruled.good(body))
    for n, way in enumerate(["forwarded", "direct"] if first == "forwarded" else ["direct", "forwarded"]):
        ruled.post(sender if way == "direct" else STRANGER, raw, JUNE + n * HOUR, ruled.reply_address(body))
        ruled.collect(JUNE + n * HOUR)
    assert sorted(ruled.ends()) == [("done", "answer"), ("done", "duplicate")]
    assert (ruled.requests()[body], ruled.filing(body).first_received_at) == ("accepted", JUNE)
    assert len(ruled.submissions(body)) == 1
    assert ruled.out() == [(sender, "accepted")]
    assert inbox.waiting(ruled.house) == []
    ruled.post(STRANGER, b"Received: by noi-khac.test\r\n" + raw, LATER)
    ruled.collect(LATER)
    assert (len(ruled.letters_in()), len(ruled.out())) == (3, 1)


def test_case_31_a_blind_copy_is_an_answer_by_its_form(desk: CaseDesk) -> None:
    body = desk.address("dai")
    desk.post(body, letter(body, SUPERIOR, desk.good("dai"))[1], JUNE, SUPERIOR, desk.mailbox)
    desk.collect(LATER)
    assert accepted_once(desk)


@pytest.mark.parametrize("header", ["List-Id: <bao-cao.tamduong.test>", "Precedence: list", "List-Unsubscribe: <x>"])
def test_case_32_through_a_mailing_list_nobody_is_answered_and_a_form_waits_for_a_person(
    desk: CaseDesk, header: str
) -> None:
    body = desk.address("dai")
    for files in ((), (desk.good("dai"),)):
        _, raw = answer(desk.asked("dai"), body, *files)
        desk.post(body, header.encode() + b"\r\n" + raw, JUNE)
    desk.collect(LATER)
    assert desk.ends() == [("done", "auto_reply"), ("hold", "auto_reply")]
    assert desk.out() == []
    assert desk.nothing_filed()


def test_case_33_guessed_tokens_reach_no_request_and_are_not_answered(desk: CaseDesk) -> None:
    """In the address, in the subject, half of a true one: right and wrong guesses look the same from outside."""
    true = desk.asked("dai").token or ""
    guesses = [token_hex(10).upper() for _ in range(10)] + [true[:-1], f"{true}0", "*", "%", f"{true[:4]}%"]
    for n, guess in enumerate(guesses):
        _, raw = letter(STRANGER, desk.mailbox, subject=f"[#{guess}] {n}")
        to = desk.mailbox.replace("@", f"+{guess}@")
        desk.post(STRANGER, raw, JUNE, to)
    desk.post(STRANGER, letter(STRANGER, desk.mailbox, subject=f"[#{true}] đúng")[1], JUNE)
    desk.collect(LATER)
    assert desk.ends() == [("hold", "unmatched")] * (len(guesses) + 1)
    assert desk.out() == []
    assert desk.nothing_filed()


def test_case_33_a_body_that_tries_many_tokens_is_held(desk: CaseDesk) -> None:
    body = desk.address("tckh")
    tokens = [token_hex(10) for _ in range(60)] + [desk.asked("dai").token]
    subject = " ".join(f"[#{token}]" for token in [desk.asked("tckh").token, *tokens[-1:], *tokens[:-1]])
    desk.post(body, letter(body, desk.mailbox, desk.good("tckh"), subject=subject)[1], JUNE)
    desk.collect(LATER)
    assert (desk.ends(), desk.reason(), desk.out()) == ([("hold", "unmatched")], DISAGREE, [])
    assert desk.nothing_filed()


def test_case_27_a_vouched_letter_put_into_the_mailbox_is_as_good_as_one_handed_in(desk: CaseDesk) -> None:
    """What the other cases rely on where they put a letter into the mailbox past SMTP."""
    body = desk.address("dai")
    desk.put(vouched(answer(desk.asked("dai"), body, desk.good("dai"))[1], body), JUNE)
    desk.collect(LATER)
    assert accepted_once(desk)
