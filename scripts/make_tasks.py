"""Write the YAML of all family tasks and of BIG-Bench-Hard's subtasks below tasks/; files it no longer knows go.

    python scripts/make_tasks.py
"""

from rveval import task_files

if __name__ == "__main__":
    written = task_files.write()
    print(f"{written} task files below {task_files.folder()}")
