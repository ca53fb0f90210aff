"""A client as devices have it: writes to the data connection, closes it, and never reads from it nor ends TLS.

Arguments: port, user, password, TLS version (1.2 or 1.3), bytes, names of the files. For each: its name, the SHA-256 of what
was sent, and the code of the last reply, on one line."""

import hashlib
import os
import re
import socket
import ssl
import sys

port, user, password, version, length, *names = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))


def reply(lines):
    while True:
        line = lines.readline()
        if not line or re.match(rb"\d{3} ", line):
            return line.decode()


def command(connection, lines, text):
    connection.sendall(text.encode() + b"\r\n")
    return reply(lines)


control = socket.create_connection(("127.0.0.1", int(port)), timeout=60)
lines = control.makefile("rb")
reply(lines)
command(control, lines, "AUTH TLS")
control = context.wrap_socket(control)
lines = control.makefile("rb")
for text in ["USER " + user, "PASS " + password, "PBSZ 0", "PROT P", "TYPE I"]:
    command(control, lines, text)
content = bytearray(os.urandom(int(length)))
for number, name in enumerate(names):
    content[:4] = number.to_bytes(4, "big")
    data_port = int(re.search(r"\|\|\|(\d+)\|", command(control, lines, "EPSV")).group(1))
    data = socket.create_connection(("127.0.0.1", data_port), timeout=60)
    command(control, lines, "STOR " + name)
    data = context.wrap_socket(data, session=control.session)
    data.sendall(content)
    data.close()
    print(name, hashlib.sha256(content).hexdigest(), reply(lines)[:3], flush=True)
command(control, lines, "QUIT")
