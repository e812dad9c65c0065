"""The example project is a suite of its own: test_example_project.py runs it."""

collect_ignore = ["example_project"]
