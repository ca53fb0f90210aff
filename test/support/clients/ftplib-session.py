"""One session of ftplib: reads what to do as JSON from stdin, logs commands and replies to stdout."""

import ftplib
import json
import os
import socket
import ssl
import sys

order = json.load(sys.stdin)


class ImplicitTls(ftplib.FTP_TLS):
    """ftplib has no implicit TLS: the handshake comes right after the connection, before the greeting."""

    def connect(self, host="", port=0, timeout=-999, source_address=None):
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), self.timeout)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(order["authority"])
    version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[order["tls"]]
    context.minimum_version = context.maximum_version = version
    if order.get("certificate"):
        context.load_cert_chain(order["certificate"]["certificate"], order["certificate"]["key"])
    return context


def log_in():
    if order.get("tls") is None:
        ftp = ftplib.FTP(timeout=10)
    else:
        kind = ImplicitTls if order["implicit"] else ftplib.FTP_TLS
        ftp = kind(context=tls_context(), timeout=10)
    ftp.set_debuglevel(1)
    ftp.connect(order["host"], order["port"])
    ftp.login(order["user"], order["password"])
    if order.get("tls") is not None:
        ftp.prot_p()
    ftp.set_pasv(order["passive"])
    return ftp


def list_files(ftp, operation):
    lines = []
    ftp.retrlines("NLST" if operation["style"] == "names" else "MLSD", lines.append)
    with open(operation["into"], "w", encoding="utf-8") as file:
        # MLSD names the directory itself and its parent as well.
        file.writelines(line + "\n" for line in lines if "type=cdir;" not in line and "type=pdir;" not in line)


def upload(ftp, operation):
    with open(operation["local"], "rb") as file:
        ftp.storbinary("STOR " + operation["remote"], file)


def download(ftp, operation):
    with open(operation["local"], "xb") as file:
        ftp.retrbinary("RETR " + operation["remote"], file.write)


def resume_upload(ftp, operation):
    ftp.voidcmd("TYPE I")
    offset = ftp.size(operation["remote"])
    with open(operation["local"], "rb") as file:
        file.seek(offset)
        ftp.storbinary("STOR " + operation["remote"], file, rest=offset)


def resume_download(ftp, operation):
    offset = os.path.getsize(operation["local"])
    with open(operation["local"], "ab") as file:
        ftp.retrbinary("RETR " + operation["remote"], file.write, rest=offset)


def abort_download(ftp, operation):
    ftp.voidcmd("TYPE I")
    connection = ftp.transfercmd("RETR " + operation["remote"])
    if not connection.recv(1000):
        raise EOFError("nothing came")
    print("abort:", ftp.abort())
    connection.close()
    # abort() takes one reply, that of the transfer; the one to ABOR itself is left.
    print("after:", ftp.getresp())
    print("noop:", ftp.voidcmd("NOOP"))


actions = {
    "list": list_files,
    "upload": upload,
    "download": download,
    "resume upload": resume_upload,
    "resume download": resume_download,
    "rename": lambda ftp, operation: ftp.rename(operation["from"], operation["to"]),
    "delete": lambda ftp, operation: ftp.delete(operation["remote"]),
    "mkdir": lambda ftp, operation: ftp.mkd(operation["remote"]),
    "rmdir": lambda ftp, operation: ftp.rmd(operation["remote"]),
    "abort download": abort_download,
}

session = log_in()
for entry in order["operations"]:
    actions[entry["do"]](session, entry)
session.quit()
