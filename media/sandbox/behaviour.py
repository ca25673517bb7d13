# Tries many programs on the same calls and says what came out of each. Every program runs in a process of its own, forked
# from this one, so that none can change, end or hold up another; the box around all of them is the sandbox's.
# In: problem.json {programs: [source], name, calls: [source of the argument list], callMs, programMs}.
# Out: one line a program: {"program": i, "outcomes": [text]}. An outcome is a value in one canonical spelling, or "!" and why there is none.
import json
import math
import os
import select
import signal
import sys
import time

MOST_TEXT = 400
MOST_LATE = 2


class TooLate(BaseException):
    pass


def on_alarm(signum, frame):
    raise TooLate()


def spelt(value, depth=0):
    # Equal values are spelt alike: True == 1 == 1.0 in Python, and sets and dictionaries have no order.
    if depth > 8:
        return "..."
    kind = type(value)
    if kind is bool or kind is int:
        return str(int(value)) if abs(value) < 10 ** 18 else "int:%x" % (hash(value) & 0xFFFFFFFFFFFFFFFF)
    if kind is float:
        if value != value:
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return "%.9g" % value
    if kind is str:
        return repr(value)
    if value is None:
        return "None"
    if kind is list or kind is tuple:
        inner = ",".join(spelt(item, depth + 1) for item in value[:200])
        more = "" if len(value) <= 200 else "...%d" % len(value)
        return ("[%s%s]" if kind is list else "(%s%s)") % (inner, more)
    if kind is set or kind is frozenset:
        return "{" + ",".join(sorted(spelt(item, depth + 1) for item in list(value)[:500])) + "}"
    if kind is dict:
        return "{" + ",".join(sorted(spelt(k, depth + 1) + ":" + spelt(v, depth + 1) for k, v in list(value.items())[:500])) + "}"
    if kind is complex:
        return "complex(%.9g,%.9g)" % (value.real, value.imag)
    return "<%s>" % kind.__name__


def outcome(work, seconds):
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            text = work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TooLate:
        return "!late"
    except MemoryError:
        return "!MemoryError"
    except BaseException as error:
        return "!" + type(error).__name__
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "...%x" % (hash(text) & 0xFFFFFFFF)


def try_program(source, problem, say):
    seconds = problem["callMs"] / 1000
    space = {"__name__": "program"}
    loaded = outcome(lambda: exec(compile(source, "program", "exec"), space) or "", 4 * seconds)
    if loaded:
        say([loaded] * len(problem["calls"]))
        return
    function = space.get(problem["name"])
    late = 0
    for call in problem["calls"]:
        if not callable(function):
            found = "!missing"
        elif late >= MOST_LATE:
            found = "!late"
        else:
            arguments = eval(call, {"__builtins__": {"set": set}})
            found = outcome(lambda: spelt(function(*arguments)), seconds)
        if found == "!late":
            late += 1
        say([found])


def child(source, problem, pipe):
    silence = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(silence, fd)
    signal.signal(signal.SIGALRM, on_alarm)
    sys.setrecursionlimit(2000)
    try:
        try_program(source, problem, lambda texts: os.write(pipe, "".join(json.dumps(text) + "\n" for text in texts).encode()))
    finally:
        os._exit(0)


def collect(pid, pipe, deadline):
    text = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or len(text) > 4_000_000:
            os.kill(pid, signal.SIGKILL)
            break
        if select.select([pipe], [], [], left)[0]:
            read = os.read(pipe, 65536)
            if not read:
                break
            text += read
    os.close(pipe)
    os.waitpid(pid, 0)
    return text.decode("utf-8", "replace").split("\n")[:-1]


def main():
    with open("problem.json", encoding="utf-8") as file:
        problem = json.load(file)
    n = len(problem["calls"])
    for i, source in enumerate(problem["programs"]):
        mine, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(mine)
            child(source, problem, theirs)
        os.close(theirs)
        outcomes = []
        for line in collect(pid, mine, time.monotonic() + problem["programMs"] / 1000)[:n]:
            try:
                outcomes.append(str(json.loads(line)))
            except ValueError:
                outcomes.append("!damaged")
        outcomes += ["!ended"] * (n - len(outcomes))
        sys.stdout.write(json.dumps({"program": i, "outcomes": outcomes}) + "\n")
        sys.stdout.flush()


main()
