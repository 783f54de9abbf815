#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A vault in real processes: the API as its description has it, walked operation by operation;
wrong tokens, foreign names, garbage; commands and the daemon at once; kills in the middle of
operations; a log that is anchored, proved and tampered with; copies out and in."""
import base64
import hashlib
import http.client
import json
import os
import random
import re
import resource
import shutil
import stat
import subprocess
import threading

from market import (Market, MarketTest, Daemon, Home, SOUK, RUN_S, free_port, main,
                    wait_until)

METHODS = ("get", "put", "post", "patch", "delete")
B64 = lambda data: base64.b64encode(data).decode()


class Vault(Daemon):
    def __init__(self, market, name, **settings):
        super().__init__(market, name)
        self.port = free_port()
        self.ports = (self.port,)
        self.address = self.souk("init", "--role", "vault", "--listen",
                                 f"127.0.0.1:{self.port}")["address"]
        self.souk("faucet", "1")             # who anchors must have an account
        self.configure("vault", **settings)
        market.daemons.append(self)

    @property
    def token(self):
        with open(os.path.join(self.path, "vault.token")) as file:
            return file.read().strip()

    def raw(self, method, path, body=None, headers=None):
        """(status, headers, parsed body) of a request with these headers alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            data = answer.read()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, names, json.loads(data) if data else None
        finally:
            connection.close()

    def call(self, method, path, body=None, **headers):
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        return self.raw(method, path, body, headers)

    def ok(self, method, path, body=None):
        status, _, answer = self.call(method, path, body)
        assert status in (200, 201), (method, path, status, answer)
        return answer

    def pipe(self, *arguments, data=b"", code=0, env=None):
        """Standard output of a command that is given DATA."""
        done = subprocess.run([SOUK, *arguments, "--home", self.path, "--ledger", self.market.url],
                              input=data, capture_output=True, timeout=RUN_S,
                              env={**os.environ, **(env or {})})
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr.decode()


class Schemas:
    """As much of JSON Schema as the description uses."""

    TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
             "null": type(None)}

    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while "$ref" in schema:
            at = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            schema = at
        return schema

    def is_a(self, value, name):
        return isinstance(value, self.TYPES[name]) and \
            not (name == "integer" and isinstance(value, bool))

    def check(self, value, schema, where="body"):
        schema = self.resolve(schema)
        types = schema.get("type")
        if types is not None:
            types = [types] if isinstance(types, str) else types
            assert any(self.is_a(value, name) for name in types), (where, value, types)
        assert "enum" not in schema or value in schema["enum"], (where, value)
        assert "const" not in schema or value == schema["const"], (where, value)
        if isinstance(value, str) and "pattern" in schema:
            assert re.search(schema["pattern"], value), (where, value)
        if isinstance(value, dict):
            missing = [name for name in schema.get("required", []) if name not in value]
            assert not missing, (where, "missing", missing, value)
            known = schema.get("properties", {})
            for name, inner in value.items():
                if name in known:
                    self.check(inner, known[name], f"{where}.{name}")
                else:
                    assert schema.get("additionalProperties", True), (where, "unknown", name)
        if isinstance(value, list):
            for i, inner in enumerate(value):
                self.check(inner, schema.get("items", {}), f"{where}[{i}]")


