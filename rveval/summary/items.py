"""The item files of a report: `report/NAME/items/*.js`, pieces of at most about a megabyte, loaded when looked at.

Each file is one call, `rveval_items("KEY", VALUE)`, with KEY the file's name without `.js`: a page that was opened from
the disk can't fetch, but it can add a script. VALUE is JSON in ASCII (`<` and `>` escaped too). `items` of summary.json
lists all files as sets; a set is a task in a draw, and an item has the same place (0, 1, ...) in all files of its set.
A file holds the items first, first+1, ..., first+n-1.

    S-items-P      {"first", "ids": [...], "changed": [0|1, ...], "left_alone": [reason, ...]}
                   `changed`: the prompt differs from the clean one; `left_alone`: why not (wholly), "" for nothing
    S-prompts-P    {"first", "prompts": [...], "targets": [...]}       once a set: all its variants were asked the same
    S-V-marks-P    {"first", "samples": k, "right": [...], "strict": [...], "failed": [...], "cut": [...],
                    "tokens": [...], "steps": [...], "move": [...], "class": [...]}
                   of the k samples of an item, how many are right (flexible), right (strict), had no answer that could
                   be read, were cut off; `tokens` their mean; `steps` how many show steps;
                   `move` against the baseline: 1 fixed, -1 broken, 0 neither (also for the baseline and without one);
                   `class`: "" or why it moved, one of `typed.Class`
    S-V-texts-P    {"first", "responses": [...], "extracted": [...], "strict": [...], "why": [...], "prompts": {...}}
                   of each item's first sample: the whole response, what the flexible and the strict reading took
                   (null: nothing), how its code ended ("" elsewhere); `prompts` maps a place to a prompt where it is
                   not the set's (rare)

S is a set's id ("s0"), V a variant's, P the number of the piece. A text of more than 100,000 characters is cut, with a
last line `[... N characters more]`.
"""

from __future__ import annotations
