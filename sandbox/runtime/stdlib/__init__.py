"""The standard library's time and chance as worker modules import them. Shared libraries have the real ones."""

from sandbox.runtime.stdlib import dates
from sandbox.runtime.stdlib.chance import os, random, secrets, uuid
from sandbox.runtime.stdlib.clocks import time
from sandbox.runtime.stdlib.module import StandIn

STAND_INS: dict[str, StandIn] = {module.__name__: module for module in (os, random, secrets, time, uuid)}

__all__ = ["STAND_INS", "StandIn", "dates"]
