"""Runs command lines of the WASI module in Wasmtime, as host.mjs does in Node."""

import json
import os
import sys

from wasmtime import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig

asked = json.load(sys.stdin)
engine = Engine()
module = Module.from_file(engine, asked["wasm"])
linker = Linker(engine)
linker.define_wasi()


def run(args, stdin="/dev/null"):
    folder = asked["folder"]
    wasi = WasiConfig()
    wasi.argv = ["align-wasm", *args]
    wasi.preopen_dir(folder, ".")
    wasi.stdin_file = stdin
    wasi.stdout_file = os.path.join(folder, "stdout")
    wasi.stderr_file = os.path.join(folder, "stderr")
    store = Store(engine)
    store.set_wasi(wasi)
    status = 0
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except ExitTrap as end:
        status = end.code
    except Trap as trap:
        status = f"trap: {trap}"
    read = lambda name: open(os.path.join(folder, name), encoding="utf-8", newline="").read()
    return {"status": status, "stdout": read("stdout"), "stderr": read("stderr")}


json.dump([run(**one) for one in asked["runs"]], sys.stdout)
