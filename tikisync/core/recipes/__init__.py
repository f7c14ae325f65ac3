"""Recipes: how each sender signs, as data; verification, signing and handshakes by them.

``senders`` holds the built-in ones, ``choice`` says which one a handler is verified by, ``verifying`` verifies.
"""
