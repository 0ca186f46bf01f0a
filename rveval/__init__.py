"""rveval: does adding a task vector to a model make it better, on what, and does the gain survive hostile prompts?"""

__version__ = "0.1.0"
