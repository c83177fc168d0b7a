# SPDX-License-Identifier: MIT
"""Passwords in text that people may see."""

from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.support.passwords import mask_password, masked

# Longer than any word of the texts around it, so that a part of it is not found there by chance.
_PASSWORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=4).map(
    lambda text: f"Zq7{text}7qZ"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://user:s3cr%40t@host:5432/db", "postgresql+psycopg://user:***@host:5432/db"),
        ("mysql+pymysql://user:s3cr@t@host/db", "mysql+pymysql://user:***@host/db"),
        ("postgresql://user:a/b@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:a:b?c#d@host/db", "postgresql://user:***@host/db"),
        ("postgresql://me@corp:pass@host/db", "postgresql://me@corp:***@host/db"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        (
            "postgresql:///db?user=me&password=abc&sslmode=require",
            "postgresql:///db?user=me&password=***&sslmode=require",
        ),
        ("postgresql:///db?PASSWORD=abc", "postgresql:///db?PASSWORD=***"),
        ("postgresql://user:***@host/db", "postgresql://user:***@host/db"),
        ("from x://a:b@c/d to 'y+z://e:f@g', then", "from x://a:***@c/d to 'y+z://e:***@g', then"),
        ("storage: x://a:b@c/d\nother: x://e:f@g", "storage: x://a:***@c/d\nother: x://e:***@g"),
        ("postgresql://u:two words@host/db", "postgresql://u:***@host/db"),
        ("Study s in postgresql://u:two words@host/db.", "Study s in postgresql://u:***@host/db."),
        ("storage='x://u:it\\'s two@h/d' n=3", "storage='x://u:***@h/d' n=3"),
        ("storage: 'x://u:it''s two@h/d'", "storage: 'x://u:***@h/d'"),
        ("{storage:x://u:a b@h/d}", "{storage:x://u:***@h/d}"),
        ("x://u:a://b@h/d", "x://u:***@h/d"),
        ("mysql://h/d?ssl_key_password=a%20b&charset=utf8", "mysql://h/d?ssl_key_password=***&charset=utf8"),
        ("postgresql://h/d?passfile=/home/me/.pgpass", "postgresql://h/d?passfile=/home/me/.pgpass"),
        ("postgresql://h/d?sslpassword=two words&x=1", "postgresql://h/d?sslpassword=***&x=1"),
        ("refused: x://u:a b@h/d?password=c d, then", "refused: x://u:***@h/d?password=***, then"),
        ("refused: x://h/d?password=c d (see there)", "refused: x://h/d?password=*** (see there)"),
        (
            "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Dme%3BPWD%3Dab%20c%3BServer%3Dh",
            "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Dme%3BPWD%3D***%3BServer%3Dh",
        ),
        (
            "mssql+pyodbc:///?odbc_connect=PWD%3D%7Ba%3Bb%7D%7Dc%7D%3BServer%3Dh",
            "mssql+pyodbc:///?odbc_connect=PWD%3D***%3BServer%3Dh",
        ),
    ],
)
def test_passwords_are_masked(text: str, shown: str) -> None:
    """The password of every URL in a text is shown as three stars, and the rest of the text as it is."""
    assert mask_password(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqlite:////abs/study.db",
        "postgresql://user@host:5432/db",
        "postgresql://host:5432/db",
        "see https://example.org:8080/path and me@example.org",
        "optimizer.learning_rate=1e-4, user:name@host",
        "C:\\path and a://b",
    ],
)
def test_text_without_a_password_stays(text: str) -> None:
    """What holds no password is not changed, ports and mail addresses included."""
    assert mask_password(text) == text


@given(_PASSWORDS)
def test_no_password_is_shown(password: str) -> None:
    """Whatever it holds: as the user typed it, percent-encoded, as an option; as a URL, quoted in a line, in a tree."""
    braced = "{" + password.replace("}", "}}") + "}"
    urls = [
        f"postgresql://user:{password}@host/db",
        f"postgresql://user:{quote(password, safe='')}@host/db",
        f"mysql://host/db?ssl_key_password={quote_plus(password)}",
        f"mssql+pyodbc:///?odbc_connect={quote_plus(f'UID=me;PWD={braced};Server=h')}",
    ]
    for url in urls:
        override = "hydra.sweeper.storage='" + url.replace("\\", "\\\\").replace("'", "\\'") + "'"
        tree = yaml.dump(masked({"storage": url, "overrides": [override], "n": 3}), width=40)
        shown = mask_password(url) + mask_password(f"refused: {override}, see there") + tree
        assert "7qZ" not in shown
        assert "Zq7" not in shown


def test_what_follows_a_url_in_an_override_is_the_urls_own() -> None:
    """Such as a blank in its last option, which ends it in running text."""
    override = "db.url=mysql://h/d?ssl_key_password=two words, three"
    assert mask_password(override, is_prose=False) == "db.url=mysql://h/d?ssl_key_password=***"
    assert masked([override]) == ["db.url=mysql://h/d?ssl_key_password=***"]


def test_a_long_word_is_no_burden() -> None:
    """An error may quote a file; a search from each of its letters would not come to an end here."""
    text = "a" * 2_000_000
    assert mask_password(text) == text
