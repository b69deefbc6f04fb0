"""The canonical language of the gateway: frozen models, Decimal money, and rules. No I/O, no clock, no ORM."""
