"""The outside world, played on loopback: arXiv and Claude from recorded material, for demo, tests and bench.

Here belongs what answers in another system's place, by that system's own rules: servers and recordings.
What the factory does with an answer does not; nothing here imports a stage, so that it can judge one.
"""
