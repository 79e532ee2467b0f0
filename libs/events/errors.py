"""What goes wrong on the event path."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached or does not acknowledge. What was being sent may have arrived or not."""


class TryLater(Exception):
    """Raised by a handler whose dependency is down: it is given the same records again, however long it takes."""


class RecordRejected(Exception):
    """Raised by a handler for a record that it will never accept: it is parked at once. The text, which is kept and
    logged, says why and holds no personal data."""
