"""An adversary for the guardrails: random hostile proposals in random worlds, judged from outside.

worlds      one desk, market and account, sane or spoilt
generator   one proposal as JSON text, aimed at the limits of that world
oracle      what an order breaks, in integers and fractions, without a function of guardrails
run         very many of them through the real tool; counts, and the smallest text that fails
"""
