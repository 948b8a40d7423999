"""How files of written plans are called."""

from __future__ import annotations

PLAN_SUFFIXES = (".md", ".markdown", ".txt", ".json", ".jsonl", ".ndjson")
"""Files that are plans, whatever they hold."""

YAML = (".yaml", ".yml")
