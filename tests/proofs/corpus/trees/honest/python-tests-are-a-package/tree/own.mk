.PHONY: example
example:
	python3 -m hourbook sum tests/data/week.log
