#!/usr/bin/env bash
# An OpenAPI 3.1 document describes a response by prefixItems: a pair of texts, which is what pydantic generates for
# tuple[str, str]. Schemathesis reports "Invalid Schema Object in response definition": it has rewritten prefixItems to an array
# under items, which JSON Schema 2020-12 does not allow, and then checked its own result. One would have guessed: a document that
# jsonschema's own validator of 2020-12 accepts is tested. No response is compared; the operation counts as an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5 pydantic==2.14.3 jsonschema==4.26.0
cat > "$folder/test.py" <<'PYTHON'
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pydantic

pair = pydantic.TypeAdapter(tuple[str, str]).json_schema()
same = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
for schema in (pair, same):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(["low", "high"])


def operation(schema):
    return {"get": {"responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}}}


paths = {"/pair": operation(pair), "/same": operation(same)}
document = {"openapi": "3.1.0", "info": {"title": "pairs", "version": "1"}, "paths": paths}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        found = {"/openapi.json": document, "/pair": ["low", "high"], "/same": ["low", "high"]}.get(self.path)
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
program = Path(sys.executable).with_name("schemathesis")
options = ["--phases", "fuzzing", "--max-examples", "3", "--checks", "response_schema_conformance", "--no-color"]
address = f"http://127.0.0.1:{server.server_port}/openapi.json"
print(f"schemathesis {version('schemathesis')}, pydantic {version('pydantic')}: {pair}")
failed = False
for path, rejected in (("/pair", True), ("/same", False)):
    command = [program, "run", address, "--include-path", path, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    invalid = "Invalid Schema Object" in done.stdout
    print(f"{path}: exit code {done.returncode}, {'the schema is reported as invalid' if invalid else 'accepted'}")
    failed |= invalid is not rejected or (done.returncode != 0) is not rejected
sys.exit("the behaviour has changed" if failed else 0)
PYTHON
cd "$folder"
venv/bin/python test.py
