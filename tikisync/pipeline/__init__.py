"""The steps of a delivery's way, and the only owner of transactions."""
