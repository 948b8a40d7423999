"""Where results come from: which code, versions, machine and command a run had, recorded once when it begins."""
