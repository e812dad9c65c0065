"""What stands in the way on purpose: faults, and breakpoints at which a message is held. See `runtime.protocols.Points`."""
