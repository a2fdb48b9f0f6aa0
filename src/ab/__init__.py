"""Paired A/B experiments that decide: measure two ways of doing the same, and judge.

`experiment` measures, `decision` judges what was measured, `criteria` sums up,
`report` shows.  Nothing here knows what is compared.  See docs/ab.md.
"""
