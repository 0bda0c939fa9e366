"""SQLite file that holds all the stand-in must not forget, the message log included."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from .envelope import DeviceId
from .model import Device, Firmware, Job, Task

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS devices (
  product_key TEXT, device_key TEXT, device_secret TEXT NOT NULL, version TEXT, informed_at REAL,
  PRIMARY KEY (product_key, device_key));
CREATE TABLE IF NOT EXISTS firmware (
  id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE, name TEXT NOT NULL, size_bytes INTEGER,
  sha256 TEXT, sign TEXT, sign_method TEXT, url_shape TEXT, url TEXT UNIQUE, created_at REAL);
CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY, kind TEXT, versions TEXT, from_versions TEXT, timeout_s INTEGER,
  retry_count INTEGER, retry_interval_s INTEGER, running INTEGER, created_at REAL);
CREATE TABLE IF NOT EXISTS tasks (
  id INTEGER PRIMARY KEY, job_id INTEGER REFERENCES jobs, product_key TEXT, device_key TEXT,
  from_version TEXT, to_version TEXT, status TEXT, progress INTEGER, desc TEXT, retries INTEGER,
  pushed_at REAL, upgrading_at REAL, due_at REAL, updated_at REAL);
CREATE INDEX IF NOT EXISTS tasks_of_device ON tasks (product_key, device_key, status);
CREATE INDEX IF NOT EXISTS tasks_by_status ON tasks (status);
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time REAL, product_key TEXT, device_key TEXT,
  direction TEXT, topic TEXT, payload TEXT);
CREATE TABLE IF NOT EXISTS http_sessions (
  id TEXT PRIMARY KEY, product_key TEXT, device_key TEXT, lifetime_ms INTEGER, used_at REAL);
CREATE TABLE IF NOT EXISTS certificates (
  serial TEXT PRIMARY KEY, product_key TEXT, device_key TEXT, not_after REAL, revoked_at REAL);
"""


