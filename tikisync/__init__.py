"""tikisync: webhooks configured in Tiki's admin UI change Tiki's tracker items and contacts."""

__version__ = "0.1.0"
