"""Holds the tests of a task and says how many held. The reply runs elsewhere; its functions are called over a channel.

Each assert counts by itself: one that is never reached has failed. Functions named test_* and unittest cases are run too.
"""
import ast
import builtins
import importlib
import os
import sys

import wire

own_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
own_in = os.fdopen(os.dup(0), "r", encoding="utf-8")
nothing = os.open(os.devnull, os.O_RDWR)
os.dup2(nothing, 0)
os.dup2(nothing, 1)

given = []
classes = {}
touched = False


class Gone(BaseException):
    """The process with the reply ended."""


def keep(value):
    if isinstance(value, Remote):
        return {"own": object.__getattribute__(value, "_number")}
    if isinstance(value, type) and issubclass(value, Remote):
        return {"class": value.__name__}
    if callable(value):
        given.append(value)
        return {"cb": len(given) - 1}
    raise TypeError(f"{type(value).__name__} cannot be passed to the reply")


def find(coded):
    if "f" in coded:
        return RemoteFunction({"do": "call", "kept": int(coded["f"])})
    if "o" in coded and coded.get("k") in classes:
        return wrap(classes[coded["k"]], int(coded["o"]))
    return Opaque()


channel = wire.Channel(own_out, own_in, keep, find)


class Opaque:
    """Something of the reply's that is no plain data: equal to nothing, no number, no container."""

    def __eq__(self, other):
        return False

    __hash__ = object.__hash__


def ask(message):
    global touched
    touched = touched or message["do"] != "names"
    try:
        channel.send(message)
        while True:
            answer = channel.receive()
            if "cb" not in answer:
                break
            try:
                arguments = [channel.decode(item) for item in answer["args"]]
                named = {key: channel.decode(item) for key, item in answer["named"].items()}
                channel.send({"value": channel.encode(given[answer["cb"]](*arguments, **named))})
            except Exception as error:
                channel.send(wire.describe(error))
    except (EOFError, BrokenPipeError):
        raise Gone()
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
        # Whatever talks there no longer keeps to the form: nothing more is asked of it.
        raise Gone()
    if not isinstance(answer, dict) or "gone" in answer:
        raise Gone()
    if "error" in answer:
        raise rebuild(answer["error"])
    return answer


def rebuild(error):
    """An exception of the class that tests may name: the reply's own, or the nearest builtin one."""
    name, line, text = error
    for candidate in line:
        known = classes.get(candidate) or getattr(builtins, candidate, None)
        if isinstance(known, type) and issubclass(known, Exception):
            return known(text)
    return RuntimeError(f"{name}: {text}")


def call(message, arguments, named):
    message = dict(message, args=[channel.encode(item) for item in arguments], named={key: channel.encode(item) for key, item in named.items()})
    answer = ask(message)
    for argument, now in zip(arguments, answer.get("args") or []):
        if now is not None:
            wire.update(argument, channel.decode(now))
    return channel.decode(answer["value"])


class RemoteFunction:
    def __init__(self, message):
        self._message = message

    def __call__(self, *arguments, **named):
        return call(self._message, arguments, named)


class Remote:
    """An object of a class of the reply's that the tests name."""

    def __new__(cls, *arguments, **named):
        made = call({"do": "call", "name": cls.__name__}, arguments, named)
        if not isinstance(made, cls):
            raise TypeError(f"{cls.__name__} made something else")
        return made

    def __init__(self, *arguments, **named):
        pass

    def __getattr__(self, name):
        return fetch(self, name)

    def __setattr__(self, name, value):
        ask({"do": "set", "kept": number(self), "method": name, "args": [channel.encode(value)]})

    def __eq__(self, other):
        return isinstance(other, Remote) and special("__eq__")(self, other) is True

    __hash__ = None


def number(remote):
    return object.__getattribute__(remote, "_number")


def wrap(cls, kept):
    made = object.__new__(cls)
    object.__setattr__(made, "_number", kept)
    return made


def fetch(remote, name):
    answer = ask({"do": "method", "kept": number(remote), "method": name})
    if answer.get("method"):
        return RemoteFunction({"do": "method", "kept": number(remote), "method": name, "called": True})
    return channel.decode(answer["value"])


def special(name):
    return lambda self, *arguments: call({"do": "method", "kept": number(self), "method": name, "called": True}, arguments, {})


