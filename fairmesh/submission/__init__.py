"""Submissions to MLCommons Science: logs, documents and scripts in the layout of its rules.

It may import ``results`` and what is below. Begin with ``submission.gather``, then ``folder.write``. The rules are
policy.adoc and submit.adoc of https://github.com/mlcommons/science, version 0.5.
"""
