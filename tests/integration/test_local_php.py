"""The credentials in ``db/local.php`` lead to the database, as they lead Tiki's PHP there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.databases import ServerAdmin
from tikisync.database import Database
from tikisync.tiki import local_php

PASSWORD = 'it\'s \\ "5 €" @:/?#%ü'


@pytest.fixture
def account(server_admin: ServerAdmin, server_url: str) -> URL:
    """The URL of a user whose password has every kind of character."""
    return make_url(server_admin.create_user(server_url, "SELECT", password=PASSWORD))


@pytest.fixture
def root(tmp_path: Path, account: URL) -> Path:
    """A Tiki's folder with a ``db/local.php`` for that user."""
    assert account.password == PASSWORD
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "local.php").write_text(
        f"<?php\n$db_tiki='mysql';\n$host_tiki='{account.host};port={account.port or 3306}';\n"
        f"$user_tiki='{account.username}';\n$pass_tiki='{quoted}';\n$dbs_tiki='{account.database}';\n"
        "// $pass_tiki='old';\n$client_charset='utf8mb4';\n",
        encoding="utf-8",
    )
    return tmp_path


def test_the_credentials_open_the_database(root: Path, account: URL) -> None:
    database = Database(local_php.url(local_php.read(root)))
    with database.transaction() as tx:
        assert tx.value("SELECT DATABASE()") == account.database
        assert str(tx.value("SELECT CURRENT_USER()")).partition("@")[0] == account.username
    database.close()


def test_php_opens_the_same_database_with_them(root: Path, account: URL) -> None:
    if not shutil.which("php"):
        pytest.skip("php, the judge, is not installed")
    judge = """
        require $argv[1];
        $pdo = new PDO("mysql:host=$host_tiki;dbname=$dbs_tiki", $user_tiki, $pass_tiki);
        echo $pdo->query('SELECT DATABASE()')->fetchColumn();
    """
    command = ["php", "-r", "if (!extension_loaded('pdo_mysql')) exit(3);" + judge, str(root / "db" / "local.php")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("php has no pdo_mysql")
    assert (run.stdout, run.returncode) == (account.database, 0)
