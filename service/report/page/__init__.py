"""The HTML report's own parts: interactive figures, their colours, and tables that sort."""
