"""How files of written plans are called."""

from __future__ import annotations

PLAN_SUFFIXES = (".md", ".markdown", ".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson")
"""Files that are plans, whatever they hold."""

YAML = (".yaml", ".yml")

PLANS_ARE = f"a plan ends in {', '.join((*PLAN_SUFFIXES, *YAML))}"
"""How a plan's file ends, for a sentence that refuses another one."""
