"""Results become a submission to MLCommons Science: logs, documents and scripts in the layout of its rules.

The rules are policy.adoc and submit.adoc of https://github.com/mlcommons/science, version 0.5.
"""
