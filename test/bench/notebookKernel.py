# Drives a real Jupyter kernel for test/bench/notebook.ts over lines of JSON: runs cells in it, tells what they printed and
# a digest of every variable afterwards, and, for the truth, runs a whole notebook from the top in a fresh shell of its own.
# Fresh shells are forked from a process that has imported nothing but IPython and the numeric libraries.
import ast
import hashlib
import json
import os
import pickle
import re
import sys
import types

DIGEST = r'''
import hashlib as _h, types as _t, re as _re, pickle as _p
def _kl_digest(v, depth=0):
    try:
        if isinstance(v, _t.ModuleType): return "module " + v.__name__
        if isinstance(v, _t.FunctionType):
            code = v.__code__
            cells = [ _kl_digest(c.cell_contents, depth + 1) for c in (v.__closure__ or ()) ] if depth < 4 else []
            return "function " + _kl_code(code) + str(cells) + (_kl_digest(v.__defaults__, depth + 1) if v.__defaults__ and depth < 4 else "")
        if isinstance(v, type):
            return "class " + v.__name__ + str(sorted((k, _kl_digest(x, depth + 1)) for k, x in vars(v).items() if not k.startswith("__") or k == "__init__")) if depth < 3 else v.__name__
        m = type(v).__module__.split(".")[0]
        if m == "pandas" and hasattr(v, "to_csv"): return "table " + _h.sha1((v.to_csv() + str(getattr(v, "dtypes", ""))).encode()).hexdigest()
        if m == "numpy" and hasattr(v, "tobytes"): return "array " + str(getattr(v, "dtype", "")) + str(getattr(v, "shape", "")) + _h.sha1(v.tobytes()).hexdigest()
        if m == "matplotlib" or isinstance(v, (_t.GeneratorType,)) or hasattr(v, "__next__"): return "opaque " + type(v).__name__
        if isinstance(v, dict): return "dict" + type(v).__name__ + _h.sha1(str([(_kl_digest(k, depth + 1), _kl_digest(x, depth + 1)) for k, x in v.items()]).encode()).hexdigest() if depth < 6 else "dict"
        if isinstance(v, (list, tuple)): return type(v).__name__ + _h.sha1(str([_kl_digest(x, depth + 1) for x in v]).encode()).hexdigest() if depth < 6 else "list"
        if isinstance(v, (set, frozenset)): return "set" + _h.sha1(str(sorted(_kl_digest(x, depth + 1) for x in v)).encode()).hexdigest()
        if hasattr(v, "bit_generator"): return "rng " + _h.sha1(repr(v.bit_generator.state).encode()).hexdigest()
        if hasattr(v, "__dict__") and depth < 5: return (_kl_digest(type(v), depth + 1) if m == "__main__" else type(v).__name__) + _h.sha1(str(sorted((k, _kl_digest(x, depth + 1)) for k, x in vars(v).items())).encode()).hexdigest()
        return type(v).__name__ + _h.sha1(_re.sub(r"0x[0-9a-f]+", "0x", repr(v)).encode()).hexdigest()
    except Exception as e:
        return "undigested " + type(v).__name__
def _kl_code(code):
    return _h.sha1((code.co_code.hex() + str([_kl_code(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts]) + str(code.co_names)).encode()).hexdigest()
def _kl_all(ns):
    hidden = {"In", "Out", "exit", "quit", "open", "get_ipython"}
    return {k: _kl_digest(v) for k, v in list(ns.items()) if not k.startswith("_") and k not in hidden}
'''


def plain(text):
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return re.sub(r"0x[0-9a-f]+", "0x", text)


