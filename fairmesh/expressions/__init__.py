"""Expressions that people write in studies and applications: parsed, checked and computed in a sandbox.

It may import ``errors``. Begin with ``parsing.parse_expression``; ``functions`` has what an expression may call, and
``conditions`` those that select experiments (``--where``). What a study excludes is read in ``study.rules``.
"""

from fairmesh.expressions.parsing import (
    MAX_TEXT,
    Expression,
    ExpressionError,
    Template,
    parse_expression,
    parse_template,
)

__all__ = ["MAX_TEXT", "Expression", "ExpressionError", "Template", "parse_expression", "parse_template"]
