"""``db/local.php`` read as text gives what PHP makes of it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from tikisync.core.php_tokens import Token, tokens
from tikisync.errors import SetupError
from tikisync.tiki.local_php import SOCKETS, LocalPhp, parse, read, url

INSTALLED = """<?php
$db_tiki='mysql';
$dbversion_tiki='24.4';
$host_tiki='db.example.com';
$user_tiki='tiki';
$pass_tiki='it\\'s \\\\ secret';
$dbs_tiki='wiki';
$client_charset='utf8mb4';
// $dbfail_url = '';
// $system_configuration_file = '/etc/tiki.ini.php';
"""


def test_the_file_the_installer_writes_is_read() -> None:
    local = parse(INSTALLED)
    assert local == LocalPhp(host="db.example.com", user="tiki", password="it's \\ secret", database="wiki")


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(parse(INSTALLED))


def test_the_last_assignment_wins() -> None:
    assert parse(INSTALLED + "$dbs_tiki = 'other';\n?>\n").database == "other"


@pytest.mark.parametrize(
    "comment", ["// %s", "# %s", "/* %s */", "/* a\n * %s\n */", "?> %s <?php", "// ?> %s <?php\n"]
)
def test_assignments_outside_the_code_do_not_count(comment: str) -> None:
    assert parse(INSTALLED + comment % "$dbs_tiki='wrong';" + "\n$user_tiki='u';").database == "wiki"


def test_escapes_in_texts_are_those_of_php() -> None:
    local = parse(r"""<?php $pass_tiki = "a\$b\t\x41\101\u{20ac}\q\""; $user_tiki = 'a\tb\\c\'$d';""")
    assert local.password == 'a$b\tAA€\\q"'
    assert local.user == "a\\tb\\c'$d"


def test_comment_signs_inside_texts_are_text() -> None:
    assert parse("<?php $pass_tiki = 'a//b#c/*d'; $dbs_tiki = \"x?>#\"; $user_tiki='/* */';").password == "a//b#c/*d"


def test_what_is_not_set_has_tikis_default() -> None:
    assert parse("<?php $pass_tiki = 'x';") == LocalPhp("localhost", "root", "x", "tiki", socket="")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", ("localhost", None, "")),
        ("", ("localhost", None, "")),
        ("localhost;unix_socket=/run/my.sock", ("localhost", None, "/run/my.sock")),
        ("127.0.0.1;unix_socket=/run/my.sock", ("127.0.0.1", None, None)),
        ("localhost;port=3307", ("localhost", None, "")),
        ("db.example.com;port=3307", ("db.example.com", 3307, None)),
        ("db.example.com; port=3307", ("db.example.com", 3307, None)),
        ("db.example.com:3307", ("db.example.com", 3307, None)),
        ("localhost:3307", ("localhost", 3307, None)),
        ("2001:db8::1", ("2001:db8::1", None, None)),
        ("[2001:db8::1];port=3307", ("2001:db8::1", 3307, None)),
    ],
)
def test_host_port_and_socket_are_told_apart(host: str, expected: tuple[str, int | None, str | None]) -> None:
    local = parse(f"<?php $host_tiki = '{host}';")
    assert (local.host, local.port, local.socket) == expected


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SetupError, match=r"\$host_tiki has a port"):
        parse(f"<?php $host_tiki = 'db;port={port}';")


@pytest.mark.parametrize(
    "code",
    [
        "$pass_tiki = getenv('TIKI_PASSWORD');",
        "$pass_tiki = $_ENV['X'] ?? 'x';",
        '$pass_tiki = "a$user_tiki";',
        '$pass_tiki = "a{$user_tiki}";',
        "$pass_tiki = <<<X\nabc\nX;",
        "$pass_tiki = `cat x`;",
        "$pass_tiki = 012;",
        "$pass_tiki = $undefined;",
        "$pass_tiki = 'a' . 'b' . X;",
        "$pass_tiki = 'a' 'b';",
        "$pass_tiki .= 'x';",
        "$pass_tiki;",
        "if ($_SERVER['SERVER_NAME'] == 'x') { $pass_tiki = 'y'; }",
        "if (1) $pass_tiki = 'y'; else $pass_tiki = 'z';",
        "switch (1) { case 1: $pass_tiki = 'x'; }",
        "if (1): $user_tiki = 'x'; $pass_tiki = 'x'; endif;",
        "include 'secret.php';",
        "if (is_file('x')) require_once('x');",
        "$name = 'pass_tiki'; $$name = 'x';",
        "$GLOBALS['pass_tiki'] = 'x';",
        "list($pass_tiki) = ['x'];",
        "$a = $pass_tiki = 'x';",
    ],
)
def test_what_only_php_can_work_out_is_refused_by_name(code: str) -> None:
    with pytest.raises(SetupError, match=r"\$pass_tiki is worked out|\$\w+_tiki is worked out") as caught:
        parse(f"<?php $user_tiki = 'u'; {code}")
    assert "[tiki] url" in caught.value.hint


def test_code_that_touches_nothing_needed_is_passed_over() -> None:
    code = (
        "ini_set('memory_limit', '1G'); define('A', 'b'); function f($x) { return $x; } if (!defined('B')) { exit; } "
    )
    assert parse("<?php " + code + "$pass_tiki='p'; header('x'); return; $pass_tiki = 'q';").password == "p"


def test_an_assignment_after_an_included_file_counts() -> None:
    code = "include 'x'; $host_tiki='h'; $user_tiki='u'; $pass_tiki='p'; $dbs_tiki='d'; $db_tiki='mysql'; "
    code += "$client_charset=null; $system_configuration_file=''; $system_configuration_identifier=''; "
    assert parse("<?php " + code + "$db_table_prefix=''; $shadow_host=null;").password == "p"


def test_a_variable_may_take_its_value_from_another_one() -> None:
    assert parse("<?php $site = 'a'; $dbs_tiki = 'wiki_' . $site . false . true;").database == "wiki_a1"


def test_an_encoding_other_than_utf8_is_refused() -> None:
    with pytest.raises(SetupError, match=r"\$client_charset = latin1"):
        parse("<?php $client_charset = 'latin1';")
    assert parse("<?php $client_charset = 'UTF8';").client_charset == "UTF8"
    assert parse("<?php $client_charset = '';").client_charset == "utf8mb4"


def test_other_databases_and_prefixed_tables_are_refused() -> None:
    with pytest.raises(SetupError, match=r"\$db_tiki"):
        parse("<?php $db_tiki = 'pgsql';")
    with pytest.raises(SetupError, match=r"\$db_table_prefix"):
        parse("<?php $db_table_prefix = 'x_';")


def test_a_value_that_is_not_utf8_is_refused_by_name() -> None:
    with pytest.raises(SetupError, match=r"\$pass_tiki is not UTF-8"):
        parse('<?php $pass_tiki = "\\xe9";')


def test_a_replica_and_the_system_ini_are_reported() -> None:
    local = parse(
        "<?php $shadow_host='r'; $system_configuration_file='db/t.ini'; $system_configuration_identifier='a';"
    )
    assert local.has_shadow
    assert (local.system_configuration_file, local.system_configuration_identifier) == ("db/t.ini", "a")


def test_the_file_is_found_below_the_tiki_and_its_site(tmp_path: Path) -> None:
    (tmp_path / "db" / "shop.example.com").mkdir(parents=True)
    site = tmp_path / "db" / "shop.example.com" / "local.php"
    site.write_bytes(b"<?php $dbs_tiki = 'shop'; $system_configuration_file = __DIR__ . '/tiki.ini';")
    local = read(tmp_path, "shop.example.com")
    assert (local.database, local.system_configuration_file) == ("shop", str(site.parent / "tiki.ini"))
    with pytest.raises(SetupError, match="does not exist") as caught:
        read(tmp_path)
    assert caught.value.hint == "set [tiki] site to one of its sites: shop.example.com"
    (tmp_path / "db" / "local.php").write_text("<?php $dbs_tiki = 'main';")
    assert read(tmp_path).database == "main"


def test_a_folder_without_tiki_and_a_false_site_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no Tiki"):
        read(tmp_path)
    with pytest.raises(SetupError, match="no name of a site"):
        read(tmp_path, "../x")
    (tmp_path / "db" / "local.php").mkdir(parents=True)
    with pytest.raises(SetupError, match="cannot be read"):
        read(tmp_path)


def test_the_url_carries_every_character() -> None:
    local = LocalPhp(host="db.example.com", user="u:@/ü", password="p@:/?#%é€ \\", database="my wiki?", port=3307)
    parsed = make_url(url(local))
    assert (parsed.host, parsed.port, parsed.username, parsed.password, parsed.database) == (
        local.host, local.port, local.user, local.password, local.database)  # fmt: skip
    assert parsed.query == {"charset": "utf8mb4"}
    assert make_url(url(LocalPhp("2001:db8::1", "u", "p", "d"))).host == "2001:db8::1"


def test_localhost_means_the_socket_that_is_there(tmp_path: Path) -> None:
    local = parse("<?php $dbs_tiki = 'd';")
    assert make_url(url(local, tmp_path)).host == "127.0.0.1"
    place = tmp_path / SOCKETS[2]
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        found = make_url(url(local, tmp_path))
    assert (found.host, found.query["unix_socket"]) == ("localhost", str(place))
    given_ = make_url(url(parse("<?php $host_tiki = 'localhost;unix_socket=/x y';")))
    assert given_.query["unix_socket"] == "/x y"


def test_a_socket_in_a_closed_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "is_socket", closed)  # root, as tests often run, is let in everywhere
    assert make_url(url(parse("<?php $dbs_tiki = 'd';"), tmp_path)).host == "127.0.0.1"


def test_html_short_echo_and_attributes_are_told_apart() -> None:
    source = "a<?= $x ?>\nb<?php #[Pure]\n# note\nf(1) ?>"
    assert [(token.kind, token.text) for token in tokens(source)] == [
        ("html", "a"), ("word", "echo"), ("variable", "x"), ("symbol", ";"), ("html", "b"), ("symbol", "#"),
        ("symbol", "["), ("word", "Pure"), ("symbol", "]"), ("word", "f"), ("symbol", "("), ("number", "1"),
        ("symbol", ")"), ("symbol", ";")]  # fmt: skip
    assert next(tokens("<?php 'unclosed")) == Token("symbol", "'")


VARIABLES = ("host_tiki", "user_tiki", "pass_tiki", "dbs_tiki")
single = st.text(st.sampled_from("ab \\'\"$é€/#;?>\n"), max_size=8).map(lambda s: "'" + s.replace("'", "\\'") + "'")
double = st.text(st.sampled_from("abnx01u7{} \\'$é/#;\n"), max_size=10).map(lambda s: '"' + s + '"')
number = st.integers(0, 10**20).map(str)
operand = st.one_of(single, double, number, st.sampled_from(["null", "TRUE", "false", "$user_tiki", "$none"]))
expression = st.lists(operand, min_size=1, max_size=3).map(" . ".join)
noise = st.sampled_from(
    ["# $user_tiki='x';\n", "/* ' */", '// "\n', " ?>$dbs_tiki='h';<?php ", "\n", "if(0){$pass_tiki=1;}"]
)
assignment = st.tuples(st.sampled_from(VARIABLES), expression).map(lambda pair: f"${pair[0]} = {pair[1]};")


@pytest.mark.skipif(shutil.which("php") is None, reason="php, the judge, is not installed")
@settings(max_examples=15)
@given(st.lists(st.lists(st.one_of(assignment, noise), max_size=6).map("".join), min_size=20, max_size=20))
def test_random_files_mean_what_php_makes_of_them(files: list[str]) -> None:
    for source, expected in zip(files, _evaluated(files), strict=True):
        if expected is None:  # PHP itself refuses the file
            continue
        try:
            local = parse("<?php " + source)
        except SetupError:
            continue  # refusing is always safe; what is refused without need is held by the tests above
        assert (local.user, local.password, local.database) == (
            expected["user_tiki"], expected["pass_tiki"], expected["dbs_tiki"])  # fmt: skip


def _evaluated(files: list[str]) -> list[dict[str, str] | None]:
    judge = """
        error_reporting(0);
        foreach (json_decode(stream_get_contents(STDIN)) as $source) {
            $out[] = (function () use ($source) {
                $host_tiki = 'localhost'; $user_tiki = 'root'; $pass_tiki = ''; $dbs_tiki = 'tiki';
                ob_start();
                try { eval('?><?php ' . $source); } catch (Throwable $e) { return null; } finally { ob_end_clean(); }
                return array_map('strval', compact('user_tiki', 'pass_tiki', 'dbs_tiki')
                    + ['user_tiki' => '', 'pass_tiki' => '', 'dbs_tiki' => '']);
            })();
        }
        echo json_encode($out, JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR);
    """
    run = subprocess.run(["php", "-n", "-r", judge], input=json.dumps(files).encode(), capture_output=True, check=True)
    evaluated: list[dict[str, str] | None] = json.loads(run.stdout)
    return evaluated