class Store:
    """Typed access to the database; every call is one transaction."""

    def __init__(self, path: Path) -> None:
        # Created private first: SQLite gives its WAL files the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._db.execute(sql, values)]

    def _insert(self, table: str, fields: dict[str, Any]) -> int:
        names = ", ".join(fields)
        marks = ", ".join("?" * len(fields))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        return self._db.execute(sql, tuple(fields.values())).lastrowid or 0

    # --- settings

    def setting(self, name: str) -> str | None:
        """Value of a setting, None if it was never set."""
        rows = self._rows("SELECT value FROM settings WHERE name = ?", name)
        return rows[0]["value"] if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Remember a setting."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    # --- devices

    def add_device(self, device: Device) -> None:
        """Remember a new device."""
        self._insert("devices", vars(device))

    def device(self, device: DeviceId) -> Device | None:
        """A device, None if unknown."""
        sql = "SELECT * FROM devices WHERE product_key = ? AND device_key = ?"
        rows = self._rows(sql, *device)
        return Device(**rows[0]) if rows else None

    def devices(self) -> list[Device]:
        """All devices, in order of their keys."""
        sql = "SELECT * FROM devices ORDER BY product_key, device_key"
        return [Device(**row) for row in self._rows(sql)]

    def informed(self, device: DeviceId, version: str, now: float) -> None:
        """Remember the version a device reports."""
        self._db.execute(
            "UPDATE devices SET version = ?, informed_at = ?"
            " WHERE product_key = ? AND device_key = ?",
            (version, now, *device),
        )

    # --- certificates of devices

    def add_certificate(self, serial: str, device: DeviceId, not_after: float) -> None:
        """Remember a certificate that was issued."""
        fields = {"serial": serial, **device._asdict(), "not_after": not_after}
        self._insert("certificates", fields)

    def revoke_certificates(self, device: DeviceId, now: float) -> list[str]:
        """Revoke all certificates of a device; the serial numbers of those that were not."""
        which = "WHERE product_key = ? AND device_key = ? AND revoked_at IS NULL"
        found = self._rows(f"SELECT serial FROM certificates {which}", *device)
        self._db.execute(f"UPDATE certificates SET revoked_at = ? {which}", (now, *device))
        return [row["serial"] for row in found]

    def is_revoked(self, serial: str) -> bool:
        """Whether a certificate was revoked."""
        sql = "SELECT 1 FROM certificates WHERE serial = ? AND revoked_at IS NOT NULL"
        return bool(self._rows(sql, serial))

    # --- firmware

    def add_firmware(self, fields: dict[str, Any]) -> int:
        """Remember firmware (all fields but id) and return its id."""
        return self._insert("firmware", fields)

    def firmware(self) -> list[Firmware]:
        """All firmware, oldest first."""
        return [Firmware(**row) for row in self._rows("SELECT * FROM firmware ORDER BY id")]

    def firmware_of(self, version: str) -> Firmware | None:
        """Firmware by version, None if unknown."""
        rows = self._rows("SELECT * FROM firmware WHERE version = ?", version)
        return Firmware(**rows[0]) if rows else None

    def firmware_at(self, url: str) -> Firmware | None:
        """Firmware by its `url` column, None if unknown."""
        rows = self._rows("SELECT * FROM firmware WHERE url = ?", url)
        return Firmware(**rows[0]) if rows else None

    # --- jobs and tasks

    def add_job(self, fields: dict[str, Any]) -> Job:
        """Remember a job (all fields but id)."""
        packed = fields | {name: json.dumps(fields[name]) for name in ("versions", "from_versions")}
        return Job(id=self._insert("jobs", packed), **fields)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        return [_job(row) for row in self._rows("SELECT * FROM jobs ORDER BY id")]

    def job(self, job_id: int) -> Job | None:
        """A job, None if unknown."""
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", job_id)
        return _job(rows[0]) if rows else None

    def set_job_running(self, job_id: int, running: bool) -> None:
        """Start or stop a job."""
        self._db.execute("UPDATE jobs SET running = ? WHERE id = ?", (running, job_id))

    def add_task(self, fields: dict[str, Any]) -> int:
        """Remember a task (all fields but id) and return its id."""
        return self._insert("tasks", fields)

    def task(self, task_id: int) -> Task:
        """A task that exists."""
        return Task(**self._rows("SELECT * FROM tasks WHERE id = ?", task_id)[0])

    def tasks(self, *, job: int | None = None, device: DeviceId | None = None) -> list[Task]:
        """Tasks of one job, of one device, or all; oldest first."""
        if job is not None:
            rows = self._rows("SELECT * FROM tasks WHERE job_id = ? ORDER BY id", job)
        elif device is not None:
            sql = "SELECT * FROM tasks WHERE product_key = ? AND device_key = ? ORDER BY id"
            rows = self._rows(sql, *device)
        else:
            rows = self._rows("SELECT * FROM tasks ORDER BY id")
        return [Task(**row) for row in rows]

    def unsettled_tasks(self) -> list[Task]:
        """Tasks that time can change: open ones, and failed ones which wait for a retry."""
        sql = (
            "SELECT * FROM tasks WHERE status IN ('init', 'published', 'upgrading')"
            " OR (status = 'failed' AND due_at IS NOT NULL) ORDER BY id"
        )
        return [Task(**row) for row in self._rows(sql)]

    def update_task(self, task_id: int, fields: dict[str, Any]) -> None:
        """Change columns of a task."""
        columns = ", ".join(f"{name} = ?" for name in fields)
        self._db.execute(f"UPDATE tasks SET {columns} WHERE id = ?", (*fields.values(), task_id))

    # --- message log

    def log(self, time: float, device: DeviceId, direction: str, topic: str, payload: str) -> int:
        """Append a message; direction is `up` or `down`. Returns its number."""
        return self._insert(
            "messages",
            {"time": time, **device._asdict(), "direction": direction, "topic": topic,
             "payload": payload},
        )  # fmt: skip

    def messages(self, since: int, limit: int) -> list[dict[str, Any]]:
        """Messages with numbers above `since`, oldest first."""
        sql = (
            "SELECT seq, time, product_key AS product, device_key AS device, direction, topic,"
            " payload FROM messages WHERE seq > ? ORDER BY seq LIMIT ?"
        )
        return self._rows(sql, since, limit)

    def last_message(self) -> int:
        """Number of the newest message, 0 if there is none."""
        return int(self._rows("SELECT coalesce(max(seq), 0) AS seq FROM messages")[0]["seq"])

    # --- sessions of the HTTP broker

    def add_session(self, session: str, device: DeviceId, lifetime_ms: int, now: float) -> None:
        """Remember a login, and forget those that have expired."""
        self._db.execute(
            "DELETE FROM http_sessions WHERE used_at + lifetime_ms / 1000.0 < ?", (now,)
        )
        self._insert(
            "http_sessions",
            {"id": session, **device._asdict(), "lifetime_ms": lifetime_ms, "used_at": now},
        )

    def forget_sessions(self, device: DeviceId | None = None) -> None:
        """End all sessions, or those of one device."""
        if device is None:
            self._db.execute("DELETE FROM http_sessions")
            return
        sql = "DELETE FROM http_sessions WHERE product_key = ? AND device_key = ?"
        self._db.execute(sql, device)

    def use_session(self, session: str, device: DeviceId, now: float) -> bool:
        """Whether the session is the device's and alive; using it makes its life begin anew."""
        changed = self._db.execute(
            "UPDATE http_sessions SET used_at = ? WHERE id = ? AND product_key = ?"
            " AND device_key = ? AND used_at + lifetime_ms / 1000.0 >= ?",
            (now, session, *device, now),
        )
        return changed.rowcount == 1


def _job(row: dict[str, Any]) -> Job:
    lists = {name: tuple(json.loads(row[name])) for name in ("versions", "from_versions")}
    return Job(**(row | lists | {"running": bool(row["running"])}))
