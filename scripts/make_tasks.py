"""Write the YAML of all family tasks, of BIG-Bench-Hard's subtasks and of stock tasks; files it no longer knows go.

python scripts/make_tasks.py
"""

from rveval.benchmarks import task_files
from rveval.benchmarks.hooks import stock_files

if __name__ == "__main__":
    written = task_files.write() + stock_files.write(task_files.folder())
    print(f"{written} task files below {task_files.folder()}")