class VaultTest(MarketTest):
    @classmethod
    def make_market(cls):
        cls.market = Market()
        cls.vault = Vault(cls.market, "vault", anchor="0s").start()

    def api(self):
        status, _, document = self.vault.raw("GET", "/v1/openapi.json")
        self.assertEqual(status, 200)
        return document

    def answer_fits(self, document, path, method, status, answer):
        responses = document["paths"][path][method]["responses"]
        self.assertIn(str(status), responses, (method, path, status, answer))
        schema = responses[str(status)]["content"]["application/json"]["schema"]
        Schemas(document).check(answer, schema, f"{method} {path} {status}")

    # ------------------------------------------------------------ the description

    def test_every_operation_of_the_description(self):
        """Each is called so that it succeeds, and so that it does not; what comes is described."""
        vault, document = self.vault, self.api()
        with open(os.path.join(os.path.dirname(__file__), "../../spec/openapi/vault.json")) as file:
            self.assertEqual(document, json.load(file))
        vault.ok("PUT", "/v1/keys/walk/base")
        vault.ok("PUT", "/v1/keys/walk/gone")
        vault.ok("DELETE", "/v1/keys/walk/gone")
        vault.ok("PUT", "/v1/keys/walk/purged")
        vault.ok("DELETE", "/v1/keys/walk/purged")
        wrapped = vault.ok("POST", "/v1/keys/walk/base/wrap", {"plaintext": B64(b"x")})["wrapped"]
        digest = hashlib.sha256(b"m").hexdigest()
        signature = vault.ok("POST", "/v1/keys/walk/base/sign", {"digest": digest})["signature"]
        good = {
            "openapi": (None, None), "list": (None, None), "show": ("walk/base", None),
            "create": ("walk/new", {"uses_max": 3, "expires_ms": None}),
            "configure": ("walk/base", {"rate": 1000, "rate_ms": 1000}),
            "rotate": ("walk/base", {}), "wrap": ("walk/base", {"plaintext": B64(b"hello")}),
            "unwrap": ("walk/base", {"wrapped": wrapped}),
            "rewrap": ("walk/base", {"wrapped": wrapped}),
            "sign": ("walk/base", {"message": B64(b"m")}),
            "verify": ("walk/base", {"digest": digest, "signature": signature}),
            "recover": ("walk/gone", {}), "purge": ("walk/purged", {"now": True}),
            "delete": ("walk/new", None), "audit": (None, None), "prove": ("1", None),
            "verify_log": (None, {}), "anchor": (None, {}),
        }
        # A body that is no JSON, one with an unknown member, and a label that nobody has.
        walked = set()
        order = sorted(((path, method) for path, item in document["paths"].items()
                        for method in METHODS if method in item),
                       key=lambda it: (it[1] == "delete", it))
        for path, method in order:
            operation = document["paths"][path][method]
            name, body = good[operation["operationId"]]
            walked.add(operation["operationId"])

            def place(value):
                return re.sub(r"\{\w+\}", value or "", path)
            status, _, answer = vault.call(method.upper(), place(name), body)
            self.assertIn(status, (200, 201), (method, path, answer))
            self.answer_fits(document, path, method, status, answer)
            if operation["operationId"] == "openapi":
                continue
            for headers in ({}, {"Authorization": "Bearer " + "0" * 64}):
                status, names, answer = vault.raw(method.upper(), place(name), None, headers)
                self.assertEqual(status, 401)
                self.assertEqual(names["www-authenticate"], "Bearer")
                self.answer_fits(document, path, method, status, answer)
            status, _, answer = vault.call(method.upper(), place(name), body,
                                           Host="evil.example")
            self.assertEqual(status, 403)
            self.answer_fits(document, path, method, status, answer)
            if "{label}" in path:
                nobody = "walk/nobody" if method != "put" else "NOT A LABEL".replace(" ", "%20")
                status, _, answer = vault.call(method.upper(), place(nobody), body)
                self.assertEqual(status, 400 if method == "put" else 404, (method, path, answer))
                self.answer_fits(document, path, method, status, answer)
            if "requestBody" in operation and "{label}" in path:
                for bad in ([], {"unknown": 1}, "text"):
                    status, _, answer = vault.call(method.upper(), place(name), bad)
                    self.assertEqual(status, 400, (method, path, bad, answer))
                    self.answer_fits(document, path, method, status, answer)
                status, _, answer = vault.raw(
                    method.upper(), place(name), "{}",
                    {"Authorization": f"Bearer {vault.token}", "Content-Type": "text/plain"})
                self.assertEqual(status, 415)
                self.answer_fits(document, path, method, status, answer)
        self.assertEqual(walked, set(good))
        # What is not described is not there.
        for path in ("/", "/v1", "/v1/keys/walk/base/export", "/v1/audit/x", "/v2/keys"):
            status, _, _ = vault.call("POST" if "export" in path else "GET", path)
            self.assertEqual(status, 404, path)
        for path, item in document["paths"].items():
            missing = {"get", "put", "patch", "delete", "post"} - set(item)
            if "{label}/" in path:
                missing = set()            # a path of the label, for other methods
            for method in missing - ({"post"} if path == "/v1/keys/{label}" else set()):
                status, names, _ = vault.call(method.upper(),
                                              re.sub(r"\{\w+\}", "1", path))
                self.assertIn(status, (404, 405), (method, path))

    def test_names_and_tokens(self):
        vault = self.vault
        for host in (f"127.0.0.1:{vault.port}", "localhost", "[::1]:1"):
            self.assertEqual(vault.call("GET", "/v1/keys", Host=host)[0], 200)
        for host in ("a.example", "127.0.0.1.example", "x.localhost", ""):
            self.assertEqual(vault.call("GET", "/v1/keys", Host=host)[0], 403, host)
        token = vault.token
        for wrong in (token, f"Basic {token}", f"Bearer {token[:-1]}", f"Bearer {token}0",
                      f"Bearer {'0' if token[0] != '0' else '1'}{token[1:]}", "Bearer ", "",
                      f"Bearer {token.upper()}" if token.upper() != token else "Bearer"):
            status, _, _ = vault.raw("GET", "/v1/keys", None, {"Authorization": wrong})
            self.assertEqual(status, 401, wrong)
        for name in ("vault.token", "vault.secret", "vault.mdb"):
            mode = os.stat(os.path.join(vault.path, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    def test_loopback_alone(self):
        other = Vault(self.market, "elsewhere", listen="0.0.0.0:0")
        done = subprocess.run([*other.prefix, other.soukd, "--home", other.path],
                              capture_output=True, timeout=RUN_S)
        self.assertEqual(done.returncode, 1)
        self.market.daemons.remove(other)

    def test_garbage(self):
        """Nothing that is sent makes the daemon fail."""
        vault, chance = self.vault, random.Random(4)
        vault.ok("PUT", "/v1/keys/garbage")
        wrapped = vault.ok("POST", "/v1/keys/garbage/wrap", {"plaintext": "QUJD"})["wrapped"]
        values = [None, True, -1, 2 ** 63 - 1, 1.5, "", "x" * 2000, [], {}, wrapped, wrapped[:-5],
                  "souk-wrap:", "souk-wrap:" + "A" * 300, B64(b"y" * 70000), "\u0000", "00" * 64,
                  B64(b"z"), "=", "ff" * 32]
        names = ["plaintext", "wrapped", "policy", "message", "digest", "signature", "version",
                 "now", "expires_ms", "uses_max", "rate", "rate_ms", "grace_ms", "exportable",
                 "protected", "unwrap_min"]
        actions = ["wrap", "unwrap", "rewrap", "sign", "verify", "purge", "recover", "rotate"]
        for i in range(300):
            body = {chance.choice(names): chance.choice(values)
                    for _ in range(chance.randrange(1, 4))}
            if i % 3 == 0:
                method, path = "PATCH", "/v1/keys/garbage"
                body.pop("exportable", None)
                body.pop("protected", None)
            else:
                method, path = "POST", f"/v1/keys/garbage/{chance.choice(actions)}"
            status, _, answer = vault.call(method, path, body)
            self.assertLess(status, 500, (method, path, body, answer))
        for data in (b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":1,"a":2}', b"{}" * 50,
                     b'{"plaintext":"' + b"A" * 200000 + b'"}'):
            status, _, _ = vault.raw("POST", "/v1/keys/garbage/wrap", data, {
                "Authorization": f"Bearer {vault.token}", "Content-Type": "application/json"})
            self.assertIn(status, (400, 413), data[:20])
        status, _, _ = vault.raw("POST", "/v1/keys/garbage/wrap", b"x" * 300000, {
            "Authorization": f"Bearer {vault.token}", "Content-Type": "application/json"})
        self.assertEqual(status, 413)
        for label in ("..", "a/../b", "%2e%2e/x", "A", "a" * 65, "a//b", "%00", "a%0ab", "-" * 500):
            status, _, _ = vault.call("GET", f"/v1/keys/{label}")
            self.assertIn(status, (400, 404), label)
        self.assertTrue(vault.ok("POST", "/v1/audit/verify", {})["valid"])

    # ------------------------------------------------------------ what keys do

    def test_commands_and_api_are_one_vault(self):
        vault = self.vault
        vault.souk("key", "create", "both", "--uses", "4")
        wrapped = vault.pipe("key", "wrap", "both", data=b"\x00from the command line\xff")
        plain = vault.ok("POST", "/v1/keys/both/unwrap", {"wrapped": wrapped.decode()})
        self.assertEqual(base64.b64decode(plain["plaintext"]), b"\x00from the command line\xff")
        wrapped = vault.ok("POST", "/v1/keys/both/wrap", {"plaintext": B64(b"from the api")})
        self.assertEqual(vault.pipe("key", "unwrap", "both", data=wrapped["wrapped"].encode()),
                         b"from the api")
        signature = vault.pipe("key", "sign", "both", data=b"message").decode().strip()
        verdict = vault.ok("POST", "/v1/keys/both/verify",
                           {"message": B64(b"message"), "signature": signature})
        self.assertEqual(verdict, {"valid": True, "version": 1})
        verdict = vault.ok("POST", "/v1/keys/both/verify",
                           {"message": B64(b"massage"), "signature": signature})
        self.assertEqual(verdict, {"valid": False})
        vault.ok("POST", "/v1/keys/both/sign", {"message": B64(b"message")})
        status, _, answer = vault.call("POST", "/v1/keys/both/sign", {"message": ""})
        self.assertEqual((status, answer["error"]), (409, "LOCAL_KEY_USED_UP"))
        self.assertIn("souk key set", answer["detail"])
        self.assertIn("LOCAL_KEY_USED_UP", vault.pipe("key", "sign", "both", code=1))
        vault.souk("key", "create", "a/b")
        for label in ("a/b", "a%2Fb", "a%2fb"):      # as people write it, and as generators do
            self.assertEqual(vault.ok("GET", f"/v1/keys/{label}")["label"], "a/b")
            vault.ok("POST", f"/v1/keys/{label}/rotate", {})
        point = vault.souk("key", "show", "both")["versions"][0]["point"]
        outside = subprocess.run([SOUK, "key", "wrap", "--to", point, "--home", "/nonexistent"],
                                 input=b"by nobody", capture_output=True, timeout=RUN_S)
        self.assertEqual(outside.returncode, 0, outside.stderr)
        vault.souk("key", "set", "both", "--uses", "0")
        self.assertEqual(vault.pipe("key", "unwrap", "--any", data=outside.stdout), b"by nobody")

    def test_rate(self):
        vault = self.vault
        vault.ok("PUT", "/v1/keys/slow", {"rate": 2, "rate_ms": 3600000})
        for _ in range(2):
            vault.ok("POST", "/v1/keys/slow/sign", {"message": ""})
        status, names, answer = vault.call("POST", "/v1/keys/slow/sign", {"message": ""})
        self.assertEqual((status, answer["error"]), (429, "LOCAL_KEY_RATE"))
        self.assertTrue(1000 < int(names["retry-after"]) <= 1800, names)

    def test_rotation_retires(self):
        vault = self.vault
        vault.souk("key", "create", "turn")
        old = vault.pipe("key", "wrap", "turn", data=b"kept")
        vault.souk("key", "rotate", "turn")
        new = vault.pipe("key", "rewrap", "turn", data=old)
        vault.souk("key", "set", "turn", "--unwrap-min", "2")
        self.assertIn("LOCAL_KEY_VERSION", vault.pipe("key", "unwrap", "turn", data=old, code=1))
        self.assertEqual(vault.pipe("key", "unwrap", "turn", data=new), b"kept")

    def test_deletion(self):
        vault = self.vault
        vault.souk("key", "create", "soft", "--protected", "--grace", "1h")
        vault.souk("key", "create", "hard")
        for label in ("soft", "hard"):
            vault.souk("key", "delete", label)
            self.assertNotIn(label, [k["label"] for k in vault.souk("key", "list")["keys"]])
            self.assertIn("LOCAL_KEY_DELETED", vault.pipe("key", "sign", label, code=1))
            self.assertIn("LOCAL_KEY_GRACE", vault.pipe("key", "purge", label, code=1))
        self.assertIn("LOCAL_KEY_GRACE", vault.pipe("key", "purge", "soft", "--now", code=1))
        vault.souk("key", "recover", "soft")
        vault.pipe("key", "sign", "soft")
        vault.souk("key", "purge", "hard", "--now")
        self.assertIn("LOCAL_NOT_FOUND", vault.pipe("key", "show", "hard", code=1))

    # ------------------------------------------------------------ at once, and killed

    def test_commands_beside_the_daemon(self):
        """Every use that was answered is counted, whoever answered."""
        vault = self.vault
        vault.souk("key", "create", "busy")
        failures = []

        def by_api():
            for _ in range(15):
                status, _, answer = vault.call("POST", "/v1/keys/busy/sign", {"message": ""})
                if status != 200:
                    failures.append(answer)

        def by_command():
            for _ in range(5):
                if vault.run("key", "sign", "busy", "--digest", "11" * 32).code != 0:
                    failures.append("command")
        threads = [threading.Thread(target=t) for t in (by_api, by_api, by_command, by_command)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(vault.souk("key", "show", "busy")["uses"], 40)
        self.assertTrue(vault.souk("key", "audit", "--verify")["valid"])

    def test_killed_in_the_middle(self):
        """No use that was answered is forgotten, nothing is half done, the log is whole."""
        vault = Vault(self.market, "killed", anchor="0s").start()
        vault.souk("key", "create", "often")
        wrapped = vault.pipe("key", "wrap", "often", data=b"still here").decode()
        answered = rotated = 0
        chance = random.Random(9)
        for _ in range(6):
            stop = threading.Event()
            counts = [0] * 6

            def hammer(action, slot):
                while not stop.is_set():
                    try:
                        body = {"message": ""} if action == "sign" else {}
                        if vault.call("POST", f"/v1/keys/often/{action}", body)[0] == 200:
                            counts[slot] += 1
                    except (OSError, http.client.HTTPException, ValueError):
                        return
            # Several at once, which share transactions.
            threads = [threading.Thread(target=hammer, args=("rotate" if i == 1 else "sign", i))
                       for i in range(len(counts))]
            for thread in threads:
                thread.start()
            wanted = chance.randrange(2, 12)
            wait_until("some operations are answered",
                       lambda: sum(counts) - counts[1] >= wanted and counts[1] >= 1)
            vault.kill()
            stop.set()
            for thread in threads:
                thread.join()
            answered += sum(counts) - counts[1]
            rotated += counts[1]
            key = vault.souk("key", "show", "often")
            self.assertGreaterEqual(key["uses"], answered)
            self.assertGreaterEqual(key["version"], 1 + rotated)
            answered, rotated = key["uses"], key["version"] - 1
            report = vault.souk("key", "audit", "--verify")
            self.assertTrue(report["valid"])
            vault.start()
        self.assertEqual(vault.ok("POST", "/v1/keys/often/unwrap", {"wrapped": wrapped}),
                         {"plaintext": B64(b"still here")})

    def test_damage_stays_with_its_key(self):
        """Operations that share a transaction with one that must be aborted are done all the same,
        and once."""
        vault = Vault(self.market, "damaged", anchor="0s")
        vault.souk("key", "create", "sound")
        vault.souk("key", "create", "broken-key")
        mdb = os.path.join(vault.path, "vault.mdb")
        with open(mdb, "rb") as file:
            whole = file.read()
        label = b"\x00\x0abroken-key"         # in records, not in their keys
        self.assertIn(label, whole)
        with open(mdb, "wb") as file:
            file.write(whole.replace(label, b"\x00\x0abroken-kez"))
        vault.start()
        statuses = {"sound": [], "broken-key": []}

        def hammer(name):
            for _ in range(10):
                statuses[name].append(
                    vault.call("POST", f"/v1/keys/{name}/sign", {"message": ""})[0])
        threads = [threading.Thread(target=hammer, args=(name,)) for name in statuses
                   for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, {"sound": [200] * 30, "broken-key": [500] * 30})
        self.assertEqual(vault.ok("GET", "/v1/keys/sound")["uses"], 30)

    def test_commands_killed(self):
        home = Vault(self.market, "commands")
        home.souk("key", "create", "c")
        for i in range(12):
            command = home.command("key", "rotate", "c")
            # From before it opens anything to after it is done.
            try:
                command.process.wait(i * 0.004)
            except subprocess.TimeoutExpired:
                command.kill()
            command.wait()
        self.assertTrue(home.souk("key", "audit", "--verify")["valid"])
        home.souk("key", "rotate", "c")
        key = home.souk("key", "show", "c")
        self.assertEqual([v["version"] for v in key["versions"]],
                         list(range(key["version"], 0, -1)))

    def test_disk_full(self):
        """What cannot be written did not happen, and is said."""
        home = Vault(self.market, "full")
        home.souk("key", "create", "k")
        size = os.stat(os.path.join(home.path, "vault.mdb")).st_size

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        done = 0
        for _ in range(40):
            result = home.run("key", "rotate", "k", before=limit)
            if result.code != 0:
                self.assertIn("IO_DISK_FULL", result.err)
                break
            done += 1
        else:
            self.fail("the file never grew")
        self.assertEqual(home.souk("key", "show", "k")["version"], 1 + done)
        home.souk("key", "rotate", "k")
        self.assertTrue(home.souk("key", "audit", "--verify")["valid"])

    # ------------------------------------------------------------ the log

    def test_anchored_and_proved(self):
        vault, other = Vault(self.market, "proved"), Home(self.market, "auditor")
        other.souk("init")
        for i in range(5):
            vault.souk("key", "create", f"k{i}")
        report = vault.souk("key", "audit", "--verify")
        self.assertFalse(report["anchored"])
        self.assertTrue(vault.souk("key", "audit", "--anchor")["new"])
        self.assertFalse(vault.souk("key", "audit", "--anchor")["new"])
        report = vault.souk("key", "audit", "--verify")
        self.assertTrue(report["anchored"] and report["valid"])
        self.assertEqual(report["anchored_entries"], 6)
        vault.souk("key", "rotate", "k1")
        proof = vault.souk("key", "audit", "--prove", "3")
        self.assertEqual(proof["entry"]["label"], "k2")
        path = self.market.path("entry.proof")
        with open(path, "w") as file:
            file.write(proof["proof"] + "\n")
        checked = other.souk("key", "audit", "--check", path, "--account", vault.address)
        self.assertEqual(checked["entry"]["label"], "k2")
        wrong = other.run("key", "audit", "--check", path, "--account", other_address(other))
        self.assertEqual(wrong.code, 1)
        spoilt = proof["proof"][:200] + ("0" if proof["proof"][200] != "0" else "1") + \
            proof["proof"][201:]
        with open(path, "w") as file:
            file.write(spoilt)
        self.assertEqual(other.run("key", "audit", "--check", path, "--account",
                                   vault.address).code, 1)

    def test_anchors_by_itself(self):
        vault = Vault(self.market, "anchoring", anchor="1h", anchor_entries=3).start()
        vault.ok("PUT", "/v1/keys/a")
        vault.ok("PUT", "/v1/keys/b")
        wait_until("the log is anchored", lambda: vault.ok("GET", "/v1/audit")["anchored"] >= 3)
        report = vault.souk("key", "audit", "--verify")
        self.assertTrue(report["valid"] and report["anchored"])

    def test_tampering(self):
        """What is changed in the file is named; a log that is cut is longer on the ledger."""
        vault = Vault(self.market, "tampered")
        vault.souk("key", "create", "k")
        for _ in range(3):
            vault.souk("key", "rotate", "k")
        short = self.market.path("short.mdb")
        mdb = os.path.join(vault.path, "vault.mdb")
        shutil.copy(mdb, short)
        vault.souk("key", "set", "k", "--uses", "9")
        vault.souk("key", "audit", "--anchor")
        with open(mdb, "rb") as file:
            whole = file.read()
        self.assertIn(b"configure", whole)
        with open(mdb, "wb") as file:
            file.write(whole.replace(b"configure", b"konfigure"))
        result = vault.run("key", "audit", "--verify")
        self.assertEqual(result.code, 1, result)
        report = json.loads(result.out)
        self.assertEqual((report["bad_entry"], report["status"]), (5, "CORRUPT_VAULT_LOG"))
        self.assertIn("signature", report["what"])
        shutil.copy(short, mdb)
        result = vault.run("key", "audit", "--verify")
        self.assertEqual(result.code, 1, result)
        self.assertIn("the ledger knows of more entries", json.loads(result.out)["what"])
        self.assertEqual(vault.run("key", "audit", "--anchor").code, 1)

    # ------------------------------------------------------------ passphrases, copies

    def secret_file(self, name, text):
        path = self.market.path(name)
        with open(path, "w") as file:
            file.write(text + "\n")
        return path

    def test_passphrase(self):
        home = Vault(self.market, "phrase")
        right = self.secret_file("right", "correct horse")
        wrong = self.secret_file("wrong", "battery staple")
        home.souk("key", "create", "k", "--passphrase-file", right)
        self.assertFalse(os.path.exists(os.path.join(home.path, "vault.secret")))
        for arguments in ((), ("--passphrase-file", wrong)):
            result = home.run("key", "list", *arguments)
            self.assertEqual(result.code, 1)
            self.assertIn("LOCAL_VAULT_LOCKED", result.err)
        self.assertEqual(len(home.souk("key", "list", "--passphrase-file", right)["keys"]), 1)
        home.pipe("key", "sign", "k", env={"SOUK_VAULT_PASSPHRASE": "correct horse"})
        home.configure("vault", passphrase_file=right)
        home.start()
        home.ok("POST", "/v1/keys/k/sign", {"message": ""})
        home.souk("key", "reseal", "--passphrase-file", right, "--new-passphrase-file", wrong)
        home.ok("POST", "/v1/keys/k/sign", {"message": ""})
        self.assertEqual(home.run("key", "list", "--passphrase-file", right).code, 1)
        home.souk("key", "reseal", "--passphrase-file", wrong)
        self.assertEqual(home.souk("key", "show", "k")["uses"], 3)
        home.souk("key", "reseal", "--new-passphrase-file", right)
        self.assertFalse(os.path.exists(os.path.join(home.path, "vault.secret")))
        self.assertEqual(home.souk("key", "show", "k", "--passphrase-file", right)["uses"], 3)

    def test_copies(self):
        home, other = Vault(self.market, "original"), Vault(self.market, "copy")
        phrase = ("--export-passphrase-file", self.secret_file("export", "something long"))
        bad = ("--export-passphrase-file", self.secret_file("bad", "something else"))
        home.souk("key", "create", "stays")
        home.souk("key", "create", "moves", "--exportable", "--uses", "9")
        wrapped = home.pipe("key", "wrap", "moves", data=b"carried")
        home.souk("key", "rotate", "moves")
        home.pipe("key", "sign", "moves")
        file = self.market.path("moves.key")
        self.assertIn("LOCAL_KEY_STAYS", home.pipe("key", "export", "stays", file, *phrase, code=1))
        home.pipe("key", "export", "moves", file, *phrase)
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        self.assertIn("LOCAL_VAULT_LOCKED", other.pipe("key", "import", "here", file, *bad, code=1))
        other.pipe("key", "import", "here", file, *phrase)
        key = other.souk("key", "show", "here")
        self.assertEqual((key["uses"], key["uses_max"], key["version"]), (1, 9, 2))
        self.assertEqual(other.pipe("key", "unwrap", "here", data=wrapped), b"carried")
        raw = home.pipe("key", "export", "moves", "--raw", "--version", "1")
        third = Vault(self.market, "third")
        third.pipe("key", "import", "raw", "--raw", data=raw)
        self.assertEqual(third.pipe("key", "unwrap", "raw", data=wrapped), b"carried")

    def test_backup(self):
        home = Vault(self.market, "lost")
        phrase = ("--export-passphrase-file", self.secret_file("backup", "kept elsewhere"))
        home.souk("key", "create", "stays")
        wrapped = home.pipe("key", "wrap", "stays", data=b"found again")
        file = self.market.path("vault.backup")
        home.souk("key", "backup", file, *phrase)
        home.souk("key", "audit", "--anchor")
        with open(file, "rb") as stream:
            data = stream.read()
        for name in ("vault.mdb", "vault.mdb-lock", "vault.secret"):
            os.unlink(os.path.join(home.path, name))
        for at in (10, len(data) // 2, len(data) - 1):
            with open(file, "wb") as stream:
                stream.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            self.assertEqual(home.run("key", "restore", file, *phrase).code, 1)
            with open(file, "wb") as stream:
                stream.write(data[:at])
            self.assertEqual(home.run("key", "restore", file, *phrase).code, 1)
        with open(file, "wb") as stream:
            stream.write(data)
        home.souk("key", "restore", file, *phrase)
        self.assertEqual(home.pipe("key", "unwrap", "stays", data=wrapped), b"found again")
        self.assertTrue(home.souk("key", "audit", "--verify")["valid"])
        self.assertEqual(home.run("key", "restore", file, *phrase).code, 1)
        other = Vault(self.market, "heir")
        other.souk("key", "restore", file, *phrase)
        self.assertEqual(other.pipe("key", "unwrap", "stays", data=wrapped), b"found again")
        first = other.souk("key", "audit", "--last", "100")["entries"][0]
        self.assertEqual((first["index"], first["operation"]), (0, "restore"))


def other_address(home):
    return home.souk("id")["address"]


if __name__ == "__main__":
    main()
