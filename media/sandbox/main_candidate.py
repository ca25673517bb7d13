"""Holds a reply: runs its code and answers calls. It never sees the tests, and no verdict is taken from it."""
import builtins
import os
import types

import wire

own_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
own_in = os.fdopen(os.dup(0), "r", encoding="utf-8")
nothing = os.open(os.devnull, os.O_RDWR)
os.dup2(nothing, 0)
os.dup2(nothing, 1)

kept = []
classes = {}


def keep(value):
    name = classes.get(type(value))
    if name is None and not callable(value):
        return {"x": type(value).__name__}
    kept.append(value)
    return {"f": len(kept) - 1} if name is None else {"o": len(kept) - 1, "k": name}


def find(coded):
    if "own" in coded:
        return kept[coded["own"]]
    if "cb" in coded:
        return lambda *arguments, **named: call_back(coded["cb"], arguments, named)
    if "class" in coded:
        return namespace[coded["class"]]
    raise TypeError("not a value that can be passed")


channel = wire.Channel(own_out, own_in, keep, find)


def call_back(number, arguments, named):
    channel.send({"cb": number, "args": [channel.encode(item) for item in arguments], "named": {key: channel.encode(item) for key, item in named.items()}})
    answer = serve()
    if "error" in answer:
        raise getattr(builtins, answer["error"][0], RuntimeError)(answer["error"][2])
    return channel.decode(answer["value"])


def serve():
    """Answers calls until the other side answers ours."""
    while True:
        message = channel.receive()
        if "do" not in message:
            return message
        try:
            reply = perform(message)
        except EOFError:
            raise
        except BaseException as error:  # SystemExit too: it is an answer like any other
            reply = wire.describe(error)
        channel.send(reply)


def perform(message):
    what = message["do"]
    if what == "names":
        return {"names": {name: kind_of(name) for name in message["names"] if name in namespace and name not in before}}
    if what == "value":
        return {"value": channel.encode(namespace[message["name"]])}
    arguments = [channel.decode(item) for item in message.get("args", [])]
    named = {key: channel.decode(item) for key, item in message.get("named", {}).items()}
    if what == "call":
        target = namespace[message["name"]] if "name" in message else kept[message["kept"]]
    elif what == "method":
        target = getattr(kept[message["kept"]], message["method"])
        if not message.get("called"):
            return {"value": channel.encode(target)} if not callable(target) else {"method": True}
    elif what == "set":
        setattr(kept[message["kept"]], message["method"], *arguments)
        return {"value": None}
    else:
        raise TypeError(what)
    sent = [wire.json.dumps(item) for item in message.get("args", [])]
    value = channel.encode(target(*arguments, **named))
    after = [channel.encode(item) if type(item) in (list, dict, set) else None for item in arguments]
    changed = [now if now is not None and wire.json.dumps(now) != was else None for now, was in zip(after, sent)]
    return {"value": value, "args": changed}


def kind_of(name):
    value = namespace[name]
    if isinstance(value, type):
        classes[value] = name
        return ["exception", [base.__name__ for base in value.__mro__]] if issubclass(value, BaseException) else ["class"]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    return ["function"] if callable(value) else ["value"]


namespace = {"__name__": "reply", "__builtins__": builtins}
before = set()
problem = None
try:
    with open("reply.py", encoding="utf-8") as file:
        exec(compile(file.read(), "reply.py", "exec"), namespace)
except BaseException as error:  # a reply that exits while it loads has only failed to load
    problem = wire.describe(error)["error"]
before.update({"__name__", "__builtins__"})
channel.send({"loaded": problem})
try:
    serve()
except EOFError:
    pass
os._exit(0)
