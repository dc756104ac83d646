"""The codeExecution tool: a sum as Python code, and what running it prints. Pure; nothing is run but arithmetic.

The interpreter below knows `print` of one expression of numbers with + - * /, in the order Python works them out.
The numbers are exact fractions, so that 0.1 + 0.2 prints 0.3.
"""

import ast
import operator
from collections.abc import Callable
from fractions import Fraction

from satellite.live.messages import CodeExecutionResult, ExecutableCode
from satellite.live_server.sums import Sum

_SIGNS = {"plus": "+", "minus": "-", "times": "*", "divided by": "/"}
_WORK: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def code_of(asked: Sum) -> ExecutableCode:
    """The code that works out a sum."""
    terms = [_literal(asked.numbers[0])]
    for name, number in zip(asked.operators, asked.numbers[1:], strict=True):
        terms += [_SIGNS[name], _literal(number)]
    return ExecutableCode(language="PYTHON", code=f"print({' '.join(terms)})")


def run(code: ExecutableCode) -> CodeExecutionResult:
    """What the code prints, or why it failed."""
    try:
        value = _evaluate(_printed(ast.parse(code.code)))
    except ZeroDivisionError:
        return CodeExecutionResult(outcome="OUTCOME_FAILED", output="ZeroDivisionError: division by zero")
    except (SyntaxError, ValueError) as error:
        return CodeExecutionResult(outcome="OUTCOME_FAILED", output=f"{type(error).__name__}: {error}")
    printed = str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"
    return CodeExecutionResult(outcome="OUTCOME_OK", output=f"{printed}\n")


def _literal(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.15g}"


def _printed(module: ast.Module) -> ast.expr:
    """The one argument of the one `print`; raises ValueError for any other code."""
    match module.body:
        case [ast.Expr(ast.Call(ast.Name("print"), [expression], []))]:
            return expression
    raise ValueError("not the print of one expression")


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(int() | float() as number):
            return Fraction(str(number))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand)
        case ast.BinOp(left, sign, right) if type(sign) in _WORK:
            return _WORK[type(sign)](_evaluate(left), _evaluate(right))
    raise ValueError(f"no arithmetic: {ast.unparse(node)}")
