"""Chains: several tasks as one. What is here is for those who need none of it but the name."""

from typing import Final

#: The worker whose tasks are the chains that clients send: each of them brings its own plan.
AD_HOC: Final = "chain"
