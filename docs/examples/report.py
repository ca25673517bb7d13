import hashlib
import sqlite3
import subprocess


def jobs_of(database: sqlite3.Connection, owner: str) -> list[tuple]:
    return database.execute("SELECT id, kind FROM job WHERE owner = '" + owner + "'").fetchall()


def fingerprint(password: str) -> str:
    return hashlib.md5(password.encode()).hexdigest()


def compress(folder: str) -> None:
    subprocess.run("tar czf jobs.tgz " + folder, shell=True)
