"""Weights of other code bases, in and out. To add a layout: a new file with a ``Layout`` and one line here."""

from __future__ import annotations

from dit_core.interop.diffusers import Diffusers
from dit_core.interop.layout import Layout
from dit_core.interop.official import Official
from dit_core.registry import Registry

LAYOUTS: Registry[Layout] = Registry("layout", {"official": Official(), "diffusers": Diffusers()})

__all__ = ["LAYOUTS", "Layout"]
