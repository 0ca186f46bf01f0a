"""A response taken apart, before anything is read: its thinking, its answer, and what comes after the turn's end."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from itertools import islice

_TURNS = 6
_NAME = r"(?:[a-z]{1,12}[_:])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis)"
_BRACKETED = "(?-i:THINK|THINKING)"  # "[Reasoning]" may be a heading
_THINKING = re.compile(
    rf"(?P<close></{_NAME}>|\[/{_BRACKETED}\]|<\|/{_NAME}\|>|\u25c1/{_NAME}\u25b7|\\end\{{{_NAME}\}}|<\|end_?(?:of_)?{_NAME}\|>"
    r"|<channel\|>|<\|channel\|>final<\|message\|>|<unused95>)"
    rf"|<{_NAME}>|\[{_BRACKETED}\]|<\|{_NAME}\|>|\u25c1{_NAME}\u25b7|\\begin\{{{_NAME}\}}"
    rf"|<\|(?:begin|start)_?(?:of_)?{_NAME}\|>|<\|channel>thought\n?|<\|channel\|>analysis<\|message\|>|<unused94>",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?:\s{0,4}(?:<\|(?:im_start|start_header_id|start|begin_of_text|message|end_header_id)\|>|<start_of_turn>|<bos>|<s>)"
    r"(?:assistant|model)?)+\n{0,2}"
)
_END = re.compile(
    r"<\|(?:im_end|endoftext|eot_id|eom_id|end_of_text|end|return|endofturn|end_of_turn|END_OF_TURN_TOKEN)\|>|</s>"
    r"|<(?:end_of_turn|eos|eos_token|turn\||\|eos\||\uff5cend\u2581of\u2581sentence\uff5c)>"
    r"|<(?:\|[a-z_]{0,16}\|?|/s?|end_of_[a-z]{0,4})?\Z"  # the end of a turn that the token limit or a stop cut
)
_TURN = re.compile(
    r"(?:^|(?<=>))[ ]{0,3}+(?:(?P<role><\|(?:im_start|start_header_id|user|system|assistant|start)\|>|<start_of_turn>"
    r"|\[INST\]|(?:\*\*|\#{1,4} ?)?(?:Human|User|Instruction)(?:\*\*)?:)"
    r"|(?:\*\*|\#{1,4} ?)?(?:(?:New|Next|Another)\s)?(?:Question|Problem|Q|Exercise|Example)(?: ?\d{1,3})?(?:\*\*)?:)",
    re.MULTILINE,
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_SHUT = re.compile(r"\\boxed\b|####|</\w{1,20}>|\banswer\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """A response, taken apart. Put together again, with the marks between, the parts are the response.

    Args:
        thinking: up to the last mark that closes thinking.
        answer: what readers read.
        after: from the end of the turn on: a mark that ends it, or a turn or an example that the model invented.
        unclosed: thinking was opened and never closed, so that there is no answer.
    """

    thinking: str
    answer: str
    after: str = ""
    unclosed: bool = False


def take_apart(response: str, *, thinking: tuple[str, str] | None = None, opened_in_prompt: bool = False) -> Parts:
    """Take a response apart into thinking, answer and what comes after.

    What stands before the last mark that closes thinking is thinking. Thinking that is open at the end is all there
    is: no answer. Invented turns are found with the reading: they end only what holds an answer (`Reading.parts`).

    Args:
        response: all that a model said, special tokens included.
        thinking: the marks that open and close this model's thinking; None looks for the usual ones.
        opened_in_prompt: the chat template wrote the opening mark: without a closing one all is thinking.

    >>> take_apart("<think>9 * 2 = 18</think>It is 18.<|im_end|>")
    Parts(thinking='9 * 2 = 18', answer='It is 18.', after='<|im_end|>', unclosed=False)
    >>> take_apart("Is it 18? No.</think>20").answer
    '20'
    >>> take_apart("<think>It may be 18").unclosed
    True
    """
    pattern = _THINKING
    if thinking is not None:
        opens, closes = map(re.escape, thinking)
        pattern = re.compile(rf"(?P<close>{closes})|{opens}")
    marks = deque(pattern.finditer(response))
    closed = next((mark for mark in reversed(marks) if mark["close"]), None)
    last = marks[-1] if marks else None
    if last["close"] is None if last else opened_in_prompt:
        return Parts(response[marks[0].end() if marks and not marks[0]["close"] else 0 :], "", unclosed=True)
    start = closed.end() if closed else 0
    thought = response[: closed.start()] if closed else ""
    if marks and marks[0]["close"] is None and not response[: marks[0].start()].strip():
        thought = thought[marks[0].end() :]
    header = _HEADER.match(response, start)
    begin = header.end() if header else start
    end = next(
        (match.start() for match in _END.finditer(response, begin) if response[begin : match.start()].strip()), None
    )
    return Parts(thought, response[begin:end], "" if end is None else response[end:])


def turns(answer: str, question: str = "") -> list[int]:
    """Where an invented turn or example may begin, the first few: at the start of a line, or behind a closing tag.

    An example ("Question:", "Problem:") begins after a blank line or after a line that gives an answer.

    >>> turns("#### 18\\n\\nHuman: And two robes?")
    [9]
    >>> turns("Question: How many eggs?\\nAnswer: 18")
    []
    """
    asked = _squeezed(question)
    found = []
    for match in islice(_TURN.finditer(answer), 4 * _TURNS):
        before = answer[max(0, match.start() - 400) : match.start()]
        above = before.rstrip().rpartition("\n")[2]
        fresh = match["role"] or before.rstrip(" \t").endswith("\n\n") or _SHUT.search(above)
        fenced = len(_FENCE.findall(answer, 0, match.start())) % 2
        if not before.strip() or not fresh or above.endswith(":") or fenced:
            continue
        repeated = _squeezed(answer[match.end() : match.end() + 80])[:20]
        if not (len(repeated) == 20 and repeated in asked):
            found.append(match.start())
    return found[:_TURNS]


def _squeezed(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
