"""How models present an answer: thirty forms, with thinking in front of it and a run-on behind."""

from __future__ import annotations

FORMS = (
    "{}",
    "{}.",
    "**{}**",
    "`{}`",
    "#### {}",
    "Let me see.\n#### {}\n",
    "#### **{}**",
    "**#### {}**",
    "The answer is {}.",
    "So the answer is: **{}**",
    "Therefore, the final answer is {}, as was to be shown.",
    "The correct answer would be {}.\n\nI hope that this helps!",
    "Answer: {}",
    "**Answer:** {}\n",
    "**Final Answer**\n\n{}",
    "### Final Answer:\n{}",
    "FINAL ANSWER:\n<answer>\n{}\n</answer>",
    "\\boxed{{{}}}",
    "Thus $\\boxed{{\\text{{{}}}}}$.",
    "**Final Answer**\n\\[ \\boxed{{{}}} \\]\n",
    "<answer>{}</answer>",
    "<answer> {} </answer>\nThis follows from the 3 rules above.",
    "<answer>\n{}\n</answer>",
    "<answer>\\boxed{{{}}}</answer>",
    "<answer>{}",
    "[ANSWER]{}[/ANSWER]",
    "<final_answer>{}</final_answer>",
    '{{"reasoning": "There are 3 of them, so 4 are left.", "answer": "{}"}}',
    'Here:\n```json\n{{\n  "reasoning": "See 1, 2.",\n  "answer": "{}"\n}}\n```\n\nThe key steps:\n1. Look.\n2. See.',
    "First I thought otherwise, in 2 steps.\nHmm.\nAnswer: {}\n\nLet me know if there are 3 more.",
)
THINKING = (
    "",
    "<think>\n{other}? So I could write\n#### {other}\nNo.\n</think>\n\n",
    "Is it \\boxed{{{other}}}? <answer>{other}</answer> No.\n</think>\n",
    "<reasoning>The answer is {other}. Wait, no.</reasoning>\n",
    "[THINK]Answer: {other}[/THINK]",
    "<|channel|>analysis<|message|>It is {other}.<|end|><|start|>assistant<|channel|>final<|message|>",
)
RUN_ON = (
    "",
    "<|im_end|>",
    "</s>\n#### {other}",
    "\n\nHuman: Another one, with 30 in it?\n\nAssistant: <answer>{other}</answer>",
    "\n\nQuestion: And with 5 of them?\nAnswer: The answer is {other}.\n#### {other}",
    "<|im_end|>\n<|im_start|>user\nAnd 7?<|im_end|>\n<|im_start|>assistant\n\\boxed{{{other}}}",
)


def presented(number: int, answer: str, other: str) -> str:
    """An answer in one of all forms, counted through; `other` is what the thinking and the run-on say instead."""
    form = FORMS[number % len(FORMS)].format(answer)
    thinking = THINKING[number // len(FORMS) % len(THINKING)].format(other=other)
    return thinking + form + RUN_ON[number // len(FORMS) // len(THINKING) % len(RUN_ON)].format(other=other)


EVERY = len(FORMS) * len(THINKING) * len(RUN_ON)
