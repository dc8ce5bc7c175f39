"""Recomputing instead of storing in reverse mode."""

from .control.checkpoint import checkpoint as checkpoint
from .control.checkpoint import checkpoint_policies as checkpoint_policies
