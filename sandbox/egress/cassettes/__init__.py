"""Recorded outbound calls: files that people read and commit, and their replay without a network.

The files are in vcrpy's format (YAML, version 1), so a cassette of one is a cassette of the other. vcrpy itself is not
used: it patches client libraries for a whole process and test, while here one door serves many workers at once; its
filters know headers and parameters but not JSON fields or a pattern of known secrets; its matchers tell differences of
a URL and a body as wholes, not by parameter and field; and it writes a body in one quoted line.
"""

from sandbox.egress.cassettes.player import Missed, Player
from sandbox.egress.cassettes.recorder import Recorder

__all__ = ["Missed", "Player", "Recorder"]
