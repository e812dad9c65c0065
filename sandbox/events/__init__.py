"""Everything that happens, as events, and their fan-out within the process."""

from sandbox.events.bus import Bus, Event
from sandbox.events.log import EventLog

__all__ = ["Bus", "Event", "EventLog"]
