"""SQLite files and the state folder. Nothing else in the package opens a database."""

from sqlite3 import Connection, DatabaseError, IntegrityError, OperationalError

from sandbox.storage.database import Database
from sandbox.storage.errors import StateFolderBusy, StateFolderRefused, StorageClosed, StorageFull, StorageNewer
from sandbox.storage.files import Damage, Synchronous, open_reader, open_writer
from sandbox.storage.state_folder import StateFolder

__all__ = [
    "Connection",
    "Damage",
    "Database",
    "DatabaseError",
    "IntegrityError",
    "OperationalError",
    "StateFolder",
    "StateFolderBusy",
    "StateFolderRefused",
    "StorageClosed",
    "StorageFull",
    "StorageNewer",
    "Synchronous",
    "open_reader",
    "open_writer",
]
