"""A make-believe Apple and Google for tests: nothing made here is accepted by a phone.

`passwright.testing.authority.Authority` signs passes in Apple's shape, with a
root, an intermediate and leaves of its own.
"""
