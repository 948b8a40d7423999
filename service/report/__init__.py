"""What a study shows: statistics, figures, Markdown and one self-contained HTML file."""

from service.report.build import Report, build_report, shown_report

__all__ = ["Report", "build_report", "shown_report"]
