"""Everything that happens, as events, and their fan-out within the process."""

from sandbox.events.bus import Bus, Event

__all__ = ["Bus", "Event"]