class Kernel:
    """An ipykernel, with the digesting functions loaded out of sight."""

    def __init__(self):
        from jupyter_client.manager import KernelManager
        self.manager = KernelManager(kernel_cmd=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.prepare()

    def prepare(self):
        self.execute("import sys as _s, types as _t\n_m = _t.ModuleType('kl_digest')\nexec(%r, _m.__dict__)\n_s.modules['kl_digest'] = _m\ndel _s, _t, _m" % DIGEST, silent=True)

    def execute(self, code, silent=False, expressions=None):
        message = self.client.execute(code, silent=silent, store_history=not silent, user_expressions=expressions or {}, allow_stdin=False)
        output, error, traceback = [], None, ""
        while True:
            reply = self.client.get_iopub_msg(timeout=120)
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["msg_type"], reply["content"]
            if kind == "stream" and content["name"] == "stdout":
                output.append(content["text"])
            elif kind in ("execute_result", "display_data"):
                output.append(content["data"].get("text/plain", "") + "\n")
            elif kind == "error":
                error = [content["ename"], content["evalue"]]
                traceback = plain("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                break
        answer = self.client.get_shell_msg(timeout=120)
        while answer["parent_header"].get("msg_id") != message:
            answer = self.client.get_shell_msg(timeout=120)
        return {"output": plain("".join(output)), "error": error, "traceback": traceback, "order": answer["content"].get("execution_count"), "expressions": answer["content"].get("user_expressions", {})}

    def run(self, code):
        result = self.execute(code)
        seen = self.execute("", silent=True, expressions={"all": "__import__('json').dumps(__import__('sys').modules['kl_digest']._kl_all(get_ipython().user_ns))"})
        result["values"] = json.loads(ast.literal_eval(seen["expressions"]["all"]["data"]["text/plain"]))
        del result["expressions"]
        return result

    def restart(self):
        self.manager.restart_kernel(now=True)
        self.client.stop_channels()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.prepare()

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def fresh_run(cells, asked_seed):
    """Runs the cells from the top in a forked, otherwise fresh shell; also across a directory that is thrown away."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        result = []
        try:
            import contextlib, io
            from IPython.core.interactiveshell import InteractiveShell
            from IPython.utils.capture import capture_output
            shell = InteractiveShell()
            # A kernel sends tracebacks apart from what is printed.
            shell._showtraceback = lambda *_: None
            # Unseeded chance falls differently in every process.
            import random
            random.seed(asked_seed)
            if "numpy" in sys.modules:
                sys.modules["numpy"].random.seed(asked_seed)
            space = types.ModuleType("kl_digest")
            exec(DIGEST, space.__dict__)
            before = {}
            for code in cells:
                with capture_output(stdout=True, stderr=True, display=True) as got:
                    outcome = shell.run_cell(code, store_history=True)
                problem = outcome.error_before_exec or outcome.error_in_exec
                shown = re.sub(r"^Out\[\d+\]: ?\n?", "", plain(got.stdout), flags=re.M)
                after = space._kl_all(shell.user_ns)
                result.append({"output": shown, "error": None if problem is None else [type(problem).__name__, str(problem)], "values": after,
                               "changed": [k for k in set(before) | set(after) if before.get(k) != after.get(k)]})
                before = after
        except BaseException as error:
            result = {"failed": repr(error)}
        with os.fdopen(write, "w") as out:
            json.dump(result, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as source:
        text = source.read()
    os.waitpid(child, 0)
    return json.loads(text)


def stored(code):
    """Names that the code binds at the level of the notebook, and roots of items and attributes that it assigns."""
    from IPython.core.inputtransformer2 import TransformerManager
    try:
        tree = ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return {"names": [], "loads": [], "text": code}
    names = set()

    def root(node):
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        return node.id if isinstance(node, ast.Name) else None

    def look(node, top):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            return
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store) and root(node):
            names.add(root(node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if alias.name != "*":
                    names.add((alias.asname or alias.name).split(".")[0])
        for child in ast.iter_child_nodes(node):
            look(child, False)

    look(tree, True)
    loads = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {"names": sorted(names), "loads": sorted(loads), "text": ast.dump(tree)}


def main():
    # What notebooks import is imported once, before shells are forked; KALACTICA_PRELOAD names more.
    for name in ["IPython.core.interactiveshell", "numpy", "pandas", "matplotlib", "sklearn.linear_model", *os.environ.get("KALACTICA_PRELOAD", "").split()]:
        try:
            __import__(name)
        except Exception:
            pass
    kernel = None
    for line in sys.stdin:
        asked = json.loads(line)
        operation = asked["op"]
        try:
            if operation == "run":
                kernel = kernel or Kernel()
                answer = kernel.run(asked["code"])
            elif operation == "restart":
                if kernel is None:
                    kernel = Kernel()
                else:
                    kernel.restart()
                answer = {}
            elif operation == "fresh":
                first, second = fresh_run(asked["cells"], 1), fresh_run(asked["cells"], 2)
                for one, other in zip(first, second):
                    one["chance"] = any(one[key] != other[key] for key in ("output", "error", "values"))
                answer = first
            elif operation == "stored":
                answer = [stored(code) for code in asked["cells"]]
            else:
                answer = {"failed": "unknown operation"}
        except Exception as error:
            answer = {"failed": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    if kernel is not None:
        kernel.stop()


main()
