"""Recomputing instead of storing in reverse mode."""

from .control.checkpoint import checkpoint as checkpoint
from .control.checkpoint_policies import checkpoint_name as checkpoint_name
from .control.checkpoint_policies import checkpoint_policies as checkpoint_policies
