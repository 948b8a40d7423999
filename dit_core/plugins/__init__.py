"""Code from outside: a file that a study names, or an installed package, registers parts of its own.

``bundle`` reads a plugin's source with the modules that it imports from beside it; its digest is what identities hold
of every part that it registers. ``active`` imports bundles, from what was read and not from where it lies, so that a
file that is edited during a run changes nothing there. ``reading`` tells without running anything what a plugin would
register. ``installed`` finds packages by the entry-point group ``dit_ablate.plugins``. Whether code may run at all is
not decided here: see ``service.trust``.
"""