for name in ("__len__", "__iter__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__str__", "__repr__", "__next__", "__enter__", "__exit__", "__call__", "__add__", "__sub__", "__mul__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Remote, name, special(name))


def make(name, kind):
    if kind[0] == "class":
        classes[name] = type(name, (Remote,), {})
        return classes[name]
    if kind[0] == "exception":
        base = next((getattr(builtins, line) for line in kind[1][1:] if isinstance(getattr(builtins, line, None), type) and issubclass(getattr(builtins, line), Exception)), Exception)
        classes[name] = type(name, (base,), {})
        return classes[name]
    if kind[0] == "function":
        return RemoteFunction({"do": "call", "name": name})
    if kind[0] == "module":
        return importlib.import_module(kind[1]) if kind[1].split(".")[0] in sys.stdlib_module_names else Opaque()
    return channel.decode(ask({"do": "value", "name": name})["value"])


class Count(ast.NodeTransformer):
    """Gives each assert a number and a try of its own. `assert False` is only ever reached by mistake: it is not awaited."""

    def __init__(self):
        self.places = 0
        self.awaited = set()

    def visit_Assert(self, node):
        place = self.places
        self.places += 1
        if not (isinstance(node.test, ast.Constant) and not node.test.value):
            self.awaited.add(place)
        mark = lambda held: ast.parse(f"__mark__({place}, {held})").body
        caught = ast.ExceptHandler(type=ast.Name(id="Exception", ctx=ast.Load()), name="__error__", body=ast.parse(f"__mark__({place}, False, __error__)").body)
        return ast.copy_location(ast.Try(body=[node], handlers=[caught], orelse=mark(True), finalbody=[]), node)


def judge(tree, reply):
    # A reply may only stand in for a builtin where the task itself asks for a function of that name.
    foreign = {"reply"} | (set(dir(builtins)) - asked)
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - foreign)
    count = Count()
    tree = ast.fix_missing_locations(count.visit(tree))
    held = {}
    errors = []

    def mark(place, good, error=None):
        held[place] = held.get(place, True) and good
        if error is not None:
            errors.append(f"{type(error).__name__}: {error}"[:300])

    namespace = {"__name__": "tests", "__mark__": mark, "reply": reply}
    gone = False
    broken = 0

    def attempt(work):
        nonlocal gone, broken
        if gone:
            broken += 1
            return
        try:
            work()
        except Gone:
            gone = True
            broken += 1
        except BaseException as error:
            broken += 1
            errors.append(f"{type(error).__name__}: {error}"[:300])

    cases = 0
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    try:
        namespace.update({name: make(name, kind) for name, kind in ask({"do": "names", "names": [name for name in names if name not in defined]})["names"].items()} if names else {})
    except Gone:
        gone = True
        broken += 1
    for statement in tree.body:
        attempt(lambda: exec(compile(ast.Module([statement], []), "tests.py", "exec"), namespace))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]:
        if name.startswith("test") and name not in called and callable(namespace.get(name)):
            attempt(namespace[name])
    # Imported only where the tests did so: it takes as long as all the rest.
    unittest = sys.modules.get("unittest")
    for value in list(namespace.values()):
        if unittest is not None and isinstance(value, type) and issubclass(value, unittest.TestCase):
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(value)
            cases += suite.countTestCases()
            result = unittest.TestResult()
            attempt(lambda: suite.run(result))
            broken += len(result.errors) + len(result.failures)
            errors.extend(text.strip().splitlines()[-1][:300] for _, text in result.errors + result.failures)
    total = len(count.awaited | set(held)) + cases
    passed = sum(1 for good in held.values() if good) + max(0, cases - broken if cases else 0)
    if total == 0:
        total, passed = 1, 0 if broken else 1
    elif broken and not cases:
        # A statement beside the asserts failed: that is one more thing that did not hold.
        total += 1
    looks = "reply" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not (looks or touched):
        # Nothing passes by default: tests that used nothing of the reply say nothing about it.
        return {"passed": 0, "total": total, "error": errors[0] if errors else "The tests used nothing that the reply defines.", "looks": bool(names)}
    return {"passed": passed, "total": total, "error": errors[0] if errors else ("The reply's process ended." if gone else None), "looks": True}


with open("tests.py", encoding="utf-8") as file:
    tests_text = file.read()
with open("reply.txt", encoding="utf-8") as file:
    reply_text = file.read()
with open("asked.json", encoding="utf-8") as file:
    asked = set(wire.json.load(file))
try:
    parsed = ast.parse(tests_text)
except (SyntaxError, ValueError) as error:
    verdict = {"passed": 0, "total": 1, "invalid": f"{type(error).__name__}: {error}"}
else:
    verdict = judge(parsed, reply_text)
channel.send({"verdict": verdict})
os._exit(0)
