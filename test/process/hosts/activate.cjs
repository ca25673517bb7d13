// Loads the extension's bundle and activates it against a `vscode` that accepts everything and does nothing, and prints the
// processor time that both took, in ms. What VS Code itself does at an activation is not in it.
// usage: node activate.cjs BUNDLE NAME[,NAME…]   (the names that the bundle uses of `vscode`)
const Module = require("node:module");

const [bundle, names] = process.argv.slice(2);

function anything() {
  return new Proxy(function () {}, {
    get: (target, key) => {
      if (key === "then") return undefined;
      if (key === Symbol.toPrimitive) return () => "";
      if (key === Symbol.iterator) return function* () {};
      if (key === "length") return 0;
      if (key === "fsPath" || key === "extensionPath") return "/nowhere/that/is";
      return key === "prototype" ? target.prototype : anything();
    },
    apply: () => anything(),
    construct: () => anything(),
    set: () => true,
  });
}

const vscode = Object.fromEntries(names.split(",").map((name) => [name, anything()]));
const load = Module._load;
Module._load = function (name, ...rest) {
  return name === "vscode" ? vscode : load.call(this, name, ...rest);
};
const spent = (since) => { const { user, system } = process.cpuUsage(since); return (user + system) / 1000; };

const begun = process.cpuUsage();
const { activate } = require(bundle);
const loadMs = spent(begun);
activate(anything());
console.log(JSON.stringify({ loadMs, activateMs: spent(begun) - loadMs }));
process.exit(0);
