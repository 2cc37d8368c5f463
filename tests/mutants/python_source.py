"""Mutants of a Python file: the mistakes that a hurried hand makes, one at a time.

Left alone is what no run can feel: documentation, types, decorators such as `dataclass(frozen=True)`, assertions.
"""

import ast
import functools
from collections.abc import Iterator

from mutants.mutant import Mutant

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_SPELLED = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
}  # fmt: skip


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of the file, in the order of its lines."""
    made = _Maker(path, source)
    made.visit(ast.parse(source))
    return sorted(made.found, key=lambda mutant: (mutant.line, mutant.change))


class _Maker(ast.NodeVisitor):
    def __init__(self, path: str, source: str) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._source = source.encode()
        self._starts = [0]
        for line in self._source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        """They tell the type checker what the plan guarantees."""

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """No run can feel it."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._replace(node, "pass", "call left out")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass", "raise left out")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._replace(node, "return None", "returns None")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self._negate(node.test)
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        new = "or" if isinstance(node.op, ast.And) else "and"
        old = "and" if new == "or" else "or"
        self._between(node.values[0], node.values[1], old, new)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for index, operator in enumerate(node.ops):
            old, new = _SPELLED[type(operator)], _COMPARISONS[type(operator)]
            self._between(operands[index], operands[index + 1], old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, self._text(node.operand), "not left out")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if (pair := _ARITHMETIC.get(type(node.op))) is not None and not _is_text(node.left) | _is_text(node.right):
            self._between(node.left, node.right, *pair)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value), f"{value} is {not value}")
        elif isinstance(value, int | float):
            new = value + 1 if value in (0, 1) else value * 2
            self._replace(node, repr(new), f"{value} is {new}")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """The words of a message; positions within them are not to be relied on."""

    def visit_List(self, node: ast.List) -> None:
        self._without_elements(node, node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        if len(node.elts) == 2 and isinstance(node.ctx, ast.Load):  # one alone needs its comma
            for left_out, kept in (node.elts, node.elts[::-1]):
                if isinstance(left_out, ast.Constant):
                    self._replace(node, f"({self._text(kept)},)", f"{self._text(left_out)} left out")
            self.generic_visit(node)
        else:
            self._without_elements(node, node.elts)

    def visit_Set(self, node: ast.Set) -> None:
        self._without_elements(node, node.elts)

    def _without_elements(self, node: ast.expr, elements: list[ast.expr]) -> None:
        """Each element left out of a table of values."""
        if len(elements) > 1 and isinstance(getattr(node, "ctx", None), ast.Load | None):
            for index, element in enumerate(elements):
                if isinstance(element, ast.Constant):
                    start = self._end(elements[index - 1]) if index else self._start(element)
                    end = self._end(element) if index else self._start(elements[1])
                    self._cut(element.lineno, start, end, b"", f"{self._text(element)} left out")
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        self._replace(test, f"(not ({self._text(test)}))", "condition negated")

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """The operator between two operands, which may stand in brackets."""
        start, end = self._end(left), self._start(right)
        gap = self._source[start:end].decode()
        if gap.count(old) == 1 and "#" not in gap:
            words = f"{old} is {new}"
            self._cut(self._line(start + gap.index(old)), start, end, gap.replace(old, new).encode(), words)

    def _replace(self, node: ast.expr | ast.stmt, text: str, change: str) -> None:
        self._cut(node.lineno, self._start(node), self._end(node), text.encode(), change)

    def _cut(self, line: int, start: int, end: int, text: bytes, change: str) -> None:
        shown = " ".join(self._source[start:end].decode().split())
        told = f"{change}: {shown}" if len(shown) > 3 and shown not in change else change
        content = functools.partial(self._changed, start, end, text)
        self.found.append(Mutant(self._path, line, told[:150], content))

    def _changed(self, start: int, end: int, text: bytes) -> str:
        return (self._source[:start] + text + self._source[end:]).decode()

    def _text(self, node: ast.expr) -> str:
        return self._source[self._start(node) : self._end(node)].decode()

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def _line(self, offset: int) -> int:
        return next(number for number, start in enumerate(self._starts) if start > offset)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def compiles(mutant: Mutant) -> bool:
    """A change may leave no Python, as where a chain of comparisons was broken up."""
    try:
        ast.parse(mutant.content())
    except SyntaxError:
        return False
    return True


def of_files(files: Iterator[tuple[str, str]]) -> list[Mutant]:
    """Those of all files that are Python still."""
    return [mutant for path, source in files for mutant in mutants(path, source)]
