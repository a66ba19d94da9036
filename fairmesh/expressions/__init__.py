"""Expressions that people write in studies and applications: parsed, checked and evaluated in a sandbox.

It may import ``errors``. Begin with ``parsing.parse``; ``functions`` lists what an expression may call, ``conditions``
holds the rules of ``exclude``.
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
