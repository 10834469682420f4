"""Markdown as it comes out: links, names of headings, and nothing that is taken for markup."""

from __future__ import annotations

from base64 import b64encode

import pytest

from sparkify_dagster.docs_site.prose import Heading, Prose, Target, rendered

SITE = {
    "README.md": Target("overview.html", "Overview"),
    "docs/records.md": Target("records.html", "Records"),
    "docs/redshift.md": Target("redshift.html", "Production"),
}


def read(text: str, path: str = "docs/records.md") -> Prose:
    return rendered(text, path, SITE, lambda name: name.encode())


@pytest.mark.parametrize(
    ("path", "link", "led"),
    [
        ("docs/records.md", "[a](redshift.md#tls)", '<a href="redshift.html#tls">a</a>'),
        ("docs/records.md", "[a](../README.md)", '<a href="overview.html">a</a>'),
        ("README.md", "[a](docs/redshift.md)", '<a href="redshift.html">a</a>'),
        ("README.md", "[a](#here)", '<a href="#here">a</a>'),
        ("README.md", "[a](https://a.b/c)", '<a href="https://a.b/c">a</a>'),
        ("README.md", "[a/b.md](docs/redshift.md)", '<a href="redshift.html">Production</a>'),
        ("README.md", "[the *licence*](LICENSE) b", "<p>the <em>licence</em> b</p>"),
        ("README.md", "[a](LICENSE) [b](docs/records.md)", 'a <a href="records.html">b</a>'),
    ],
)  # fmt: skip
def test_links_stay_inside_the_site(path: str, link: str, led: str) -> None:
    assert led in read(link, path).html


def test_headings_get_the_names_they_have_on_github() -> None:
    prose = read("# The `load`\n## What's new?\n## What's new?\n### A & b_c\n")
    assert prose.title == "The load"
    assert prose.headings == [
        Heading(2, "What's new?", "whats-new"),
        Heading(2, "What's new?", "whats-new-1"),
        Heading(3, "A & b_c", "a--b_c"),
    ]
    assert '<h2 id="whats-new-1">' in prose.html


def test_html_in_a_page_is_shown_and_not_run() -> None:
    html = read(
        "<script>alert(1)</script>\n\n`<b>` and <i>x</i>\n\n```sql\nSELECT '<b>'\n```\n"
    ).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_a_link_that_would_run_a_script_is_no_link() -> None:
    assert "href" not in read("[a](javascript:alert(1))").html


def test_a_wide_table_scrolls_in_a_box_that_a_keyboard_can_reach() -> None:
    html = read("| a |\n|---|\n| 1 |\n").html
    assert '<div class="wide" tabindex="0" role="region"' in html
    assert html.count("<div") == html.count("</div>") == 1


def test_a_drawing_that_is_not_understood_is_shown_as_text() -> None:
    html = read("```mermaid\nsequenceDiagram\n  A->>B: hello\n```\n").html
    assert "sequenceDiagram" in html
    assert "<svg" not in html


def test_a_picture_of_the_checkout_becomes_part_of_the_page() -> None:
    html = read("# A\n\n![A graph](images/a.png) ![Theirs](https://example.com/b.png)\n").html
    inside = b64encode(b"docs/images/a.png").decode()
    assert f'<img src="data:image/png;base64,{inside}" alt="A graph" />' in html
    assert '<img src="https://example.com/b.png" alt="Theirs" />' in html
