"""Make the tiny family again from nothing: data, tokenizer, models, measurements, cards.

    python scripts/train_tiny.py                      # build into build/tiny, then package into rveval/tiny
    python scripts/train_tiny.py --no-package         # build and measure only
    python scripts/train_tiny.py --smoke --work DIR   # the whole chain at a handful of steps

Needs `pip install rveval[train]`. Stages that are done are skipped; delete a stage's folder under the work folder to
run it again. Uses a GPU if there is one; the packaged weights come from the CPU, with one thread.
"""

from rveval.tiny.main import main

if __name__ == "__main__":
    main()
