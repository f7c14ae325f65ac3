"""``tikisync demo``: a small Tiki-shaped database in SQLite, the real service over it, and webhooks sent to it."""
