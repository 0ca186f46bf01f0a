"""A user's own folder of tasks, as one would write it for lm-eval: data as JSON lines beside the YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NUMBERS = [(3, 4), (5, 12), (20, 22), (7, 6), (9, 30), (1, 1)]
CHOICES = [
    ("Which planet is the largest of them all?", ["Mars", "Venus", "Jupiter", "Mercury"], 2),
    ("What do plants take up from the air around them?", ["carbon dioxide", "helium", "neon", "argon"], 0),
    ("Which of these animals lays eggs during spring?", ["whale", "hen", "horse", "bat"], 1),
    ("Which metal is liquid when the weather is warm?", ["iron", "gold", "copper", "mercury"], 3),
    ("Which word names a colour that people often wear?", ["red", "seven", "loud", "wet"], 0),
]

ADD = """
task: own_add
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/add.jsonl, train: {folder}/add_train.jsonl}}
training_split: train
test_split: test
fewshot_split: train
output_type: generate_until
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["Question:"], max_gen_toks: 24, do_sample: false}}
filter_list:
  - name: strict-match
    filter: [{{function: regex, regex_pattern: "#### (\\\\-?[0-9]+)"}}, {{function: take_first}}]
  - name: flexible-extract
    filter: [{{function: regex, group_select: -1, regex_pattern: "(-?[0-9]+)"}}, {{function: take_first}}]
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
"""
LETTERS = """
task: own_letters
tag: own_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/choices.jsonl, validation: {folder}/choices.jsonl}}}}
test_split: test
validation_split: validation
output_type: multiple_choice
doc_to_text: {shown}
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""
TEXTS = """
task: own_texts
tag: own_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/choices.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
PRO = """
include: _pro_template
task: own_pro
doc_to_text: !function pro.text
"""
PRO_TEMPLATE = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/pro.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_target: answer
description: "The following are multiple choice questions.\\n\\n"
generation_kwargs: {{until: ["Question:"], max_gen_toks: 32}}
filter_list:
  - name: custom-extract
    filter: [{{function: regex, regex_pattern: 'answer is \\(?([A-J])\\)?'}}, {{function: take_first}}]
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}]
"""
PRO_CODE = """
LETTERS = "ABCDEFGHIJ"


def text(doc):
    lines = [f"{letter}. {option.strip()}" for letter, option in zip(LETTERS, doc["options"])]
    return "Question:\\n" + doc["question"] + "\\nOptions:\\n" + "\\n".join(lines) + "\\nAnswer:"
"""
GROUP = """
group: own_all
task: [own_add, own_choices]
"""


SHOWN = (
    '"{{question.strip()}}\\nA. {{choices[0]}}\\nB. {{choices[1]}}\\nC. {{choices[2]}}\\nD. {{choices[3]}}\\nAnswer:"'
)


def records(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def addition(a: int, b: int) -> dict[str, Any]:
    question = f"Ana has {a} red apples in the basket and buys {b} more at the market. How many apples does she have?"
    return {"question": question, "answer": str(a + b)}


def make(folder: Path) -> Path:
    """The folder with four tasks, a tag and a group."""
    folder.mkdir(parents=True)
    records(folder / "add.jsonl", [addition(a, b) for a, b in NUMBERS])
    records(folder / "add_train.jsonl", [addition(a, a) for a in range(40, 48)])
    records(folder / "choices.jsonl", [{"question": q, "choices": c, "answer": g} for q, c, g in CHOICES])
    pro = [{"question": q, "options": c, "answer": "ABCD"[g], "answer_index": g} for q, c, g in CHOICES]
    records(folder / "pro.jsonl", pro)
    files = {"add.yaml": ADD, "letters.yaml": LETTERS, "texts.yaml": TEXTS, "_pro_template": PRO_TEMPLATE}
    for name, text in files.items():
        (folder / name).write_text(text.format(folder=folder, shown=SHOWN))
    (folder / "pro.yaml").write_text(PRO)
    (folder / "pro.py").write_text(PRO_CODE)
    (folder / "all.yaml").write_text(GROUP)
    return folder
