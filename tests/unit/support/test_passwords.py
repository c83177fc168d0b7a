# SPDX-License-Identifier: MIT
"""Passwords in text that people may see."""

import pytest

from hyperopt_app.support.passwords import mask_password


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
