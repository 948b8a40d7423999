"""The noise process and sampling."""
