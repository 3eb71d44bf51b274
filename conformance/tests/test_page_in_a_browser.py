"""The page as a reader has it, in headless Chromium: wide and narrow, dark and light, by mouse and by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from samples import WRONG, failing, results, run
from test_evidence import left

from parley_conformance.reports.publish import publish

# Seconds: the first test may have to install the browser.
pytestmark = pytest.mark.timeout(900)
WRONG_RUN = "#rpc-echo-python-dotnet-json"
ESCAPE, DOWN, TAB, ENTER = "\ue00c", "\ue015", "\ue004", "\ue007"
SHOWN = "return document.querySelector('#shown').textContent"
VISIBLE = "return [...document.querySelectorAll('.run')].filter(run => run.checkVisibility()).map(run => run.id)"
OVERFLOW = """
const inside = '.scroll, svg, pre, .message';
const wide = [...document.querySelectorAll('body *')].filter((element) => !element.closest(inside)
  && element.checkVisibility() && element.getBoundingClientRect().right > arguments[0] + 1);
return [document.documentElement.scrollWidth <= arguments[0], wide.map((element) => element.outerHTML.slice(0, 100))];
"""
CONTRAST = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const parts = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (colour) => {
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = parts(colour).map((c) => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (parts(colour)[3] === 255) return colour;
  }
  return 'white';
};
const found = [];
for (const element of document.querySelectorAll('body *')) {
  const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!text || !element.checkVisibility() || element.closest('script, style')) continue;
  const inside = element.closest('svg');
  const colour = inside ? getComputedStyle(element).fill : getComputedStyle(element).color;
  const [a, b] = [luminance(colour), luminance(behind(inside ? inside.parentElement : element))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
}
return found;
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("page")
    left(folder)
    failed = publish(failing(), folder)[1][0]
    long = [run(f"rpc/{'a-very-long-name-of-a-case-' * 3}{at}[broker]", "fail", reason="x" * 900) for at in range(20)]
    right = run(WRONG, "fail", reason="c2 was run twice", history="histories/wrong.json.gz")
    (folder / "right/histories").mkdir(parents=True)
    shutil.copy(folder / "histories/wrong.json.gz", folder / "right/histories")
    marked = publish(results(right, exit_code=1), folder / "right")[1][0]
    return {
        "right": marked,
        "failing": failed,
        "long": publish(results(*long, exit_code=1), folder, folder / "long")[1][0],
    }


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with Browser() as made:
        yield made


@pytest.fixture
def browser(window: Browser, pages: dict[str, Path]) -> Iterator[Browser]:
    """The window with the page of a failing run; whatever a test does, the page has nothing to complain of."""
    window.size(1280, 900)
    window.open(pages["failing"])
    # Each test opens the page as if for the first time.
    window.run("localStorage.clear(); location.hash = ''; location.reload()")
    window.console()
    yield window
    assert window.console() == []


def test_the_first_screen_has_verdict_rule_party_and_command(browser: Browser) -> None:
    seen = browser.run(
        "return [...document.querySelectorAll('h1, .problem .rule, .problem dd, .problem .cmd')]"
        ".filter(one => one.getBoundingClientRect().bottom <= innerHeight).map(one => one.innerText).join('\\n')"
    )
    for told in (
        "Does not conform",
        "RPC-2",
        "callers never meet",
        "caller (the python SDK)",
        "--keep",
        "broker → caller",
    ):
        assert told in seen


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["failing", "long"])
def test_nothing_is_too_wide_or_too_faint(
    browser: Browser, pages: dict[str, Path], name: str, width: int, height: int, dark: bool
) -> None:
    browser.size(width, height, dark=dark)
    browser.open(pages[name], WRONG_RUN if name == "failing" else "")
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.run(OVERFLOW, width) == [True, []]
    assert browser.run(CONTRAST) == []


def test_filters_and_search_leave_what_fits(browser: Browser) -> None:
    assert browser.run(SHOWN) == "4 of 4 runs"
    browser.run(
        "const s = document.querySelector('[name=verdict]'); s.value = 'fail'; s.form.dispatchEvent(new Event('input'))"
    )
    browser.run("return new Promise(requestAnimationFrame)")
    assert browser.run(VISIBLE) == [WRONG_RUN[1:]]
    assert browser.run(SHOWN) == "1 of 4 runs"
    browser.click("#filters [type=reset]")
    browser.type("[name=q]", "PUB-1")
    browser.run("return new Promise(requestAnimationFrame)")
    assert browser.run(VISIBLE) == ["pubsub-stored-broker"]
    browser.type("[name=q]", " never-heard-of")
    browser.run("return new Promise(requestAnimationFrame)")
    assert browser.run("return document.querySelector('#none').checkVisibility()")
    browser.keys(ESCAPE)
    assert browser.run(SHOWN) == "4 of 4 runs"


def test_a_field_of_the_matrix_shows_its_cases(browser: Browser) -> None:
    browser.click(".matrix td.v-fail a")
    browser.run("return new Promise(requestAnimationFrame)")
    assert browser.run(VISIBLE) == [WRONG_RUN[1:]]


def test_a_link_opens_its_case_with_diagram_and_logs(browser: Browser) -> None:
    browser.click(".problem .runs a")
    assert browser.run("return document.querySelector(arguments[0]).open", WRONG_RUN)
    assert (
        browser.run("return document.querySelector(arguments[0] + ' svg').getBoundingClientRect().width", WRONG_RUN)
        > 300
    )
    assert "✗ Reply c1" in browser.run("return document.querySelector(arguments[0]).textContent", WRONG_RUN)


def test_on_a_phone_the_mark_is_in_sight(browser: Browser, pages: dict[str, Path]) -> None:
    browser.size(360, 740)
    browser.open(pages["right"], WRONG_RUN)
    box = "const box = document.querySelector('.msg.bad').getBoundingClientRect();"
    browser.wait(f"{box} return 0 <= box.left && box.right <= 360")


def test_a_link_to_a_case_that_is_filtered_away_brings_it_back(browser: Browser) -> None:
    browser.type("[name=q]", "pubsub")
    browser.run("return new Promise(requestAnimationFrame)")
    browser.run("location.hash = arguments[0]", WRONG_RUN)
    browser.wait("return document.querySelector(arguments[0]).checkVisibility()", WRONG_RUN)


def test_the_theme_follows_the_reader_and_the_button(browser: Browser) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(colour)
    browser.size(1280, 900, dark=True)
    dark = browser.run(colour)
    assert light != dark
    browser.click("#theme")
    assert browser.run(colour) == light
    browser.run("location.reload()")
    assert browser.run(colour) == light


def test_it_works_by_keyboard(browser: Browser) -> None:
    browser.keys(TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    browser.keys("/")
    assert browser.run("return document.activeElement.name") == "q"
    browser.keys(*"echo")
    assert browser.run("return document.querySelector('[name=q]').value") == "echo"
    browser.run("document.querySelector('.run > summary').focus()")
    browser.keys(DOWN, ENTER)
    assert browser.run(
        "return [document.activeElement.parentElement.id, document.activeElement.parentElement.open]"
    ) == [
        WRONG_RUN[1:],
        True,
    ]


def test_the_command_is_copied_or_selected(browser: Browser) -> None:
    browser.click(".problem .copy")
    browser.wait("return document.querySelector('.copy').textContent !== 'Copy'")
    told = browser.run("return document.querySelector('.copy').textContent")
    assert told in ("Copied", "Selected")
    if told == "Selected":
        assert browser.run("return getSelection().toString()") == f"parley-conformance run --keep '{WRONG}'"


def test_without_script_the_content_is_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["failing"])
        shown = browser.devtools("Runtime.evaluate", expression="document.body.innerText")["result"]["value"]
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    assert "c1 got the reply to c2" in shown
    assert "python→dotnet json" in shown
    assert "Search" not in shown
    assert "Copy" not in shown
