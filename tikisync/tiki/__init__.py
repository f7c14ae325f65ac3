"""Tiki's tables: the only place that knows them. Functions take an open transaction and never commit."""
