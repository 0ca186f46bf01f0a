"""What a study says, for people: terminal, page, Markdown, CSV, LaTeX, JSON, W&B."""
