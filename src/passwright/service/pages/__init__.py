"""The holder's page: what a person sees who opens the link of a pass. HTML out of values, no HTTP.

`card` is the pass as it looks, `holder` the page around it, `texts` its words
in each language.
"""
