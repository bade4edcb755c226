"""How long a test waits for what it says will come, before it gives up: long enough for a loaded machine."""

WAIT_S = 300
WAIT_MS = 1000 * WAIT_S
